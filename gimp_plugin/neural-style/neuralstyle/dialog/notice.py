"""What is wrong, in a sentence below the settings, where it is seen without being in the way."""

from __future__ import annotations

from gi.repository import Gtk, Pango

from .context import GAP


class Notice:
    """The first of the sentences that the parts have to tell; nothing at all while they have none."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._label = Gtk.Label(wrap=True, wrap_mode=Pango.WrapMode.WORD_CHAR, xalign=0.0, max_width_chars=1)
        self._label.set_selectable(True)
        self._label.set_can_focus(False)
        icon = Gtk.Image.new_from_icon_name("dialog-warning", Gtk.IconSize.MENU)
        icon.set_valign(Gtk.Align.START)
        row = Gtk.Box(spacing=GAP)
        row.pack_start(icon, False, False, 0)
        row.pack_start(self._label, True, True, 0)
        row.show_all()
        self.widget = Gtk.Revealer(reveal_child=False)
        self.widget.add(row)

    def tell(self, about: str, text: str | None) -> None:
        """Say what is wrong with a part, or by None that nothing is."""
        if text:
            self._texts[about] = text
        else:
            self._texts.pop(about, None)
        first = next(iter(self._texts.values()), None)
        if first is not None:
            self._label.set_text(first)
        self.widget.set_reveal_child(first is not None)
