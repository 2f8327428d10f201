"""Pixels out of a layer and into a new one, through GEGL, as sRGB-encoded values with plain alpha."""

from __future__ import annotations

from array import array

from gi.repository import Gegl, Gimp
from protocol.job import Picture

from .failures import Refusal
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
    layer = source.layer
    channels = (1 if layer.is_gray() else 3) + (1 if layer.has_alpha() else 0)
    depth = DEPTHS.get(source.image.get_precision(), "f32") if _is_srgb(source.image) else "f32"
    pixels = _get(source, _format(channels, depth))
    return Picture(source.width, source.height, channels, depth, pixels)


def add_above(source: Source, picture: Picture, name: str) -> Gimp.Layer:
    """A new layer with the picture, directly above the source, in one undo step; a selection becomes its mask."""
    image, layer = source.image, source.layer
    image.undo_group_start()
    try:
        new = Gimp.Layer.new(image, name, source.width, source.height, layer.type(), 100.0, Gimp.LayerMode.NORMAL)
        new.set_offsets(*source.offsets)
        if not image.insert_layer(new, layer.get_parent(), image.get_item_position(layer)):
            raise Refusal("GIMP did not take the new layer. Unlock the layer group that it belongs in and try again.")
        try:
            _put(new, *_exact(source, picture))
            if source.selected:
                new.add_mask(new.create_mask(Gimp.AddMaskType.SELECTION))
        except BaseException:
            image.remove_layer(new)  # half a layer is worse than none
            raise
    finally:
        image.undo_group_end()
    Gimp.displays_flush()
    return new


def _is_srgb(image: Gimp.Image) -> bool:
    """Whether sRGB's integers hold all of the image's colours, as far as its profile says."""
    profile = image.get_color_profile()
    return profile is None or "srgb" in (profile.get_label() or "").lower()


def _format(channels: int, depth: str) -> str:
    return f"{MODELS[channels]} {COMPONENTS[depth]}"


def _get(source: Source, pixel_format: str) -> bytes:
    rectangle = Gegl.Rectangle.new(source.x, source.y, source.width, source.height)
    pixels: bytes = source.layer.get_buffer().get(rectangle, 1.0, pixel_format, Gegl.AbyssPolicy.NONE)
    return pixels


def _put(layer: Gimp.Layer, pixel_format: str, pixels: bytes) -> None:
    width, height = layer.get_width(), layer.get_height()
    buffer = layer.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), pixel_format, pixels)
    buffer.flush()
    layer.update(0, 0, width, height)


def _exact(source: Source, picture: Picture) -> tuple[str, bytes]:
    """Format and pixels to write; where a float would round the alpha, doubles with the source's own alpha."""
    channels = picture.channels
    if not picture.has_alpha or source.image.get_precision() not in DEEPER_THAN_FLOAT:
        return _format(channels, picture.depth), picture.pixels
    values = array("d", array("f", picture.pixels))
    values[channels - 1 :: channels] = array("d", _get(source, "A double"))
    return f"{MODELS[channels]} double", values.tobytes()
