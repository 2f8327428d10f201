"""Which part of the picture the preview shows, and with which strokes; plain arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

SIDE = 256
"""Pixels of the longer side of a preview of the whole picture, and of the wider one of a detail."""
DETAIL_HEIGHT = 168
"""Pixels of a detail's other side, which leaves room for a small copy of the whole below it."""
LONGEST = 8
"""How many times longer than wide a preview of the whole may be; of what is longer still it shows a part."""
LEAST_SIDE = 32
"""Pixels of the shorter side that the engine works at, at least, if the picture has them."""
LARGEST_STROKES = 4.0
"""The largest stroke size that a job may have."""

Point = tuple[float, float]
"""A place in the picture, from (0, 0) at its left top to (1, 1)."""


@dataclass(frozen=True)
class Region:
    """A rectangle of what is to be painted, in its pixels, and what brings it to the preview's size."""

    x: int
    y: int
    width: int
    height: int
    scale: float


def whole(width: int, height: int, centre: Point = (0.5, 0.5)) -> Region:
    """All of the picture; of a very long one the part around `centre`."""
    most = LONGEST * min(width, height)
    return _around(centre, width, height, most, most, min(1.0, SIDE / min(most, max(width, height))))


def detail(width: int, height: int, centre: Point, working_size: int, strokes: float) -> Region:
    """The part around `centre` that the preview shows as large as it will be painted.

    A larger part where its strokes would need more of the style than a preview has the time to look at.
    """
    most = max(1.0, min(width, height) / LEAST_SIDE)
    reduction = min(most, max(1.0, max(width, height) / working_size))
    for _ in range(8):  # what one side cannot give, the other one must
        region = _around(centre, width, height, SIDE * reduction, DETAIL_HEIGHT * reduction, 1 / reduction)
        lacking = strokes / LARGEST_STROKES * math.sqrt(width * height / (region.width * region.height))
        reduction = min(most, reduction * max(1.0, lacking))
    return region


def stroke_size(width: int, height: int, region: Region, strokes: float) -> float:
    """The stroke size with which the region alone gets the strokes that it has in the whole picture.

    The engine brings a style to the area of what it paints: to that of the picture in the end, to that of the region
    here.
    """
    return min(LARGEST_STROKES, strokes * math.sqrt(width * height / (region.width * region.height)))


def _around(centre: Point, width: int, height: int, wide: float, high: float, scale: float) -> Region:
    x, kept_width = _interval(centre[0], width, wide)
    y, kept_height = _interval(centre[1], height, high)
    return Region(x, y, kept_width, kept_height, scale)


def _interval(centre: float, length: int, wanted: float) -> tuple[int, int]:
    kept = min(length, round(wanted))
    return max(0, min(length - kept, round(centre * length - kept / 2))), kept
