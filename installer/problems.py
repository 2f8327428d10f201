"""What can go wrong while installing, as one sentence and a remedy."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from . import offline
from .problem import Problem
from .target import Target

__all__ = ["Problem", "disk_full", "from_os_error", "from_pip", "lacks_build"]

NO_NETWORK = (
    r"NewConnectionError|Connection(Error| refused| broken| reset)|name resolution|Max retries|ReadTimeout|ProxyError"
)

NO_BUILD = re.compile(r"No matching distribution found for ([^\s;]+)")


def disk_full(folder: Path) -> Problem:
    """The disk that holds the folder has no room left."""
    return Problem(f"The disk that holds {folder} is full.", "Make room (about 3 GB are needed) and run this again.")


def from_pip(output: str, home: Path, log: Path, target: Target | None = None) -> Problem:
    """What a failed pip run means, read from what it printed; `target` is what the packages are for."""
    if re.search(r"No space left on device|Errno 28|disk quota", output, re.I):
        return disk_full(home)
    if re.search(NO_NETWORK, output, re.I):
        return Problem("The packages could not be downloaded.", "Check the network connection and run this again.")
    if re.search(r"Permission denied|Errno 13|Read-only file system", output, re.I):
        return Problem(f"A file under {home} could not be written.", "Make that folder writable and run this again.")
    if match := NO_BUILD.search(output):
        return _no_build(match[1], target or Target.here())
    return Problem("A package could not be installed.", f"The reason is at the end of {log}.")


def _no_build(package: str, target: Target) -> Problem:
    if offline.in_use():
        return Problem(
            f"Among the wheels at hand there is no {package} for {target}.",
            "Fill the folder for it with `python3 install.py download` of this same version of Neural Style "
            f"(--platform {target.name} --python {target.python}).",
        )
    return Problem(
        f"There is no build of {package} for {target}.",
        "Use another Python (3.11 to 3.13 are the safest) and try again.",
    )


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
