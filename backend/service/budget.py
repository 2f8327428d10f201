"""How many bytes of pixels the backend keeps for all its clients together, so that they cannot fill the memory."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

from backend.protocol.errors import Failure
from backend.protocol.job import picture_bytes
from backend.protocol.messages import Message

SHARE = 0.25
"""The part of the memory that they may take; a layer that is larger could not be painted in the rest of it."""
CONTAINERS_OWN = Path("/sys/fs/cgroup/memory.max")


class Budget:
    """Refuses what would be too much."""

    def __init__(self, most: float | None = None) -> None:
        """`most` is in bytes."""
        self._most = SHARE * _memory() if most is None else most

    def check(self, headers: list[Message], taken: int) -> int:
        """The bytes of a job's pictures, the content's header first; a Failure if too much is `taken` already."""
        wanted = sum(map(picture_bytes, headers))
        if wanted > self._most:
            width, height = headers[0]["width"], headers[0]["height"]
            raise Failure("no-size-fits", width=width, height=height, needed=_gb(wanted), free=_gb(self._most))
        if taken + wanted > self._most:
            raise Failure("busy-memory", taken=_gb(taken))
        return wanted


def _memory() -> float:
    """The bytes of this machine, or of the container."""
    most = float(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):
        most = min(most, int(CONTAINERS_OWN.read_text()))
    return most


def _gb(count: float) -> str:
    return f"{count / 1e9:.1f} GB"
