"""Which part of the picture the preview shows, and with which strokes; plain arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

SIDE = 256
"""Pixels of the preview's longer side."""
LONGEST = 8
"""How many times longer than wide the preview may be; it shows the middle of what is longer still."""
LARGEST_STROKES = 4.0
"""The largest stroke size that a job may have."""

Point = tuple[float, float]
"""A place in the picture, from (0, 0) at its left top to (1, 1)."""


@dataclass(frozen=True)
class Region:
    """A rectangle of what is to be painted, in its pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def scale(self) -> float:
        """What brings it to the preview's size; nothing is enlarged."""
        return min(1.0, SIDE / max(self.width, self.height))


def whole(width: int, height: int, centre: Point) -> Region:
    """All of the picture; of a very long one the part around `centre`."""
    shorter = min(width, height)
    return _around(centre, width, height, LONGEST * shorter, LONGEST * shorter)


def detail(width: int, height: int, centre: Point, working_size: int, strokes: float) -> Region:
    """The part around `centre` that the preview shows as large as it will be painted.

    A larger part where its strokes would need more of the style than a preview has the time to look at.
    """
    side = SIDE * max(1.0, max(width, height) / working_size)
    least = strokes / LARGEST_STROKES
    for _ in range(2):  # what one side cannot give, the other one must
        region = _around(centre, width, height, side, side)
        side *= max(1.0, least * math.sqrt(width * height / (region.width * region.height)))
    return _around(centre, width, height, side, side)


def stroke_size(width: int, height: int, region: Region, strokes: float) -> float:
    """The stroke size with which the region alone gets the strokes that it has in the whole picture.

    The engine brings a style to the area of what it paints: to that of the picture in the end, to that of the region
    here.
    """
    return min(LARGEST_STROKES, strokes * math.sqrt(width * height / (region.width * region.height)))


def _around(centre: Point, width: int, height: int, wide: float, high: float) -> Region:
    x, wide = _interval(centre[0], width, wide)
    y, high = _interval(centre[1], height, high)
    return Region(x, y, wide, high)


def _interval(centre: float, length: int, wanted: float) -> tuple[int, int]:
    kept = min(length, round(wanted))
    return max(0, min(length - kept, round(centre * length - kept / 2))), kept
