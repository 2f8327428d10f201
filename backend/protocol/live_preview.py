"""Small pictures for a window that is open while settings change, painted as the settings say."""

from __future__ import annotations

import time

from .client import Backend, Run
from .events import Cancelled, Cancelling, Event, Progress
from .job import Job
from .live import TICK_SECONDS, Live

HEARD_SECONDS = 0.5
"""How long closing waits for the backend's word that it has heard the cancel."""


class LivePreview(Live[Job | None, Event]):
    """What becomes of the last job only; `paint` and `poll` return at once.

    It has at most one job at the backend, cancelled as soon as another is wanted or it is closed, so that it takes no
    more of other clients' turns than one job does.
    """

    def paint(self, job: Job | None) -> None:
        """Paint this instead of what was wanted so far; None is nothing.

        `poll` gives the events of the job in order: Queued, Progress, Preview and last Done, or raises its Failure.
        """
        self._put(job)

    def _work(self, backend: Backend, number: int, job: Job | None) -> None:
        if job is None:
            return
        run = backend.submit(job, previews=True)
        cancelled, may_cancel = False, False
        for event in run.events(TICK_SECONDS):
            if self._closing:
                return _leave(run)
            if event is not None and self._wanted(number):
                self._tell(number, event)
            may_cancel = may_cancel if event is None else _may_cancel(event)
            if may_cancel and not cancelled and not self._wanted(number):
                cancelled = True
                run.cancel()


def _may_cancel(event: Event) -> bool:
    """Whether the last event tells that the job can be cancelled at no cost to the next one.

    A worker that does not end a job in time is killed; one that is still loading what every job needs would so begin
    all over, perhaps again and again.
    """
    return not isinstance(event, Progress) or event.stage == "painting"


def _leave(run: Run) -> None:
    """Cancel before hanging up, which the backend would notice a moment later: the next client shall not wait."""
    run.cancel()
    deadline = time.monotonic() + HEARD_SECONDS
    for event in run.events(TICK_SECONDS):
        if isinstance(event, (Cancelling, Cancelled)) or time.monotonic() > deadline:
            return
