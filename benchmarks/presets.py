"""The pictures that a user gets of the pairs for which no other measurement makes them."""

from __future__ import annotations

from collections.abc import Iterator

from backend.protocol.job import Settings
from benchmarks.conditions import Conditions, Result, say
from benchmarks.pictures import load, write_picture
from benchmarks.service import Service, make_job

PRESET = "normal"


def measure(conditions: Conditions) -> Iterator[Result]:
    """Paint each pair but the first in the normal preset."""
    result: Result = {"preset": PRESET, "seconds": {}}
    yield result
    if conditions.quick:
        return
    with Service() as service:
        for pair in conditions.pairs[1:]:
            job = make_job(load(pair.content), load(pair.style), Settings(preset=PRESET))
            painted = service.paint(job, conditions.left)
            write_picture(painted.picture, conditions.picture(pair.name, PRESET))
            say(f"  {pair.name}: {painted.seconds:.0f} s")
            result["seconds"][pair.name] = painted.seconds
            yield result
