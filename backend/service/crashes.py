"""When workers die one after another, and how long to wait before another one is tried."""

from __future__ import annotations

import time
from collections.abc import Callable

from backend.protocol.errors import Failure
from backend.protocol.installation import Installation

MOST = 5
"""So many workers may die in a row without having finished anything."""
PAUSE_SECONDS = 10.0
"""How long no further one is started then. Each that dies after the pause begins another."""


class Crashes:
    """Counts the workers that died in a row, so that a machine on which none can live is not kept busy with them."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._count = 0
        self._reason = ""
        self._until = 0.0

    def died(self, reason: str) -> None:
        """Count a worker that ended without being told to."""
        self._count += 1
        self._reason = reason
        if self._count >= MOST:
            self._until = self._now() + PAUSE_SECONDS

    def finished(self) -> None:
        """A worker has brought something to its end: they can live."""
        self._count = 0

    @property
    def pause(self) -> Failure | None:
        """Why no worker may be started now, None if one may."""
        if self._count < MOST or self._now() >= self._until:
            return None
        return Failure("workers-die", count=self._count, reason=self._reason, log=Installation.find().log_file)
