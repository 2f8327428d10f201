"""Backends in homes of their own, and looks at what they are made of; for Linux, as all drills are."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from backend.protocol import client
from backend.protocol.connection import find_running
from backend.protocol.installation import HOME_VARIABLE, Installation

CHECKOUT = Path(__file__).parents[2]
PROC = Path("/proc")


@contextlib.contextmanager
def new_home() -> Iterator[Installation]:
    """An installation in a folder that is gone afterwards, with every process of it."""
    # A short path, since that of a socket is limited.
    home = Path(tempfile.mkdtemp(prefix="ns-"))
    installation = Installation(home, Path(sys.executable))
    try:
        yield installation
    finally:
        with contextlib.suppress(Exception):
            client.stop(installation)
        for pid in processes_of(home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not processes_of(home))
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def serving(installation: Installation, *options: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A backend that was started by hand, with options and variables of its own, and is killed at the end."""
    installation.start_log.parent.mkdir(parents=True, exist_ok=True)
    with open(installation.start_log, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", "serve", *options],
            cwd=CHECKOUT,
            env={**os.environ, HOME_VARIABLE: str(installation.home), **variables},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        if not wait_until(lambda: find_running(installation) is not None or process.poll() is not None):
            raise TimeoutError("the backend did not start")
        yield process
    finally:
        process.kill()
        process.wait()


def processes_of(home: Path) -> list[int]:
    """The living processes whose environment names the home: the backend, its workers, and bridges to it."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if f"{HOME_VARIABLE}={home}".encode() in environment and state != "Z":
                found.append(int(entry.name))
    return found


def leftovers(installation: Installation) -> list[str]:
    """What a backend has left in its home that nobody needs any more: all but locks, logs and measured speeds."""
    speed = installation.speed_file
    kept = {installation.lock_file, installation.start_file, speed, speed.with_suffix(".lock")}
    files = (path for path in installation.home.rglob("*") if not path.is_dir())
    return [str(path) for path in files if path not in kept and path.parent != installation.log_file.parent]


def resident(pid: int) -> int:
    """A process's resident memory in bytes."""
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def wait_until(condition: Callable[[], bool], seconds: float = 10, pause: float = 0.02) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(pause)
    return condition()
