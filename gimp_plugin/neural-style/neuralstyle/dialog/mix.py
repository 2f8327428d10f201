"""The rows of several styles, each with its weight."""

from __future__ import annotations

from gi.repository import Gtk, Pango

from ..i18n import _
from ..styles import Chosen
from .choice import Choice
from .context import GAP, SPACING, Context
from .thumbnails import Thumbnails

SIDE = 32
LEAST, MOST = 0.01, 100.0


class Mix:
    """A row for each style; made anew when a style comes or goes, but not when a weight changes."""

    def __init__(self, context: Context, choice: Choice, thumbnails: Thumbnails) -> None:
        self._context = context
        self._choice = choice
        self._thumbnails = thumbnails
        self._shown: tuple[str, ...] = ()
        self._weights: list[Gtk.SpinButton] = []
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=GAP)
        choice.follow(self._show)

    def _show(self) -> None:
        styles = self._choice.styles
        names = tuple(str(style.place) for style in styles)
        if names != self._shown:
            self._shown = names
            self._fill(styles)
        for weight, style in zip(self._weights, styles, strict=True):
            weight.set_value(style.weight)

    def _fill(self, styles: tuple[Chosen, ...]) -> None:
        for row in self.widget.get_children():
            row.destroy()
        self._weights = []
        for index, style in enumerate(styles):
            self.widget.pack_start(self._row(index, style), False, False, 0)
        self.widget.show_all()

    def _row(self, index: int, style: Chosen) -> Gtk.Widget:
        picture = Gtk.Image()
        picture.set_size_request(SIDE, SIDE)
        self._thumbnails.show(picture, style.place, SIDE, SIDE)
        label = Gtk.Label(label=style.name, xalign=0, ellipsize=Pango.EllipsizeMode.MIDDLE)
        weight = Gtk.SpinButton.new_with_range(LEAST, MOST, 0.1)
        weight.set_digits(2)
        weight.set_value(style.weight)
        weight.set_tooltip_text(self._context.tip("style-weight"))
        weight.connect("value-changed", lambda spin: self._weighed(index, spin.get_value()))
        self._weights.append(weight)
        remove = Gtk.Button.new_from_icon_name("list-remove-symbolic", Gtk.IconSize.BUTTON)
        remove.set_relief(Gtk.ReliefStyle.NONE)
        remove.set_tooltip_text(_("Paint without this style"))
        remove.get_accessible().set_name(_("Remove"))
        remove.connect("clicked", lambda _button: self._choice.remove(index))
        row = Gtk.Box(spacing=SPACING)
        row.pack_start(picture, False, False, 0)
        row.pack_start(label, True, True, 0)
        row.pack_start(weight, False, False, 0)
        row.pack_start(remove, False, False, 0)
        return row

    def _weighed(self, index: int, weight: float) -> None:
        if abs(self._choice.styles[index].weight - weight) > 1e-6:
            self._choice.weigh(index, weight)
