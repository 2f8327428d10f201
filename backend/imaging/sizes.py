"""Sizes of pictures: plain arithmetic."""

from __future__ import annotations

import math

Size = tuple[int, int]
"""Height and width in pixels."""


def scaled(size: Size, factor: float, least: int = 1) -> Size:
    """A size times a factor, rounded, with no side under `least`."""
    return max(least, round(size[0] * factor)), max(least, round(size[1] * factor))


def factor_for_area(size: Size, pixels: float) -> float:
    """The factor that brings a size to an area of so many pixels."""
    return math.sqrt(pixels / (size[0] * size[1]))
