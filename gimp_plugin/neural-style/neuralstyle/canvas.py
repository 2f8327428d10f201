"""The layer that is painted before the user's eyes: there from the start, refreshed by previews, finished at the end.

Adding it is a closed undo step of its own at once, and its pixels are written past the undo history. So one undo
removes it, whatever becomes of the plug-in, and the user can do and undo other things meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator

from gi.repository import GdkPixbuf, Gegl, Gimp, GLib
from protocol.job import Picture

from . import layers
from .changed_mark import ChangedMark
from .failures import Refusal
from .i18n import _
from .source import Source

BAND = 1 << 20
"""Pixels that are written at a time: some 25 ms, after which the window has its turn."""


class LiveLayer:
    """The new layer above the source, at first a copy of it; for an indexed image in an RGB copy that opens now."""

    def __init__(self, source: Source, name: str) -> None:
        self._in_copy = source.in_new_image
        self._source = layers.in_rgb(source) if self._in_copy else source
        self._mark = ChangedMark(self._source.image)
        try:
            self.layer = layers.insert(self._source, name)
        except BaseException:
            if self._in_copy:
                self._source.image.delete()
            raise
        self._mark.forgive()
        self._size = self.layer.get_width(), self.layer.get_height()
        # What previews would coarsen is given back at the end.
        deep = self._source.image.get_precision() in layers.DEEPER_THAN_FLOAT
        self._alpha, self._exact = self._read_alpha("A u8"), self._read_alpha("A double") if deep else None
        self._display = Gimp.Display.new(self._source.image) if self._in_copy else None
        Gimp.displays_flush()

    @property
    def gone(self) -> bool:
        """Whether the user has removed the layer, by an undo too, or has closed the image."""
        return not (self._source.image.is_valid() and self.layer.is_valid())

    def show(self, preview: Picture) -> Iterator[None]:
        """Let the layer show a smaller picture, enlarged smoothly; yields after each part that takes a moment."""
        if _is_locked(self.layer):
            return  # GIMP would end the plug-in; the user may unlock the layer in time
        small, (width, height) = _pixbuf(preview), self._size
        rows = max(1, BAND // width)
        for top in range(0, height, rows):
            count = min(rows, height - top)
            self._require_size()
            buffer = self.layer.get_buffer()
            pixels = self._enlarged(small, top, count)
            buffer.set(Gegl.Rectangle.new(0, top, width, count), "R'G'B'A u8", pixels)
            buffer.flush()
            yield
        self.layer.update(0, 0, width, height)
        Gimp.displays_flush()

    def finish(self, picture: Picture) -> None:
        """Give the layer its picture; raises Refusal if the user has made that impossible."""
        self._require_size()
        if _is_locked(self.layer):
            raise Refusal(
                _(
                    "The new layer was locked before its picture was finished. "
                    "Run the filter again and lock the layer when the painting is over."
                )
            )
        if self._exact is not None:
            buffer = self.layer.get_buffer()
            buffer.set(self._whole, "A double", self._exact)
            buffer.flush()
        layers.put(self.layer, self._source, picture)
        self.keep()

    def keep(self) -> None:
        """Let the layer stay as it is."""
        self._mark.give_back(self.layer)
        Gimp.displays_flush()

    def remove(self) -> None:
        """Take the layer back out of the image, or close the copy."""
        if self._display is not None and self._display.is_valid():
            self._display.delete()
        elif not self.gone:
            with self._mark.left_alone():
                self._source.image.remove_layer(self.layer)
        Gimp.displays_flush()

    def _read_alpha(self, pixel_format: str) -> bytes | None:
        if not self.layer.has_alpha():
            return None
        alpha: bytes = self.layer.get_buffer().get(self._whole, 1.0, pixel_format, Gegl.AbyssPolicy.NONE)
        return alpha

    @property
    def _whole(self) -> Gegl.Rectangle:
        return Gegl.Rectangle.new(0, 0, *self._size)

    def _require_size(self) -> None:
        """GIMP ends a plug-in that writes beside a layer."""
        if (self.layer.get_width(), self.layer.get_height()) != self._size:
            raise Refusal(
                _(
                    "The new layer was given another size before its picture was finished. "
                    "Run the filter again on the image as it is now."
                )
            )

    def _enlarged(self, small: GdkPixbuf.Pixbuf, top: int, count: int) -> bytes:
        """So many rows of the layer from `top` on, as sRGB-encoded RGBA with the layer's own alpha."""
        width, source = self._size[0], self._source
        band = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, width, count)
        left, above, _, _ = source.inside
        scale_x, scale_y = source.width / small.get_width(), source.height / small.get_height()
        place = source.x - left, source.y - above - top
        small.scale(band, 0, 0, width, count, *place, scale_x, scale_y, GdkPixbuf.InterpType.BILINEAR)
        pixels: bytes = band.read_pixel_bytes().get_data()
        if self._alpha is None:
            return pixels
        values = bytearray(pixels)
        values[3::4] = self._alpha[top * width : (top + count) * width]
        return bytes(values)  # GEGL takes a bytearray item by item


def _pixbuf(picture: Picture) -> GdkPixbuf.Pixbuf:
    """The 8-bit RGB or RGBA picture, with alpha."""
    pixels, row = GLib.Bytes.new(bytes(picture.pixels)), picture.width * picture.channels
    size = picture.width, picture.height, row
    pixbuf = GdkPixbuf.Pixbuf.new_from_bytes(pixels, GdkPixbuf.Colorspace.RGB, picture.has_alpha, 8, *size)
    return pixbuf.add_alpha(False, 0, 0, 0)


def _is_locked(item: Gimp.Item | None) -> bool:
    return item is not None and (item.get_lock_content() or _is_locked(item.get_parent()))
