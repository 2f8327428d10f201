"""Pictures as GTK shows them, and back; all are 8-bit."""

from __future__ import annotations

from gi.repository import GdkPixbuf, GLib
from protocol.job import Picture

from .region import Region

CHECK = 8
LIGHT, DARK = 0x999999, 0x666666
"""GIMP's own medium checks."""
FRAME, EDGE = 0xFFFFFFFF, 0x000000FF
FADED = 0.35
BILINEAR = GdkPixbuf.InterpType.BILINEAR
RGB = GdkPixbuf.Colorspace.RGB


def opaque(picture: Picture) -> GdkPixbuf.Pixbuf:
    """The colours of a picture, without its alpha."""
    pixels, channels = bytes(picture.pixels), picture.channels
    if channels != 3:
        colours = bytearray(3 * picture.width * picture.height)
        for number in range(3):
            colours[number::3] = pixels[number if channels == 4 else 0 :: channels]
        pixels = bytes(colours)
    return _pixbuf(pixels, picture.width, picture.height, 3)


def exact(picture: Picture) -> GdkPixbuf.Pixbuf:
    """An RGB or RGBA picture as it is."""
    return _pixbuf(bytes(picture.pixels), picture.width, picture.height, picture.channels)


def as_on_canvas(picture: Picture, layer: Picture) -> GdkPixbuf.Pixbuf:
    """A picture as large as that of the layer and with its alpha, over checks."""
    width, height = layer.width, layer.height
    pixbuf = opaque(picture).scale_simple(width, height, BILINEAR)
    if not layer.has_alpha:
        return pixbuf
    colours, values = packed(pixbuf), bytearray(4 * width * height)
    for number in range(3):
        values[number::4] = colours[number::3]
    values[3::4] = bytes(layer.pixels)[layer.channels - 1 :: layer.channels]
    transparent = _pixbuf(bytes(values), width, height, 4)
    return transparent.composite_color_simple(width, height, BILINEAR, 255, CHECK, LIGHT, DARK)


def packed(pixbuf: GdkPixbuf.Pixbuf) -> bytes:
    """The pixels without what lies between rows."""
    data, stride = pixbuf.read_pixel_bytes().get_data(), pixbuf.get_rowstride()
    row = pixbuf.get_width() * pixbuf.get_n_channels()
    return b"".join(data[start : start + row] for start in range(0, pixbuf.get_height() * stride, stride))


def picture_of(pixbuf: GdkPixbuf.Pixbuf) -> Picture:
    """A pixbuf as a job's picture."""
    return Picture(pixbuf.get_width(), pixbuf.get_height(), pixbuf.get_n_channels(), "u8", packed(pixbuf))


def framed(pixbuf: GdkPixbuf.Pixbuf, region: Region, scale: float) -> GdkPixbuf.Pixbuf:
    """A copy with a frame around the region times `scale`, outside of which it is faded."""
    width, height = pixbuf.get_width(), pixbuf.get_height()
    x, y = min(width - 1, round(region.x * scale)), min(height - 1, round(region.y * scale))
    wide = max(1, min(width - x, round(region.width * scale)))
    high = max(1, min(height - y, round(region.height * scale)))
    copy = pixbuf.composite_color_simple(width, height, BILINEAR, round(255 * (1 - FADED)), CHECK, LIGHT, LIGHT)
    _fill(copy, x - 2, y - 2, wide + 4, high + 4, EDGE)
    _fill(copy, x - 1, y - 1, wide + 2, high + 2, FRAME)
    pixbuf.copy_area(x, y, wide, high, copy, x, y)
    return copy


def _fill(pixbuf: GdkPixbuf.Pixbuf, x: int, y: int, width: int, height: int, colour: int) -> None:
    right, bottom = min(x + width, pixbuf.get_width()), min(y + height, pixbuf.get_height())
    x, y = max(0, x), max(0, y)
    pixbuf.new_subpixbuf(x, y, right - x, bottom - y).fill(colour)


def _pixbuf(pixels: bytes, width: int, height: int, channels: int) -> GdkPixbuf.Pixbuf:
    data = GLib.Bytes.new(pixels)
    return GdkPixbuf.Pixbuf.new_from_bytes(data, RGB, channels == 4, 8, width, height, channels * width)
