"""The seed, with a die that rolls another one."""

from __future__ import annotations

import random
from pathlib import Path

from gi.repository import GimpUi, Gtk

from ..i18n import _
from .context import GAP, Context

ICONS = Path(__file__).resolve().parents[2] / "icons"
LARGEST = 999_999
"""What the dice roll is short enough to be written down."""


def seed_control(context: Context) -> Gtk.Widget:
    """A number and a button that changes it."""
    Gtk.IconTheme.get_default().append_search_path(str(ICONS))
    number = GimpUi.prop_spin_button_new(context.config, "seed", 1, 10, 0)
    number.set_width_chars(10)
    button = Gtk.Button.new_from_icon_name("neural-style-dice-symbolic", Gtk.IconSize.BUTTON)
    button.set_tooltip_text(_("Roll the dice: another seed, and so another picture of the same kind"))
    button.get_accessible().set_name(_("Another seed"))
    button.connect("clicked", lambda _button: context.config.set_property("seed", random.randint(1, LARGEST)))
    note = Gtk.Label(label=_("if it starts from noise"), no_show_all=True)
    note.get_style_context().add_class("dim-label")
    context.follow(lambda: note.set_visible(context.config.get_property("init") == "content"), "init")
    row = Gtk.Box(spacing=GAP)
    row.pack_start(number, False, False, 0)
    row.pack_start(button, False, False, 0)
    row.pack_start(note, False, False, 0)
    return row
