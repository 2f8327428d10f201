"""What a job will do and take, told from its sizes and settings alone: its schedule, and its memory."""

from __future__ import annotations

from dataclasses import replace

from backend.engine.memory import HISTORIES, SIDES, VALUE, Plan, largest_side, peak, plan
from backend.engine.schedule import coarse_to_fine
from backend.engine.settings import Scale
from backend.imaging.sizes import Size
from backend.protocol.errors import Failure
from backend.protocol.job import Settings

SIZES = (64, 128, 192, 256, 384, 512, 640, 768, 1024, 1280, 1536, 2048, 2560, 3072, 4096, 6144, 8192, 12288)
"""Working sizes that a refusal may offer instead."""


def schedule_of(size: Size, wanted: Settings) -> tuple[Scale, ...]:
    """The scales at which a picture of `size` (height, width) is painted, coarsest first."""
    return coarse_to_fine(size, wanted.size, wanted.preset, wanted.steps)


def style_bytes(pixels: int) -> int:
    """The bytes of the colours of all style pictures, which are held while a job runs."""
    return VALUE * pixels


def plan_of(size: Size, wanted: Settings, precision: int, free: float) -> Plan:
    """How a picture of `size` is painted in `free` bytes; a Failure that names the largest size if it cannot be.

    `precision` is the bytes of an activation.
    """
    height, width = size
    finest = {side: schedule_of(size, replace(wanted, size=side))[-1] for side in (*SIZES, wanted.size)}
    scale = finest[wanted.size]
    if found := plan(scale, height * width, precision, free):
        return found
    smaller = [(side, finest[side]) for side in SIZES if side < wanted.size]
    largest = largest_side(smaller, height * width, precision, free)
    least = peak(scale if largest else finest[SIZES[0]], height * width, precision, SIDES[-1], HISTORIES[-1])
    amounts = {"needed": _size_of(least), "free": _size_of(max(0, free))}
    if largest is None:
        raise Failure("no-size-fits", width=width, height=height, **amounts)
    raise Failure("too-little-memory", size=wanted.size, largest=largest, **amounts)


def _size_of(count: float) -> str:
    return f"{count / 1e9:.1f} GB"
