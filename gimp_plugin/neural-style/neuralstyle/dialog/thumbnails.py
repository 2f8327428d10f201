"""Small copies of styles, with a symbol for those that cannot be read."""

from __future__ import annotations

from gi.repository import GdkPixbuf, Gimp, Gio, Gtk

from ..library import Library


class Thumbnails:
    """Fills images with small copies of files and layers."""

    def __init__(self, library: Library | None) -> None:
        self._library = library

    def show(self, picture: Gtk.Image, place: Gio.File | Gimp.Drawable | None, width: int, height: int) -> bool:
        """Show a copy that fits into width x height; False, and a symbol, where there is none."""
        pixbuf = self._pixbuf(place, width, height)
        if pixbuf is not None:
            picture.set_from_pixbuf(pixbuf)
        elif place is not None:
            picture.set_from_icon_name("image-missing", Gtk.IconSize.DND)
        else:
            picture.set_from_icon_name("image-x-generic-symbolic", Gtk.IconSize.DIALOG)
        return pixbuf is not None

    def _pixbuf(self, place: Gio.File | Gimp.Drawable | None, width: int, height: int) -> GdkPixbuf.Pixbuf | None:
        if place is None:
            return None
        if isinstance(place, Gio.File):
            return self._library.thumbnail(place, width, height) if self._library is not None else None
        return place.get_thumbnail(width, height, Gimp.PixbufTransparency.SMALL_CHECKS)
