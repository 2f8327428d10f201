"""A list of all open images and their layers, to take a style from one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from gi.repository import Gimp, Gtk, Pango

from ..i18n import _
from .context import GAP, SPACING
from .pick import pick

THUMBNAIL = 40
INDENT = 18

Open: TypeAlias = "Gimp.Image | Gimp.Layer"
"""Where a style may be taken from."""


def ask_for_layer(button: Gtk.Widget, choose: Callable[[Open], None]) -> None:
    """Show the list at the button, and call `choose` with what is clicked."""
    places = list(_places())
    pick(button, [_row(place, depth) for place, depth in places], lambda index: choose(places[index][0]))


def name_of(place: Open) -> str:
    """What an image or a layer is called."""
    file = (place.get_file() or place.get_imported_file()) if isinstance(place, Gimp.Image) else None
    text: str = file.get_basename() if file is not None else place.get_name()
    return text


def _places() -> Iterator[tuple[Open, int]]:
    """Every open image followed by its layers, each with its depth in the tree."""
    for image in Gimp.get_images():
        yield image, 0
        yield from _layers(image.get_layers(), 1)


def _layers(layers: list[Gimp.Layer], depth: int) -> Iterator[tuple[Open, int]]:
    for layer in layers:
        yield layer, depth
        if layer.is_group():
            yield from _layers(layer.get_children(), depth + 1)


def _row(place: Open, depth: int) -> Gtk.Widget:
    pixbuf = place.get_thumbnail(THUMBNAIL, THUMBNAIL, Gimp.PixbufTransparency.SMALL_CHECKS)
    picture = Gtk.Image.new_from_pixbuf(pixbuf)
    picture.set_size_request(THUMBNAIL, THUMBNAIL)
    label = Gtk.Label(label=name_of(place), xalign=0, ellipsize=Pango.EllipsizeMode.MIDDLE, width_chars=20)
    label.set_max_width_chars(40)
    row = Gtk.Box(spacing=SPACING, margin=GAP)
    row.set_margin_start(GAP + depth * INDENT)
    row.pack_start(picture, False, False, 0)
    row.pack_start(label, True, True, 0)
    if depth == 0:
        whole = Gtk.Label(label=_("whole image"))
        whole.get_style_context().add_class("dim-label")
        row.pack_start(whole, False, False, 0)
    return row
