"""Which of a worker's jobs were cancelled, and which thread says so: exactly one of them, and soon.

The thread that paints looks after each step. While it is busy with something longer (another job, getting ready, a
measurement, the finish), the thread that reads answers in its place, and what the other one is making is dropped.
"""

from __future__ import annotations

import threading


class Cancels:
    """The jobs that have had no final message, and whether each is between two looks of the painting thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looks: dict[str, bool] = {}
        self._cancelled: set[str] = set()

    def take_in(self, job: str) -> None:
        """A job has come; nobody looks after it yet."""
        with self._lock:
            self._looks[job] = False

    def look(self, job: str, looks: bool) -> None:
        """Say whether the painting thread will look within a step."""
        with self._lock:
            if job in self._looks:
                self._looks[job] = looks

    def cancel(self, job: str) -> bool:
        """Note a cancel; whether the caller has to send the job's final message."""
        with self._lock:
            if self._looks.get(job):
                self._cancelled.add(job)
                return False
            return self._looks.pop(job, None) is not None

    def wanted(self, job: str) -> bool:
        """Whether the job is still to be painted."""
        with self._lock:
            return job in self._looks and job not in self._cancelled

    def end(self, job: str) -> bool:
        """The job ends; whether the caller has to send its final message, since nobody has."""
        with self._lock:
            self._cancelled.discard(job)
            return self._looks.pop(job, None) is not None
