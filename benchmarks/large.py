"""A large layer, painted at its full resolution by the real backend: does it get through, and in how much memory?"""

from __future__ import annotations

from collections.abc import Iterator

from backend.imaging.resize import resize
from backend.protocol.estimate import Outline
from backend.protocol.job import Settings
from benchmarks.conditions import Conditions, Result, say
from benchmarks.pictures import load
from benchmarks.service import Service, TooSlow, make_job, planned

SIZE, SIZE_QUICKLY = (6000, 4000), (3000, 2000)
STEPS, STEPS_QUICKLY = 1, 1
BOUND = 3e9
"""Bytes that the worker may hold in all."""


def measure(conditions: Conditions) -> Iterator[Result]:
    """Paint the demo's photograph, enlarged, in few steps."""
    width, height = SIZE_QUICKLY if conditions.quick else SIZE
    steps = STEPS_QUICKLY if conditions.quick else STEPS
    pair = conditions.pairs[0]
    content, style = resize(load(pair.content), (height, width)).clamp(0, 1), load(pair.style)
    job = make_job(content, style, Settings(size=max(width, height), steps=steps, memory_limit=BOUND / 1e9))
    del content
    with Service() as service:
        service.paint(make_job(style, style, Settings(size=64, steps=1)))
        loaded, _ = service.memory()
        told = service.backend.estimate(Outline.of(job)).seconds
        if told > conditions.left:
            minutes = f"{told / 60:.0f} minutes, of which this part has {conditions.left / 60:.0f}"
            raise TooSlow(f"{width} x {height} px would take {minutes}; `--again large` gives it an hour.")
        say(f"  {steps} steps at {width} x {height}")
        painted = service.paint(job, conditions.left)
        _, peak = service.memory()
    plan = planned(job, loaded)
    yield {
        "width": width,
        "height": height,
        "steps": steps,
        "seconds": painted.seconds,
        "loaded": loaded,
        "peak": peak,
        "predicted": loaded + plan.bytes,
        "tile": plan.tile,
        "history": plan.history,
        "bound": BOUND,
        "complete": not conditions.quick,
    }
