"""Pixels out of a layer and into a new one, through GEGL, as sRGB-encoded values with plain alpha."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from gi.repository import Gegl, Gimp
from protocol.job import Picture

from . import effects, profiles
from .failures import Refusal
from .i18n import _
from .source import Source

MODELS = {1: "Y'", 2: "Y'A", 3: "R'G'B'", 4: "R'G'B'A"}
COMPONENTS = {"u8": "u8", "u16": "u16", "f32": "float"}
# Integers that are linear in the layer are sparse in the dark and dense in the light when sRGB-encoded:
# they need the next deeper type to come back as they were. What is not listed here travels as float.
DEPTHS = {
    Gimp.Precision.U8_NON_LINEAR: "u8",
    Gimp.Precision.U8_PERCEPTUAL: "u8",
    Gimp.Precision.U8_LINEAR: "u16",
    Gimp.Precision.U16_NON_LINEAR: "u16",
    Gimp.Precision.U16_PERCEPTUAL: "u16",
}
# What a 32-bit float cannot hold: here the alpha is taken from the layer itself.
DEEPER_THAN_FLOAT = (
    Gimp.Precision.U32_LINEAR,
    Gimp.Precision.U32_NON_LINEAR,
    Gimp.Precision.U32_PERCEPTUAL,
    Gimp.Precision.DOUBLE_LINEAR,
    Gimp.Precision.DOUBLE_NON_LINEAR,
    Gimp.Precision.DOUBLE_PERCEPTUAL,
)


def read(source: Source) -> Picture:
    """The pixels to paint, as deep as the image needs so that nothing is clipped or banded."""
    channels, depth = kind(source)
    pixels = _get(source, _format(channels, depth))
    return Picture(source.width, source.height, channels, depth, pixels)


def kind(source: Source) -> tuple[int, str]:
    """The channels and the depth of what is read."""
    channels = (1 if source.layer.is_gray() else 3) + (1 if source.layer.has_alpha() else 0)
    depth = DEPTHS.get(source.image.get_precision(), "f32") if profiles.is_srgb(source.image) else "f32"
    return channels, depth


def add_above(source: Source, picture: Picture, name: str) -> Gimp.Layer:
    """A new layer with the picture, directly above the source, in one undo step; a selection becomes its mask.

    An indexed image cannot hold the picture's colours: then the layer is in a new image, a copy in RGB.
    """
    if not source.in_new_image:
        return add(source, picture, name)
    copy = in_rgb(source)
    try:
        return add(copy, picture, name)
    except BaseException:
        copy.image.delete()
        raise


def in_rgb(source: Source) -> Source:
    """The same rectangle of the same layer in a copy of the image that is RGB; an indexed image has no groups."""
    position = source.image.get_item_position(source.layer)
    image = source.image.duplicate()
    image.convert_rgb()
    return replace(source, image=image, layer=image.get_layers()[position])


def add(source: Source, picture: Picture, name: str) -> Gimp.Layer:
    """The same in the source's own image, which must not be indexed."""
    image = source.image
    image.undo_group_start()
    try:
        new = insert(source, name)
        try:
            put(new, source, picture)
        except BaseException:
            image.remove_layer(new)  # half a layer is worse than none
            raise
    finally:
        image.undo_group_end()
    Gimp.displays_flush()
    return new


def insert(source: Source, name: str) -> Gimp.Layer:
    """A new layer above the source, in one undo step, that looks like the source until a picture is put into it."""
    image, layer = source.image, source.layer
    x, y, width, height = source.inside
    image.undo_group_start()
    try:
        new = Gimp.Layer.new(image, name, width, height, layer.type(), 100.0, Gimp.LayerMode.NORMAL)
        new.set_offsets(*source.offsets)
        if not image.insert_layer(new, layer.get_parent(), image.get_item_position(layer)):
            raise Refusal(
                _("GIMP did not take the new layer. Unlock the layer group that it belongs in and try again.")
            )
        try:
            with effects.as_seen(image, layer) as seen:
                _copy(seen, Gegl.Rectangle.new(x, y, width, height), new.get_buffer())
            new.update(0, 0, width, height)
            _add_mask(new, source)
        except BaseException:
            image.remove_layer(new)
            raise
    finally:
        image.undo_group_end()
    return new


def put(layer: Gimp.Layer, source: Source, picture: Picture) -> None:
    """Write the source's rectangle, painted, into the new layer; as often as wanted, and past the undo history."""
    pixel_format, pixels = _exact(layer, picture, _cropped(picture.pixels, source))
    with profiles.from_srgb(source.image, layer) as buffer:
        buffer.set(_whole(layer), pixel_format, bytes(pixels))  # GEGL takes other kinds item by item
        buffer.flush()
    layer.update(0, 0, layer.get_width(), layer.get_height())


def _add_mask(new: Gimp.Layer, source: Source) -> None:
    """Let the new layer show only where the source does, and what is selected of that."""
    own = source.layer.get_mask() if source.layer.get_apply_mask() else None
    if own is None:
        if source.selected:
            new.add_mask(new.create_mask(Gimp.AddMaskType.SELECTION))
        return
    mask = new.create_mask(Gimp.AddMaskType.BLACK)
    new.add_mask(mask)
    x, y, width, height = source.inside
    shadow = mask.get_shadow_buffer()
    _copy(own, Gegl.Rectangle.new(x, y, width, height), shadow)
    mask.merge_shadow(True)  # through the selection, if there is one
    mask.update(0, 0, width, height)


def _format(channels: int, depth: str) -> str:
    return f"{MODELS[channels]} {COMPONENTS[depth]}"


def _whole(drawable: Gimp.Drawable) -> Gegl.Rectangle:
    return Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())


def _get(source: Source, pixel_format: str) -> bytes:
    """The rectangle's pixels, where it reaches out of the layer those of the layer's border."""
    rectangle = Gegl.Rectangle.new(source.x, source.y, source.width, source.height)
    with seen(source, rectangle) as (buffer, place):
        pixels: bytes = buffer.get(place, 1.0, pixel_format, Gegl.AbyssPolicy.CLAMP)
    return pixels


@contextmanager
def seen(source: Source, rectangle: Gegl.Rectangle) -> Iterator[tuple[Gegl.Buffer, Gegl.Rectangle]]:
    """A buffer, and a rectangle in it, whose sRGB colours are what the user sees in the layer's rectangle."""
    with (
        effects.as_seen(source.image, source.layer) as layer,
        profiles.as_srgb(source.image, layer, rectangle) as found,
    ):
        yield found


def _copy(drawable: Gimp.Drawable, rectangle: Gegl.Rectangle, target: Gegl.Buffer) -> None:
    """Copy a rectangle of the drawable to the target's corner."""
    corner = Gegl.Rectangle.new(0, 0, rectangle.width, rectangle.height)
    drawable.get_buffer().copy(rectangle, Gegl.AbyssPolicy.NONE, target, corner)
    target.flush()


def _cropped(pixels: bytes | memoryview, source: Source) -> bytes | memoryview:
    """The pixels of the part that the layer has; GIMP ends a plug-in that writes beside a layer."""
    x, y, width, height = source.inside
    if (width, height) == (source.width, source.height):
        return pixels
    row = len(pixels) // source.height
    pixel = row // source.width
    left = (x - source.x) * pixel
    starts = range((y - source.y) * row + left, (y - source.y + height) * row + left, row)
    return b"".join(pixels[start : start + width * pixel] for start in starts)


def _exact(layer: Gimp.Layer, picture: Picture, pixels: bytes | memoryview) -> tuple[str, bytes | memoryview]:
    """Format and pixels to write; where a float would round the alpha, doubles with the alpha that the layer has."""
    channels = picture.channels
    if not picture.has_alpha or layer.get_image().get_precision() not in DEEPER_THAN_FLOAT:
        return _format(channels, picture.depth), pixels
    values = array("d", array("f", pixels))
    alpha: bytes = layer.get_buffer().get(_whole(layer), 1.0, "A double", Gegl.AbyssPolicy.NONE)
    values[channels - 1 :: channels] = array("d", alpha)
    return f"{MODELS[channels]} double", values.tobytes()
