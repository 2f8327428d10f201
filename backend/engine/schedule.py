"""The coarse-to-fine schedule: at which sizes to work, and how many steps to take at each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from backend.engine.settings import EXACT, Scale
from backend.imaging.sizes import Size, scaled

COARSEST = 128
"""Long side in pixels of the coarsest scale or more: there a painting's largest forms fit the network's view."""
LEAST_SIDE = 32
"""Short side in pixels that every scale keeps, so that the deepest layers see more than one position."""
GROWTH = 1.25
"""How many times more steps each coarser scale gets: they cost little and settle the composition."""

LEAST_EXACT = 4
"""Steps at the finest scale that are exact at least: the first one or two only get used to it."""
REDUCED_WORK = 0.7
"""What a step with the reduced network takes of an exact one's time, measured on a processor."""
FINEST_STEPS = {"draft": 12, "normal": 50, "high": 150, "full": 50}
"""Steps at the finest scale for each preset."""
FULL_SIZE_STEPS = 8
"""Steps at each scale beyond the working size, chosen by looking: 4 leave strokes soft, 16 add little but grain."""


def coarse_to_fine(size: Size, long_side: int, preset: str, steps: int | None = None) -> tuple[Scale, ...]:
    """The scales for a picture of `size` worked on at `long_side` px, each half of the next.

    `steps`, if given, is the number of steps over all scales. Pictures are never enlarged, except that no side
    comes under `LEAST_SIDE`.
    """
    finest = min(1.0, long_side / max(size))
    factors = [finest]
    while max(size) * factors[-1] / 2 >= COARSEST and min(size) * factors[-1] / 2 >= LEAST_SIDE:
        factors.append(factors[-1] / 2)
    shares = [GROWTH**level for level in range(len(factors))]
    per_share = FINEST_STEPS[preset] if steps is None else steps / sum(shares)
    counts = [max(1, round(share * per_share)) for share in shares]
    if steps is not None:
        counts = _exactly(counts, steps)
    fitted = [_fit(size, factor) for factor in factors]
    pairs = zip(reversed(fitted), reversed(counts), strict=True)
    return tuple(Scale(height, width, count) for (height, width), count in pairs if count)


def up_to_full_size(size: Size, schedule: tuple[Scale, ...]) -> tuple[Scale, ...]:
    """The schedule, continued with a few steps at each scale up to `size`, every one at most twice the one before."""
    finest = max(schedule[-1].height, schedule[-1].width) / max(size)
    count = max(0, math.ceil(-math.log2(finest)))
    factors = [finest ** (1 - number / count) for number in range(1, count + 1)]
    return (*schedule, *(Scale(*_fit(size, factor), FULL_SIZE_STEPS) for factor in factors))


def _exactly(counts: list[int], steps: int) -> list[int]:
    """The counts, finest first, changed so that they add up to `steps`; too few steps leave the coarsest out."""
    kept = counts[: max(1, steps)]
    while sum(kept) != steps:
        largest = max(range(len(kept)), key=kept.__getitem__)
        kept[largest] += 1 if sum(kept) < steps else -1
    return kept + [0] * (len(counts) - len(kept))


def _fit(size: Size, factor: float) -> Size:
    return scaled(size, max(factor, LEAST_SIDE / min(size)))


def exact_steps(schedule: Sequence[Scale], index: int, tile: int, share: float = EXACT) -> int:
    """How many of the last steps of a scale need the whole network: a share of the finest's, whose picture is kept.

    A picture in tiles is short of memory, which a second network and its targets would take more of.
    """
    scale = schedule[index]
    if index < len(schedule) - 1:
        return 0
    if max(scale.height, scale.width) > tile:
        return scale.steps
    return min(scale.steps, max(LEAST_EXACT, round(share * scale.steps)))


def wasserstein_steps(share: float, steps: int, *, finest: bool) -> int:
    """How many of a scale's first steps descend the Wasserstein distance: the finest's share, or all at others."""
    return round(share * steps) if finest or not share else steps


def work(scale: Scale, exact: int) -> float:
    """The cost of a scale, of whose steps some are exact, in arbitrary units: pixels, and an overhead, times steps."""
    return (scale.height * scale.width + 4096) * (exact + REDUCED_WORK * (scale.steps - exact))
