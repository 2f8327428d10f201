"""What the service adds to computing: the way of a layer there and back, and the wait for a first sign."""

from __future__ import annotations

import statistics
import time

from backend.protocol import client
from backend.protocol.events import Done, Progress
from backend.protocol.installation import Installation
from benchmarks.reliability.figures import Figures
from benchmarks.reliability.work import job, outcome, picture

SIDE = 4000
"""The side of a square 8-bit RGB layer of 48 MB."""


def layer(installation: Installation, rounds: int, side: int = SIDE) -> Figures:
    """Seconds that a layer's job takes beyond what its worker says that it computed; the median and the best."""
    content = picture(side, side)
    beyond = []
    with client.connect(installation) as backend:
        outcome(backend.submit(job()))
        for _ in range(rounds):
            began = time.monotonic()
            done = outcome(backend.submit(job(content=content)))
            seconds = time.monotonic() - began
            assert isinstance(done, Done)
            beyond.append(seconds - done.seconds)
    return {"bytes": content.nbytes, "rounds": rounds, "median": statistics.median(beyond), "best": min(beyond)}


def first_sign(installation: Installation, rounds: int, size: int = 512) -> Figures:
    """Seconds from submitting a job to its first progress, and to its first step, on a backend that is warm."""
    content = picture(size, size * 3 // 4)
    signs, steps = [], []
    with client.connect(installation) as backend:
        outcome(backend.submit(job()))
        for _ in range(rounds):
            began = time.monotonic()
            run = backend.submit(job(50_000, size, content))
            sign = None
            for event in run.events():
                if isinstance(event, Progress):
                    sign = sign or time.monotonic() - began
                    if event.step > 0:
                        break
            assert sign is not None
            signs.append(sign)
            steps.append(time.monotonic() - began)
            run.cancel()
            outcome(run)
    return {"rounds": rounds, "largest": max(signs), "median": statistics.median(signs),
            "step": statistics.median(steps), "size": size}  # fmt: skip
