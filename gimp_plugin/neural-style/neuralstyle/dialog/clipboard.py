"""The picture that was copied last, in GIMP or anywhere else."""

from __future__ import annotations

from gi.repository import Gdk, GdkPixbuf, Gimp, Gio, Gtk
from protocol.job import Picture

from ..failures import Refusal
from ..i18n import _
from ..style import read_image


def copied() -> Picture | Gio.File:
    """The copied picture, or the file that was copied in a file manager; raises Refusal if there is neither.

    GIMP offers what is copied in it to all programs, as they offer theirs to it, so the desktop's clipboard knows
    both. What GIMP keeps for itself, because it may not reach the desktop's clipboard, is asked for last.
    """
    clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
    pixbuf = clipboard.wait_for_image()
    if pixbuf is not None:
        return _picture(pixbuf)
    uris = clipboard.wait_for_uris()
    if uris:
        return Gio.File.new_for_uri(uris[0])
    image = Gimp.edit_paste_as_new_image()
    if image is None:
        raise Refusal(_("There is no picture in the clipboard. Copy one first, for example with Edit > Copy Visible."))
    try:
        return read_image(image)
    finally:
        image.delete()


def _picture(pixbuf: GdkPixbuf.Pixbuf) -> Picture:
    """The pixels without the bytes that fill up each row."""
    width, height, channels = pixbuf.get_width(), pixbuf.get_height(), pixbuf.get_n_channels()
    pixels, stride, row = pixbuf.get_pixels(), pixbuf.get_rowstride(), width * channels
    packed = b"".join(pixels[start : start + row] for start in range(0, stride * height, stride))
    return Picture(width, height, channels, "u8", packed)
