"""What a job will do, from its size and settings alone; no torch, so that it can be asked before anything is loaded."""

from __future__ import annotations

from backend.engine.schedule import coarse_to_fine, up_to_full_size
from backend.engine.settings import Scale
from backend.imaging.sizes import Size
from backend.protocol.job import Settings


def schedule_of(size: Size, wanted: Settings) -> tuple[Scale, ...]:
    """The scales at which a layer of `size` (height, width in px) is painted with these settings, coarsest first."""
    schedule = coarse_to_fine(size, wanted.size, wanted.preset, wanted.steps)
    return up_to_full_size(size, schedule) if paints_on(wanted) else schedule


def paints_on(wanted: Settings) -> bool:
    """Whether a layer larger than the working size is painted up to its full size, or gets its detail back."""
    return (wanted.full_size or ("paint" if wanted.preset == "full" else "detail")) == "paint"
