"""A lock on a file that the system releases when its holder ends, however it ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        file.seek(1 << 20)  # Windows lets nobody read what is locked, so lock a byte beyond what is written
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(path: Path) -> IO[bytes] | None:
    """The open file that holds the lock (close it to release), or None if another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(descriptor, "r+b")
    try:
        _take(file)
    except OSError:
        file.close()
        return None
    return file


def wait_for_lock(path: Path, seconds: float) -> IO[bytes]:
    """The open file that holds the lock, once nobody else does; a TimeoutError if that takes longer."""
    deadline = time.monotonic() + seconds
    while (file := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)
    return file


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock; a look that itself takes it for an instant."""
    if not path.exists():
        return False
    file = try_lock(path)
    if file is None:
        return True
    file.close()
    return False


def sign(lock: IO[bytes]) -> None:
    """Write into a lock that we hold which process holds it."""
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()).encode())
    lock.flush()


def holder(path: Path) -> int | None:
    """The process that holds the lock and has signed it, or None."""
    if not is_locked(path):
        return None
    text = path.read_text("ascii", "replace")
    return int(text) if text.isdecimal() else None
