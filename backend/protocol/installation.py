"""Where an installation keeps its things, and which Python runs its backend."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import Failure
from .sandbox import check_entry

HOME_VARIABLE = "NEURAL_STYLE_HOME"
START_BYTES = 1 << 16
LONGEST_SOCKET_PATH = 100  # the system's limit is 107 bytes on Linux, 103 on macOS


@dataclass(frozen=True)
class Installation:
    """A `home` folder that holds all that is installed, and the `python` that can run the backend."""

    home: Path
    python: Path

    @classmethod
    def find(cls) -> Installation:
        """The installation of this user; in the backend's own Python that Python is used."""
        home = default_home()
        own = home / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        return cls(home, own if own.exists() else Path(sys.executable))

    @classmethod
    def load(cls, path: Path) -> Installation:
        """The installation that `install.py` noted in a JSON file; a Failure if there is none that can be used."""
        try:
            values = json.loads(path.read_text("utf-8"))
            found = cls(Path(values["home"]), Path(values["python"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise Failure("not-installed", path=path) from None
        check_entry(found.home)
        return found

    @property
    def run(self) -> Path:
        """The folder, closed to other users, of the socket, the lock and the connection file."""
        return self.home / "run"

    @property
    def connection_file(self) -> Path:
        """What a client reads to find the running backend."""
        return self.run / "connection.json"

    @property
    def lock_file(self) -> Path:
        """What a backend holds locked for as long as it lives."""
        return self.run / "backend.lock"

    @property
    def start_file(self) -> Path:
        """What a client holds locked while it starts the backend."""
        return self.run / "start.lock"

    @property
    def speed_file(self) -> Path:
        """What the backend found out about the speed of this machine's devices."""
        return self.home / "speed.json"

    @property
    def remote_file(self) -> Path:
        """The backends on other machines that this user has keys for, and which one is in use."""
        return self.home / "remote.json"

    @property
    def keys(self) -> Path:
        """The folder of the keys of clients on other machines, if this machine lets any in."""
        return self.home / "keys"

    @property
    def log_file(self) -> Path:
        """Where the backend writes its log, with what its workers say."""
        return self.home / "log" / "backend.log"

    @property
    def start_log(self) -> Path:
        """What a process said that a client started: why it did not start, or what no log was left for."""
        return self.home / "log" / "start-backend.log"

    @property
    def socket(self) -> Path:
        """The path of the backend's Unix socket; in a private temporary folder if the home's path is too long."""
        path = self.run / "backend.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
        name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"neural-style-{name}" / "backend.sock"


def default_home() -> Path:
    """The home folder: NEURAL_STYLE_HOME, or this system's place for a user's data."""
    if chosen := os.environ.get(HOME_VARIABLE):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "neural-style"


def private_folder(path: Path) -> Path:
    """Make a folder that only this user can enter; a Failure if that cannot be had."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix":
            if path.stat().st_uid != os.getuid():
                raise Failure("folder", path=path, reason="it belongs to another user")
            path.chmod(0o700)
    except OSError as error:
        raise unusable(path, error) from None
    return path


def check_room(path: Path) -> None:
    """Raise a Failure unless a starting backend's files can be written in the folder."""
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(bytes(START_BYTES))
    except OSError as error:
        raise unusable(path, error) from None


def unusable(path: Path, error: OSError) -> Failure:
    """The failure of a folder in which something could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure("disk-full", path=path)
    return Failure("folder", path=path, reason=error.strerror or error)
