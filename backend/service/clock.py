"""How long a job still takes, told from how fast it went lately."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW = 0.2
"""The share of the job, the latest one, that the speed is taken from: the machine may have other work meanwhile."""
LEAST = 3
"""Looks before the first answer where the way up to the first one is not part of what is measured."""


class Clock:
    """Estimates the seconds left from the share of the job that is done, 0..1, measured in time as it was foreseen."""

    def __init__(self, now: Callable[[], float] = time.monotonic, *, whole: bool = True) -> None:
        """Begin with the job. Unless `whole`, the shares leave out what comes before the first step."""
        self._now = now
        self._seen: deque[tuple[float, float]] = deque([(now(), 0.0)] if whole else [])
        self._least = 2 if whole else LEAST

    def seconds_left(self, share: float) -> float | None:
        """Seconds until `share` is 1, or None while too little was seen."""
        if self._seen and share < self._seen[-1][1]:
            self._seen.clear()  # the job has begun anew
        self._seen.append((self._now(), share))
        while len(self._seen) > self._least and self._seen[1][1] <= share - WINDOW:
            self._seen.popleft()
        (start, first), (end, last) = self._seen[0], self._seen[-1]
        if len(self._seen) < self._least or last <= first:
            return None
        return (1 - last) * (end - start) / (last - first)
