"""What a job will do and take, told from its sizes and settings alone: its schedule, and its memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backend.engine.layers import Taps
from backend.engine.memory import FLOAT, HISTORIES, SIDES, VALUE, Plan, largest_side, peak, plan
from backend.engine.schedule import coarse_to_fine, up_to_full_size
from backend.engine.settings import CONTENT_LAYER, STYLE_LAYERS, Scale
from backend.imaging.sizes import Size
from backend.protocol.errors import Failure
from backend.protocol.job import Settings

SIZES = (64, 128, 192, 256, 384, 512, 640, 768, 1024, 1280, 1536, 2048, 2560, 3072, 4096, 6144, 8192, 12288)
"""Working sizes that a refusal may offer instead."""


def schedule_of(size: Size, wanted: Settings) -> tuple[Scale, ...]:
    """The scales at which a picture of `size` (height, width) is painted, coarsest first."""
    schedule = coarse_to_fine(size, wanted.size, wanted.preset, wanted.steps)
    return up_to_full_size(size, schedule) if _paints_on(wanted) else schedule


def style_layers(wanted: Settings) -> dict[str, float]:
    """The style layers with their weights."""
    return _shared_out(wanted.style_layers, STYLE_LAYERS)


def content_layers(wanted: Settings) -> dict[str, float]:
    """The content layers with their weights."""
    return _shared_out(wanted.content_layers, {CONTENT_LAYER: 1.0})


def taps_of(wanted: Settings) -> Taps:
    """The layers that are looked at."""
    return Taps(tuple(style_layers(wanted)), tuple(content_layers(wanted)))


def style_bytes(pixels: int) -> int:
    """The bytes of the colours of all style pictures, which are held while a job runs."""
    return VALUE * pixels


def plan_of(size: Size, wanted: Settings, precision: int, free: float) -> Plan:
    """How a picture of `size` is painted in `free` bytes; a Failure that names the largest size if it cannot be.

    `precision` is the bytes of an activation.
    """
    # Scales only grow, so that the last one needs the most.
    if found := plan(schedule_of(size, wanted)[-1], size[0] * size[1], precision, free, taps_of(wanted)):
        return found
    raise _refusal(size, wanted, precision, free)


def _refusal(size: Size, wanted: Settings, precision: int, free: float) -> Failure:
    """Why a picture cannot be painted, and the largest working size that can be if it is not painted on."""
    height, width = size
    detail = replace(wanted, full_size="detail")
    sides = (*(side for side in SIZES if side < wanted.size), wanted.size)
    finest = [(side, schedule_of(size, replace(detail, size=side))[-1]) for side in sides]
    largest = largest_side(finest, height * width, precision, free, taps_of(wanted))
    scale = schedule_of(size, wanted)[-1] if largest else finest[0][1]
    least = peak(
        scale, height * width, precision, SIDES[-1], HISTORIES[-1], taps_of(wanted), half_content=precision == FLOAT
    )
    amounts = {"needed": _size_of(least), "free": _size_of(max(0, free))}
    if largest is None:
        return Failure("no-size-fits", width=width, height=height, **amounts)
    if _paints_on(wanted):
        return Failure("too-little-memory-to-paint-on", width=width, height=height, largest=largest, **amounts)
    return Failure("too-little-memory", size=wanted.size, largest=largest, **amounts)


def _paints_on(wanted: Settings) -> bool:
    """Whether a picture larger than the working size is painted up to its full size, or gets its detail back."""
    return (wanted.full_size or ("paint" if wanted.preset == "full" else "detail")) == "paint"


def _size_of(count: float) -> str:
    return f"{count / 1e9:.1f} GB"


def _shared_out(given: Mapping[str, float] | None, usual: Mapping[str, float]) -> dict[str, float]:
    """The layers that count, with the weights given as shares of the usual ones' sum: the strength is set elsewhere."""
    weights = {layer: weight for layer, weight in (given or usual).items() if weight > 0}
    factor = sum(usual.values()) / sum(weights.values())
    return {layer: factor * weight for layer, weight in weights.items()}
