"""Pixels read smaller than they are."""

from __future__ import annotations

from gi.repository import Gegl

# What GEGL scales with is only there after this; without it, it reads black.
Gegl.init(None)

Pixels = tuple[int, int, bytes]
"""Width, height and packed rows."""


def read_scaled(buffer: Gegl.Buffer, rectangle: Gegl.Rectangle, scale: float, pixel_format: str) -> Pixels:
    """A rectangle of a buffer times `scale` (at most 1); beside the buffer it has the colours of its border."""
    x, y, width, height = (
        round(value * scale) for value in (rectangle.x, rectangle.y, rectangle.width, rectangle.height)
    )
    place = Gegl.Rectangle.new(x, y, max(1, width), max(1, height))
    return place.width, place.height, buffer.get(place, scale, pixel_format, Gegl.AbyssPolicy.CLAMP)
