"""What can go wrong while installing, as one sentence and a remedy."""

from __future__ import annotations

import errno
import re
from pathlib import Path

NO_NETWORK = (
    r"NewConnectionError|Connection(Error| refused| broken| reset)|name resolution|Max retries|ReadTimeout|ProxyError"
)

NO_BUILD = re.compile(r"No matching distribution found for ([^\s;]+)")


class Problem(Exception):
    """Something the user can put right: a sentence that says what it is, and a remedy."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence} {remedy}")
        self.sentence = sentence
        self.remedy = remedy


def disk_full(folder: Path) -> Problem:
    """The disk that holds the folder has no room left."""
    return Problem(f"The disk that holds {folder} is full.", "Make room (about 3 GB are needed) and run this again.")


def from_pip(output: str, home: Path, log: Path) -> Problem:
    """What a failed pip run means, read from what it printed."""
    if re.search(r"No space left on device|Errno 28|disk quota", output, re.I):
        return disk_full(home)
    if re.search(NO_NETWORK, output, re.I):
        return Problem("The packages could not be downloaded.", "Check the network connection and run this again.")
    if re.search(r"Permission denied|Errno 13|Read-only file system", output, re.I):
        return Problem(f"A file under {home} could not be written.", "Make that folder writable and run this again.")
    if match := NO_BUILD.search(output):
        return Problem(
            f"There is no build of {match[1]} for this Python or this system.",
            "Run install.py with another Python (3.11 to 3.13 are the safest) and try again.",
        )
    return Problem("A package could not be installed.", f"The reason is at the end of {log}.")


def lacks_build(output: str) -> bool:
    """Whether pip failed because a package is not built for the platform; it says so too where there is no network."""
    return bool(NO_BUILD.search(output)) and not re.search(NO_NETWORK, output, re.I)


def from_os_error(error: OSError, home: Path) -> Problem:
    """What an error of the operating system means."""
    where = error.filename or home
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(home)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Problem(f"{where} cannot be written.", "Make it writable for your user and run this again.")
    return Problem(f"{where}: {error.strerror or error}.", "Put that right and run this again.")
