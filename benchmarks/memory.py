"""The worker's peak memory for a picture of 512 x 512 pixels, beside what the plan said."""

from __future__ import annotations

from collections.abc import Iterator

from backend.imaging.resize import resize
from backend.protocol.job import Settings
from benchmarks.conditions import Conditions, Result, say
from benchmarks.pictures import load
from benchmarks.service import Service, make_job, planned

SIDE = 512
STEPS = 80
"""Over all scales; more than 20 of them at the finest, so that the optimiser remembers all the pairs it may."""
BOUND = 400_000_000
"""Bytes above the loaded model that the job may take."""


def measure(conditions: Conditions) -> Iterator[Result]:
    """Paint once in small, which loads the model, then at 512 x 512."""
    pair = conditions.pairs[0]
    content, style = resize(load(pair.content, 2 * SIDE), (SIDE, SIDE)).clamp(0, 1), load(pair.style)
    with Service() as service:
        service.paint(make_job(content, style, Settings(size=64, steps=1)))
        service.forget_peak()
        loaded, _ = service.memory()
        job = make_job(content, style, Settings(size=SIDE, steps=STEPS))
        say(f"  {STEPS} steps at {SIDE} x {SIDE}")
        service.paint(job, conditions.left)
        _, peak = service.memory()
    yield {
        "side": SIDE,
        "bound": BOUND,
        "loaded": loaded,
        "peak": peak,
        "above": peak - loaded,
        "predicted": planned(job, loaded).bytes,
    }
