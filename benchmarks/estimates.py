"""What the backend says beforehand that a job will take, beside what it took; and each preset's picture."""

from __future__ import annotations

from collections.abc import Iterator

from backend.protocol.estimate import Outline
from backend.protocol.job import Settings
from benchmarks.conditions import Conditions, Result, say
from benchmarks.pictures import load, write_picture
from benchmarks.service import Service, make_job

PRESETS = ("draft", "normal", "high")
SIZES = (192, 256, 384)
"""Working sizes in pixels, in the order they are measured."""
BOUND = 0.25
"""The relative error that an estimate may have."""


def measure(conditions: Conditions) -> Iterator[Result]:
    """Ask, then paint, for each preset (in a hurry the first) and size."""
    pair = conditions.pairs[0]
    content, style = load(pair.content), load(pair.style)
    result: Result = {"pair": pair.name, "bound": BOUND, "answers": True, "jobs": [], "left_out": []}
    with Service() as service:
        service.paint(make_job(content, style, Settings(size=64, steps=1)))
        for preset in PRESETS[:1] if conditions.quick else PRESETS:
            for size in SIZES:
                settings = Settings(preset=preset, size=size)
                job = make_job(content, style, settings)
                told = service.backend.estimate(Outline.of(job))
                if told.seconds > conditions.left:
                    result["left_out"].append([preset, size])
                    continue
                painted = service.paint(job, conditions.left)
                say(f"  {preset} at {size}: {painted.seconds:.1f} s, told {told.seconds:.1f} s")
                result["jobs"].append(
                    {
                        "preset": preset,
                        "size": size,
                        "seconds": painted.seconds,
                        "told": told.seconds,
                        "error": told.seconds / painted.seconds - 1,
                    }
                )
                if size == max(SIZES):
                    write_picture(painted.picture, conditions.picture(pair.name, preset))
                yield result
