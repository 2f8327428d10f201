"""The settings that few need, in an expander."""

from __future__ import annotations

from gi.repository import Gtk

from ..i18n import _
from .context import GAP, Context
from .form import Form


class Advanced:
    """Closed at first; what it holds is explained in arguments.py."""

    def __init__(self, context: Context, labels: Gtk.SizeGroup) -> None:
        form = Form(context, labels)
        form.scale("steps")
        form.choice("optimiser")
        form.choice("pooling")
        form.scale("smoothness")
        form.choice("init")
        form.choice("device")
        form.check("keep-on-cancel")
        form.widget.set_margin_top(GAP)
        self.widget = Gtk.Expander(label=_("_Advanced"), use_underline=True)
        self.widget.add(form.widget)
