"""The window itself: GIMP's dialog for a procedure, with the parts in their places.

A part is an object with a `widget` and perhaps a `close()`, which is called when the window goes. It is made from a
`Context`, follows `context.config` (see `Context.follow` and `Delay`) and blocks for no longer than a moment.
The preview's place is the column on the left, `Window.side`: `window.add_side(Preview(context))` in `_parts`.
"""

from __future__ import annotations

from typing import Any

from gi.repository import Gdk, Gimp, GimpUi, Gtk

from ..i18n import _
from ..procedure import NAME
from ..source import Source
from .advanced import Advanced
from .context import SPACING, Context
from .form import Form
from .style_chooser import StyleChooser

NEW_IMAGE = _(
    "This image has a palette, which cannot hold the colours of the result. "
    "The result opens as a new image in RGB; this one stays as it is."
)
WIDTH = 480
# What GIMP's own buttons, the frame and the desktop's bars leave of the screen's height.
AROUND = 190


def ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, source: Source) -> bool:
    """Show the dialog; False when it was cancelled, else `config` has the answers."""
    GimpUi.init(NAME)
    window = Window(Context(procedure, config, source))
    try:
        return window.run()
    finally:
        window.close()


class Window:
    """The dialog with the preview's column on the left and the settings, which scroll if they must, on the right."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._parts: list[Any] = []
        self.dialog = GimpUi.ProcedureDialog.new(context.procedure, context.config, _("Neural Style"))
        self.side = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING)
        self._settings = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING)
        columns = Gtk.Box(spacing=2 * SPACING, margin=SPACING)
        columns.pack_start(self.side, False, False, 0)
        columns.pack_start(_scrolled(self._settings), True, True, 0)
        content = self.dialog.get_content_area()
        content.pack_start(columns, True, True, 0)
        content.reorder_child(columns, 0)
        self._fill()
        columns.show_all()
        context.follow(self._require_style, "style-file", "style-layer", "more-styles")

    def add_side(self, part: Any) -> None:
        """Put a part into the column on the left."""
        self._parts.append(part)
        self.side.pack_start(part.widget, False, False, 0)

    def add(self, part: Any) -> None:
        """Put a part below the settings that are there already."""
        self._parts.append(part)
        self._settings.pack_start(part.widget, False, False, 0)

    def run(self) -> bool:
        """Show it until it is answered; whether the answer is OK."""
        answered: bool = self.dialog.run()
        return answered

    def close(self) -> None:
        """Take it from the screen and end what its parts are doing."""
        for part in self._parts:
            if hasattr(part, "close"):
                part.close()
        self.dialog.destroy()

    def _fill(self) -> None:
        context = self._context
        labels = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
        self.add(StyleChooser(context))
        form = Form(context, labels)
        form.choice("preset")
        form.scale("style-strength", logarithmic=True)
        form.scale("stroke-size", logarithmic=True)
        form.scale("size", logarithmic=True)
        form.check("keep-colors")
        self.add(form)
        self.add(Advanced(context, labels))
        if context.source.in_new_image:
            self._settings.pack_start(_note(NEW_IMAGE), False, False, 0)

    def _require_style(self) -> None:
        """There is nothing to paint without a style."""
        get = self._context.config.get_property
        chosen = get("style-file") or get("style-layer") or get("more-styles")
        self.dialog.set_response_sensitive(Gtk.ResponseType.OK, bool(chosen))


def _scrolled(widget: Gtk.Widget) -> Gtk.Widget:
    """As high as the widget, but no higher than the screen has room for."""
    monitor = Gdk.Display.get_default().get_monitor(0)
    scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
    scrolled.set_propagate_natural_height(True)
    scrolled.set_max_content_height(monitor.get_workarea().height - AROUND)
    scrolled.set_min_content_width(WIDTH)
    scrolled.add(widget)
    return scrolled


def _note(text: str) -> Gtk.Widget:
    return Gtk.Label(label=text, wrap=True, xalign=0.0, max_width_chars=1)
