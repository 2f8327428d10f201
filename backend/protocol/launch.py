"""Starting the backend as a process that outlives its starter."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from .connection import Connection, find_running
from .errors import Failure
from .installation import Installation, check_room, private_folder
from .lock import try_lock
from .sandbox import flatpak, outside, refusal

SERVE = ("backend", "serve", "--quiet")
START_SECONDS = 30.0
MOST_COMPLAINTS = 1 << 16
"""Bytes from which on the log of starts begins anew."""
FOREIGN_VARIABLES = ("PYTHON", "GI_", "GDK_", "GTK_", "GIO_", "GEGL_", "BABL_", "LD_LIBRARY_PATH", "DYLD_", "GIMP_")
LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""Lets glibc ask for large pages where the system leaves that to programs: a fresh 48 MB take 7 instead of 30 ms."""
NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""On Windows a program with a window that starts one without would otherwise get a console on the screen."""


def ensure_running(installation: Installation) -> Connection:
    """The connection of the backend that runs, started if none does; a Failure if it cannot be had."""
    connection = find_running(installation)
    if connection is not None:
        return connection
    if not _is_installed(installation.python):
        raise Failure("not-installed", path=installation.python)
    check_room(private_folder(installation.run))
    return _start_or_join(installation)


def _start_or_join(installation: Installation) -> Connection:
    """Start the backend, or wait for the client that is starting it: one of many simultaneous ones does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        lock = try_lock(installation.start_file)
        if lock is not None:
            with lock:
                return find_running(installation) or _wait(installation, start_module(installation, *SERVE))
        time.sleep(0.02)
    raise Failure("cannot-start", reason=f"it took over {START_SECONDS:.0f} seconds", log=installation.log_file)


def start_module(installation: Installation, *arguments: str, piped: bool = False) -> subprocess.Popen[bytes]:
    """Run a module in the backend's Python, with its complaints in a log and, if `piped`, pipes to talk to it."""
    private_folder(installation.start_log.parent)
    try:
        with open(installation.start_log, "ab") as log:
            if log.tell() > MOST_COMPLAINTS:
                log.truncate(0)
            return subprocess.Popen(
                _command(installation, arguments),
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else log,
                stderr=log,
                cwd=_working_folder(installation.home),
                env=_environment(installation.home),
                start_new_session=True,
                creationflags=NO_WINDOW,
                close_fds=True,
            )
    except OSError as error:
        raise Failure("cannot-start", reason=error.strerror or error, log=installation.log_file) from None


def refused(installation: Installation) -> Failure | None:
    """Why a process that has ended could not be started at all, if a sandbox did not allow it."""
    app = flatpak()
    return refusal(app, _last_line(installation.start_log)) if app else None


def _is_installed(python: Path) -> bool:
    """Whether the backend's Python is there; from a Flatpak a link to the system outside leads nowhere."""
    return os.path.lexists(python) if flatpak() else python.exists()


def _command(installation: Installation, arguments: tuple[str, ...]) -> list[str]:
    command = [str(installation.python), "-m", *arguments]
    if flatpak():
        return outside(command, _working_folder(installation.home), _variables(installation.home))
    return command


def _working_folder(home: Path) -> Path:
    """A folder from which `backend` is found in a checkout too, and in which nothing else can stand in its way."""
    package = Path(__file__).resolve().parent.parent
    return package.parent if package.name == "backend" else home


def _environment(home: Path) -> dict[str, str]:
    """Our environment without what an image editor sets for its own Python and libraries."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_VARIABLES)}
    return {**kept, **_variables(home)}


def _variables(home: Path) -> dict[str, str]:
    return {"NEURAL_STYLE_HOME": str(home), "PYTHONUNBUFFERED": "1", **LARGE_PAGES}


def _wait(installation: Installation, process: subprocess.Popen[bytes]) -> Connection:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        connection = find_running(installation)
        if connection is not None:
            return connection
        # One that ended well has found another backend, started by hand, which is still coming up.
        if process.poll() not in (None, 0):
            reason = _last_line(installation.start_log)
            raise refused(installation) or Failure("cannot-start", reason=reason, log=installation.start_log)
        time.sleep(0.02)
    raise Failure("cannot-start", reason=f"it took over {START_SECONDS:.0f} seconds", log=installation.log_file)


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1].strip().removeprefix("neural-style: ").rstrip(".") if lines else "it ended at once"
