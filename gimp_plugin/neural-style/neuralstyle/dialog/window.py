"""The window itself: GIMP's dialog for a procedure, with the parts in their places.

A part is an object with a `widget` and perhaps a `close()`, which is called when the window goes. It is made from a
`Context`, follows `context.config` (see `Context.follow` and `Delay`) and blocks for no longer than a moment.
On the left stands what will come of it, the preview and the time; on the right what is chosen.
"""

from __future__ import annotations

from typing import Any

from gi.repository import Gdk, Gimp, GimpUi, GLib, Gtk

from ..i18n import _
from ..library import Library, library_folder
from ..procedure import NAME
from ..source import Source
from .advanced import Advanced
from .context import SPACING, Context
from .earlier import Earlier
from .form import Form
from .notice import Notice
from .preview import LivePreviewPart
from .quality import Quality
from .seed import seed_control
from .style_chooser import StyleChooser

NEW_IMAGE = _(
    "This image has a palette, which cannot hold the colours of the result. "
    "The result opens as a new image in RGB; this one stays as it is."
)
SIDE_WIDTH = 330
WIDTH = 475
AROUND = 250
"""What the title, a notice, GIMP's own buttons and the desktop's bars take of the screen's height."""


def ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, source: Source) -> bool:
    """Show the dialog; False when it was cancelled, else `config` has the answers."""
    GimpUi.init(NAME)
    window = Window(Context(procedure, config, source, Notice()))
    try:
        return window.run()
    finally:
        window.close()


class Window:
    """The preview and the qualities on the left, and on the right the settings, which scroll if they must."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._parts: list[Any] = []
        self._dialog = GimpUi.ProcedureDialog.new(context.procedure, context.config, _("Neural Style"))
        self._side = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING)
        # The margin is what a scroll bar takes when the expander is open.
        self._settings = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING, margin_end=SPACING)
        library = Library(library_folder())
        self._styles = StyleChooser(context, library, Earlier(context, library).widget)
        columns = Gtk.Box(spacing=2 * SPACING)
        self._side.set_size_request(SIDE_WIDTH, -1)
        columns.pack_start(self._side, False, False, 0)
        columns.pack_start(_scrolled(self._settings), True, True, 0)
        whole = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING, margin=SPACING)
        whole.pack_start(columns, True, True, 0)
        whole.pack_start(context.notice.widget, False, False, 0)
        content = self._dialog.get_content_area()
        content.pack_start(whole, True, True, 0)
        content.reorder_child(whole, 0)
        self._fill()
        whole.show_all()
        self._without_help()
        context.notice.widget.connect("notify::child-revealed", lambda *_: GLib.idle_add(self._fit))
        context.follow(lambda: GLib.idle_add(self._fit), "more-styles")
        context.follow(self._require_style, "style-file", "style-layer", "more-styles")

    def run(self) -> bool:
        """Show it until it is answered; whether the answer is OK."""
        self._styles.focus()
        answered: bool = self._dialog.run()
        if answered:
            self._styles.remember()
        return answered

    def close(self) -> None:
        """Take it from the screen and end what its parts are doing."""
        self._dialog.hide()
        for part in self._parts:
            if hasattr(part, "close"):
                part.close()
        self._dialog.destroy()

    def _fill(self) -> None:
        context = self._context
        labels = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
        self._add_side(LivePreviewPart(context))
        self._add_side(Quality(context))
        self._add(self._styles)
        form = Form(context, labels)
        form.scale("style-strength", 2, logarithmic=True)
        form.scale("stroke-size", 2, logarithmic=True)
        form.scale("size", 0, logarithmic=True)
        form.row("seed", seed_control(context))
        form.check("keep-colors")
        self._add(form)
        advanced = Advanced(context, labels)
        advanced.widget.connect("notify::expanded", lambda *_: GLib.idle_add(self._fit))
        self._add(advanced)
        if context.source.in_new_image:
            self._settings.pack_start(_note(NEW_IMAGE), False, False, 0)

    def _add_side(self, part: Any) -> None:
        """Put a part into the column on the left."""
        self._parts.append(part)
        self._side.pack_start(part.widget, False, False, 0)

    def _add(self, part: Any) -> None:
        """Put a part below the settings that are there already."""
        self._parts.append(part)
        self._settings.pack_start(part.widget, False, False, 0)

    def _without_help(self) -> None:
        """GIMP's button leads to GIMP's manual, which knows nothing of this filter; each control has a tooltip."""
        button = self._dialog.get_widget_for_response(Gtk.ResponseType.HELP)
        if button is not None:
            button.hide()

    def _fit(self) -> None:
        """As high as what is shown needs, which does not happen by itself."""
        width, _height = self._dialog.get_size()
        _least, natural = self._dialog.get_preferred_height_for_width(width)
        self._dialog.resize(width, natural)

    def _require_style(self) -> None:
        """There is nothing to paint without a style."""
        get = self._context.config.get_property
        chosen = get("style-file") or get("style-layer") or get("more-styles")
        self._dialog.set_response_sensitive(Gtk.ResponseType.OK, bool(chosen))


def _scrolled(widget: Gtk.Widget) -> Gtk.Widget:
    """As high as the widget, but no higher than the screen has room for."""
    monitor = Gdk.Display.get_default().get_monitor(0)
    scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, overlay_scrolling=False)
    scrolled.set_propagate_natural_height(True)
    scrolled.set_max_content_height(monitor.get_workarea().height - AROUND)
    scrolled.set_size_request(WIDTH, -1)
    scrolled.add(widget)
    return scrolled


def _note(text: str) -> Gtk.Widget:
    return Gtk.Label(label=text, wrap=True, xalign=0.0, max_width_chars=1)
