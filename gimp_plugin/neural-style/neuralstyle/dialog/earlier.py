"""The button that brings the settings of an earlier run back."""

from __future__ import annotations

import re

from gi.repository import Gio, GLib, Gtk, Pango

from ..arguments import option_label
from ..history import Entry
from ..i18n import _
from ..library import Library
from ..remembered import defaults, values_of
from ..style import stem
from ..styles import Chosen
from .choice import Choice
from .context import GAP, SPACING, Context
from .pick import pick
from .thumbnails import Thumbnails

SIDE = 40
WIDTH_CHARS = 44
MNEMONIC = re.compile(r"\(_.\)|_")


class Earlier:
    """A button with a list of the runs whose styles are still there."""

    def __init__(self, context: Context, library: Library) -> None:
        self._context = context
        self._library = library
        self._thumbnails = Thumbnails(library)
        self._choice = Choice(context)
        self.widget = Gtk.Button(label=_("Earlier _paintings"), use_underline=True, always_show_image=True)
        self.widget.set_image(Gtk.Image.new_from_icon_name("pan-down-symbolic", Gtk.IconSize.BUTTON))
        self.widget.set_image_position(Gtk.PositionType.RIGHT)
        self.widget.set_tooltip_text(_("Use the style and all settings of an earlier painting again"))
        self.widget.set_sensitive(bool(self._entries()))
        self.widget.connect("clicked", self._ask)

    def _entries(self) -> list[Entry]:
        return [
            entry
            for entry in self._library.history.entries()
            if all(Gio.File.new_for_uri(uri).query_exists(None) for uri, _weight in entry.styles)
        ]

    def _ask(self, button: Gtk.Button) -> None:
        entries = self._entries()
        pick(button, [self._row(entry) for entry in entries], lambda index: self._use(entries[index]))

    def _use(self, entry: Entry) -> None:
        for name, value in values_of(entry, self._context.procedure).items():
            self._context.config.set_property(name, value)
        self._choice.write([Chosen(Gio.File.new_for_uri(uri), weight) for uri, weight in entry.styles])

    def _row(self, entry: Entry) -> Gtk.Widget:
        files = [Gio.File.new_for_uri(uri) for uri, _weight in entry.styles]
        picture = Gtk.Image()
        picture.set_size_request(SIDE, SIDE)
        self._thumbnails.show(picture, files[0], SIDE, SIDE)
        name, details = " + ".join(map(stem, files)), self._details(entry)
        label = Gtk.Label(xalign=0, ellipsize=Pango.EllipsizeMode.END, max_width_chars=WIDTH_CHARS)
        label.set_markup(f"<b>{GLib.markup_escape_text(name)}</b>\n{GLib.markup_escape_text(details)}")
        when = Gtk.Label(label=_date(entry.when), valign=Gtk.Align.START)
        when.get_style_context().add_class("dim-label")
        row = Gtk.Box(spacing=SPACING, margin=GAP)
        row.set_tooltip_text(f"{name}\n{details}")
        row.pack_start(picture, False, False, 0)
        row.pack_start(label, True, True, 0)
        row.pack_start(when, False, False, 0)
        return row

    def _details(self, entry: Entry) -> str:
        """The quality and the working size, and whatever else was not the default."""
        values, usual = values_of(entry, self._context.procedure), defaults(self._context.procedure)
        details = [option_label("preset", values.pop("preset")), _("{size} px").format(size=values.pop("size"))]
        if len({weight for _uri, weight in entry.styles}) > 1:
            details.append(self._told("style-weight", " / ".join(f"{weight:n}" for _uri, weight in entry.styles)))
        details += [self._told(name, value) for name, value in values.items() if value != usual[name]]
        return ", ".join(details)

    def _told(self, name: str, value: str | float | bool) -> str:
        label = MNEMONIC.sub("", self._context.label(name))
        if isinstance(value, bool):
            return label
        if isinstance(value, float):
            return f"{label} {value:n}"
        return f"{label} {option_label(name, value) if isinstance(value, str) else value}"


def _date(when: float) -> str:
    # Translators: day, month and time, as in 27 Nov 14:03; %-d is the day, %-m the month's number, %b its short name
    text: str = GLib.DateTime.new_from_unix_local(int(when)).format(_("%-d %b %H:%M"))
    return text
