"""How long a job still takes, told from how fast it went lately."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW = 20
LEAST = 3


class Clock:
    """Estimates the seconds left from the last steps' share of the work a second."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: deque[tuple[float, float]] = deque(maxlen=WINDOW)

    def seconds_left(self, fraction: float) -> float | None:
        """Seconds until `fraction` (0..1) is 1, or None while too little was seen."""
        self._seen.append((self._now(), fraction))
        (start, first), (end, last) = self._seen[0], self._seen[-1]
        if len(self._seen) < LEAST or last <= first:
            return None
        return (1 - last) * (end - start) / (last - first)
