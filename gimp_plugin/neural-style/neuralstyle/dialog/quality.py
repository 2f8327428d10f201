"""The qualities to choose from, each with the time and the memory that it takes."""

from __future__ import annotations

from gi.repository import Gtk
from protocol.estimate import Estimate

from ..arguments import PRESETS
from ..i18n import _
from ..sentences import cost
from .context import GAP, SPACING, Context
from .estimates import Estimates

ASKING = "…"


class Quality:
    """A row for each quality: its button, and what is known of its cost."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._buttons: dict[str, Gtk.RadioButton] = {}
        self._costs: dict[str, Gtk.Label] = {}
        self._label = Gtk.Label(xalign=0)
        self._label.set_markup_with_mnemonic(f"<b>{context.label('preset')}</b>")
        self._label.set_tooltip_text(context.tip("preset"))
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=GAP)
        self.widget.pack_start(self._label, False, False, 0)
        self.widget.pack_start(self._rows(), False, False, 0)
        context.follow(self._show_chosen, "preset")
        self._estimates = Estimates(context, self._show_cost)

    def close(self) -> None:
        """Ask for no more estimates."""
        self._estimates.close()

    def _rows(self) -> Gtk.Widget:
        grid = Gtk.Grid(row_spacing=GAP, column_spacing=SPACING)
        group = None
        for row, (preset, label, tip) in enumerate(PRESETS):
            button = Gtk.RadioButton.new_with_label_from_widget(group, label)
            group = group or button
            button.set_tooltip_text(tip)
            button.connect("toggled", self._toggled, preset)
            cost = Gtk.Label(label=ASKING, xalign=0, hexpand=True)
            cost.get_style_context().add_class("dim-label")
            cost.set_tooltip_text(_("The time it will take on this machine for this layer, and the memory"))
            grid.attach(button, 0, row, 1, 1)
            grid.attach(cost, 1, row, 1, 1)
            self._buttons[preset], self._costs[preset] = button, cost
        return grid

    def _toggled(self, button: Gtk.RadioButton, preset: str) -> None:
        if button.get_active() and self._context.config.get_property("preset") != preset:
            self._context.config.set_property("preset", preset)

    def _show_chosen(self) -> None:
        button = self._buttons[self._context.config.get_property("preset")]
        button.set_active(True)
        self._label.set_mnemonic_widget(button)

    def _show_cost(self, preset: str, estimate: Estimate | None) -> None:
        text = _("not known") if estimate is None else cost(estimate)
        self._costs[preset].set_text(text)
