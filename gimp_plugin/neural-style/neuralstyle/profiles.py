"""Colour profiles: GEGL converts those with a matrix on the way; for those with tables GIMP converts an image."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gegl, Gimp

INTENT = Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC
SRGB = "sRGB IEC61966-2.1"
TABLES = (b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1")


def is_srgb(image: Gimp.Image) -> bool:
    """Whether sRGB's integers hold all of the image's colours, as far as its profile says."""
    profile = image.get_color_profile()
    return profile is None or profile.is_equal(_srgb(image)) or profile.get_label() == SRGB


def make_readable(image: Gimp.Image) -> None:
    """Bring an image of the plug-in's own to sRGB where GEGL could not convert its colours."""
    if not _gegl_converts(image):
        image.convert_color_profile(_srgb(image), INTENT, True)


@contextmanager
def as_srgb(
    image: Gimp.Image, layer: Gimp.Layer, rectangle: Gegl.Rectangle
) -> Iterator[tuple[Gegl.Buffer, Gegl.Rectangle]]:
    """A buffer, and a rectangle in it, whose sRGB colours are those of the layer's rectangle."""
    if _gegl_converts(image):
        yield layer.get_buffer(), rectangle
        return
    with _scratch(image, rectangle.width, rectangle.height, image.get_color_profile()) as (scratch, copy):
        place, buffer = Gegl.Rectangle.new(0, 0, rectangle.width, rectangle.height), copy.get_buffer()
        layer.get_buffer().copy(rectangle, Gegl.AbyssPolicy.CLAMP, buffer, place)
        buffer.flush()
        scratch.convert_color_profile(_srgb(image), INTENT, True)
        yield copy.get_buffer(), place


@contextmanager
def from_srgb(image: Gimp.Image, layer: Gimp.Layer) -> Iterator[Gegl.Buffer]:
    """A buffer whose sRGB colours will be the layer's."""
    if _gegl_converts(image):
        yield layer.get_buffer()
        return
    with _scratch(image, layer.get_width(), layer.get_height(), None) as (scratch, copy):
        yield copy.get_buffer()
        scratch.convert_color_profile(image.get_color_profile(), INTENT, True)
        place, buffer = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height()), layer.get_buffer()
        copy.get_buffer().copy(place, Gegl.AbyssPolicy.NONE, buffer, place)
        buffer.flush()


def _gegl_converts(image: Gimp.Image) -> bool:
    """Whether the profile has no tables: GEGL would make do with a curve that is only near them."""
    profile = image.get_color_profile()
    if profile is None:
        return True
    data = bytes(profile.get_icc_profile())
    (count,) = struct.unpack_from(">I", data, 128)
    return not any(data[at : at + 4] in TABLES for at in range(132, 132 + 12 * count, 12))


def _srgb(image: Gimp.Image) -> Gimp.ColorProfile:
    gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    return Gimp.ColorProfile.new_d65_gray_srgb_trc() if gray else Gimp.ColorProfile.new_rgb_srgb()


@contextmanager
def _scratch(
    image: Gimp.Image, width: int, height: int, profile: Gimp.ColorProfile | None
) -> Iterator[tuple[Gimp.Image, Gimp.Layer]]:
    """An image of floats with one layer with alpha, gone after the block."""
    gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    base, kind = (
        (Gimp.ImageBaseType.GRAY, Gimp.ImageType.GRAYA_IMAGE)
        if gray
        else (Gimp.ImageBaseType.RGB, Gimp.ImageType.RGBA_IMAGE)
    )
    scratch = Gimp.Image.new_with_precision(width, height, base, Gimp.Precision.FLOAT_NON_LINEAR)
    try:
        scratch.undo_disable()
        if profile is not None:
            scratch.set_color_profile(profile)
        layer = Gimp.Layer.new(scratch, "Colours", width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
        scratch.insert_layer(layer, None, 0)
        yield scratch, layer
    finally:
        scratch.delete()
