"""The settings that few need, in an expander."""

from __future__ import annotations

from gi.repository import GimpUi, Gtk
from protocol.errors import Failure
from protocol.installation import Installation
from protocol.remotes import LOCAL, Remotes

from ..failures import INSTALLATION
from ..i18n import _
from .context import GAP, SPACING, Context
from .equaliser import Equaliser
from .form import Form

CONTENT_LAYERS = (
    ("conv2_2=1", _("Every detail (conv2_2)")),
    ("conv3_2=1", _("Much detail (conv3_2)")),
    ("", _("Usual (conv4_2)")),
    ("conv5_2=1", _("Large forms only (conv5_2)")),
)


class Advanced:
    """Closed at first; what it holds is explained in arguments.py."""

    def __init__(self, context: Context, labels: Gtk.SizeGroup) -> None:
        form = Form(context, labels)
        form.row("style-layers", Equaliser(context).widget)
        form.row("content-layers", _known_texts(context, "content-layers", CONTENT_LAYERS))
        form.row("steps", _steps(context))
        form.choice("optimiser")
        form.choice("pooling")
        form.scale("smoothness", 2)
        form.choice("init")
        form.choice("device")
        form.row("backend", _known_texts(context, "backend", _backends()))
        form.check("keep-on-cancel")
        form.widget.set_margin_top(GAP)
        self.widget = Gtk.Expander(label=_("_Advanced"), use_underline=True)
        self.widget.set_tooltip_text(
            _("What few pictures need: single traits of style and layer, the way of painting, and where")
        )
        self.widget.add(form.widget)


def _steps(context: Context) -> Gtk.Widget:
    spin = GimpUi.prop_spin_button_new(context.config, "steps", 10, 100, 0)
    spin.set_width_chars(10)
    note = Gtk.Label(label=_("0: as the quality says"), xalign=0)
    note.get_style_context().add_class("dim-label")
    row = Gtk.Box(spacing=SPACING)
    row.pack_start(spin, False, False, 0)
    row.pack_start(note, False, False, 0)
    return row


def _known_texts(context: Context, name: str, texts: tuple[tuple[str, str], ...]) -> Gtk.Widget:
    """A drop-down list of the texts that make sense for an argument; another one that a script gave is shown too."""
    combo = Gtk.ComboBoxText()
    for text, label in texts:
        combo.append(text or "usual", label)

    def show() -> None:
        text = context.config.get_property(name) or ""
        if not combo.set_active_id(text or "usual"):
            combo.append(text, text)
            combo.set_active_id(text)

    def write(_combo: Gtk.ComboBoxText) -> None:
        text = combo.get_active_id()
        context.config.set_property(name, "" if text == "usual" else text)

    context.follow(show, name)
    combo.connect("changed", write)
    return combo


def _backends() -> tuple[tuple[str, str], ...]:
    """The computers that can be named without typing; why the others cannot be is told when one is used."""
    here = _("This computer")
    used, known = LOCAL, tuple[str, ...]()
    try:
        remotes = Remotes(Installation.load(INSTALLATION).remote_file)
        used, known = remotes.used, tuple(remotes.known)
    except Failure:
        pass
    usual = _("{where} (the usual one)").format(where=here if used == LOCAL else used)
    return (("", usual), (LOCAL, here), *((address, address) for address in known))
