"""Rows of labels and controls, each for one argument of the procedure, all labels as wide as the widest."""

from __future__ import annotations

from gi.repository import GimpUi, Gtk

from .context import GAP, SPACING, Context


class Form:
    """A column of rows; `labels` makes the labels of several forms as wide as each other."""

    def __init__(self, context: Context, labels: Gtk.SizeGroup) -> None:
        self._context = context
        self._labels = labels
        self._numbers = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=GAP)

    def scale(self, name: str, digits: int, logarithmic: bool = False) -> GimpUi.ScaleEntry:
        """A slider with a number beside it."""
        context = self._context
        scale = GimpUi.prop_scale_entry_new(context.config, name, context.label(name), 1.0, False, 0, 0)
        scale.set_logarithmic(logarithmic)
        scale.set_digits(digits)
        scale.set_tooltip_text(context.tip(name))
        scale.get_label().set_xalign(0)
        scale.set_column_spacing(SPACING)
        self._labels.add_widget(scale.get_label())
        self._numbers.add_widget(scale.get_spin_button())
        self.widget.pack_start(scale, False, False, 0)
        return scale

    def choice(self, name: str) -> Gtk.Widget:
        """A drop-down list."""
        return self.row(name, GimpUi.prop_choice_combo_box_new(self._context.config, name))

    def check(self, name: str) -> Gtk.Widget:
        """A box to tick, below the controls of the other rows."""
        button = GimpUi.prop_check_button_new(self._context.config, name, self._context.label(name))
        return self.row(name, button, labelled=False)

    def row(self, name: str, control: Gtk.Widget, labelled: bool = True) -> Gtk.Widget:
        """Any control for the argument `name`, which gets its label and tooltip."""
        label = Gtk.Label(xalign=0)
        if labelled:
            label.set_text_with_mnemonic(self._context.label(name))
            label.set_mnemonic_widget(_first_control(control))
        for widget in (label, control):
            widget.set_tooltip_text(self._context.tip(name))
        self._labels.add_widget(label)
        row = Gtk.Box(spacing=SPACING)
        row.pack_start(label, False, False, 0)
        row.pack_start(control, True, True, 0)
        self.widget.pack_start(row, False, False, 0)
        return control


def _first_control(widget: Gtk.Widget) -> Gtk.Widget:
    """What the label's mnemonic leads to: the widget, or the first one in a box."""
    return _first_control(widget.get_children()[0]) if isinstance(widget, Gtk.Box) else widget
