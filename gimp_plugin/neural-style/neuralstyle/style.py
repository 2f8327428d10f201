"""The style picture: any file that GIMP opens, as it looks, at a size that is enough."""

from __future__ import annotations

from gi.repository import Gegl, Gimp, Gio
from protocol.errors import Failure
from protocol.job import Picture

from . import profiles
from .failures import Refusal
from .i18n import _
from .opening import open_quietly
from .scaled import read_scaled

# More than any working size can use; a scan of 20,000 pixels need not travel.
LONGEST_SIDE = 4096


def read_style(file: Gio.File) -> Picture:
    """The file's visible picture, reduced if it is huge; raises Failure."""
    name = file.get_parse_name()
    if not file.query_exists(None):
        raise Failure("no-file", path=name)
    image = open_quietly(file)
    if image is None:
        raise Failure("not-a-picture", path=name, reason=_("GIMP cannot open it"))
    try:
        return _visible(image)
    finally:
        image.delete()


def read_layer(layer: Gimp.Drawable) -> Picture:
    """A layer as it looks by itself, without those around it, reduced if it is huge; raises Refusal."""
    if not layer.is_valid():
        raise Refusal(_("The style layer is not open any more. Choose another style."))
    image = _alone(layer)
    try:
        return _visible(image)
    finally:
        image.delete()


def read_image(image: Gimp.Image) -> Picture:
    """An open image as it looks, reduced if it is huge; the image itself stays as it is."""
    copy = image.duplicate()
    try:
        return _visible(copy)
    finally:
        copy.delete()


def stem(file: Gio.File) -> str:
    """The file's name without its folder and extension."""
    name: str = file.get_basename()
    return name.rsplit(".", 1)[0] or name


def _alone(layer: Gimp.Drawable) -> Gimp.Image:
    """A new image of the layer's size with a copy of it and nothing else."""
    source = layer.get_image()
    base = source.get_base_type()
    indexed = base == Gimp.ImageBaseType.INDEXED
    base = Gimp.ImageBaseType.RGB if indexed else base
    image = Gimp.Image.new_with_precision(layer.get_width(), layer.get_height(), base, source.get_precision())
    image.set_color_profile(source.get_effective_color_profile())
    copy = Gimp.Layer.new_from_drawable(layer, image)
    image.insert_layer(copy, None, 0)
    copy.set_offsets(0, 0)
    copy.set_visible(True)
    copy.set_opacity(100.0)
    copy.set_mode(Gimp.LayerMode.NORMAL)
    return image


def _visible(image: Gimp.Image) -> Picture:
    # Without a dialog GIMP opens a camera's picture as it lies in the file, not as it is to be looked at.
    image.policy_rotate(False)
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        image.convert_rgb()
    profiles.make_readable(image)
    layer = Gimp.Layer.new_from_visible(image, image, "visible")
    rectangle = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    scale = min(1.0, LONGEST_SIDE / max(rectangle.width, rectangle.height))
    channels, pixel_format = (4, "R'G'B'A u8") if layer.has_alpha() else (3, "R'G'B' u8")
    width, height, pixels = read_scaled(layer.get_buffer(), rectangle, scale, pixel_format)
    return Picture(width, height, channels, "u8", pixels)
