"""What previews over a slow link cost the one who paints, in processor time, to a hundredth.

Wall-clock time and separate jobs scatter by several hundredths. So one job is painted, its link is slow and free by
turns of a few steps each, and what the worker's clock says of neighbouring turns is compared.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from backend.protocol.client import Backend
from backend.protocol.installation import Installation
from benchmarks.reliability.figures import Figures, median_within
from benchmarks.reliability.links import SIZE, SLOW, over_tcp
from benchmarks.reliability.throttle import Throttle
from benchmarks.reliability.work import job, outcome, until_painting

FREE = 1e9
"""Bytes a second of a link that nobody notices."""
STEPS = 6
LOOK_SECONDS = 0.005


def slowdown(installation: Installation, pairs: int) -> Figures:
    """The processor time of a step over that on a free link: the median of the pairs, and its bounds (95 %)."""
    ratios = []
    with (
        over_tcp(installation) as connection,
        Throttle(connection, FREE) as link,
        Backend(installation, connection) as observer,
        _painted_for(Backend(installation, link.connection)),
    ):
        for number in range(pairs):
            costs = {}
            for rate in (FREE, SLOW / 2)[:: 1 if number % 2 else -1]:
                link.rate = rate
                costs[rate] = _cost(observer)
            ratios.append(costs[SLOW / 2] / costs[FREE])
    low, high = median_within(ratios)
    return {"pairs": pairs, "ratio": statistics.median(ratios), "low": low, "high": high, "ratios": ratios}


@contextmanager
def _painted_for(backend: Backend) -> Iterator[None]:
    """A long job is painted, and its client takes in the previews in a thread of its own."""
    over = threading.Event()

    def take_in() -> None:
        for _ in run.events():
            if over.is_set():
                break
        run.cancel()
        outcome(run)

    with backend:
        run = backend.submit(job(50_000, SIZE), previews=True)
        until_painting(run)
        thread = threading.Thread(target=take_in)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _cost(observer: Backend) -> float:
    """Processor seconds of the worker for a whole job, as some of its steps tell."""
    clock = _clock_of(observer.status()["worker"])
    first, began = _next_step(observer, clock)
    for _ in range(STEPS):
        last, ended = _next_step(observer, clock)
    return (ended - began) / (last - first)


def _next_step(observer: Backend, clock: int) -> tuple[float, float]:
    """Wait until a step has been taken: how much of the job is painted, and the worker's processor time."""
    before = observer.status()["jobs"][0]["fraction"]
    while (fraction := observer.status()["jobs"][0]["fraction"]) == before:
        time.sleep(LOOK_SECONDS)
    return fraction, time.clock_gettime(clock)


def _clock_of(pid: int) -> int:
    """The clock of a process's processor time, in nanoseconds, as clock_getcpuclockid(3) makes it on Linux."""
    return ~pid << 3 | 2
