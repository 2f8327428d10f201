"""What is seen of the preview: its picture, what is happening to it, and the choice of what it shows."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gdk, GdkPixbuf, GimpUi, Gtk, Pango

from ..i18n import _
from .context import GAP, Context
from .overview import Overview, place
from .region import SIDE, Point

ARGUMENT = "preview"
"""The procedure's argument that turns it on and off."""


class PreviewView:
    """A column; `changed` is called when another part is to be shown, `clicked` with a point of the picture."""

    def __init__(
        self,
        context: Context,
        changed: Callable[[], None],
        clicked: Callable[[Point], None],
        moved: Callable[[Point], None],
    ) -> None:
        self._image = Gtk.Image()
        self._bar = Gtk.ProgressBar(opacity=0)
        self._warning = Gtk.Image.new_from_icon_name("dialog-warning", Gtk.IconSize.MENU)
        self._text = Gtk.Label(xalign=0, width_chars=1, ellipsize=Pango.EllipsizeMode.END)
        self._whole = Gtk.RadioButton(label=_("Whole"), draw_indicator=False)
        self._detail = Gtk.RadioButton(label=_("Detail"), draw_indicator=False, group=self._whole)
        self._whole.set_tooltip_text(_("Shows all that will be painted"))
        self._detail.set_tooltip_text(
            _("Shows a part as large as it will be painted, with its strokes; click in the picture for another part")
        )
        self._detail.connect("toggled", lambda button: changed())
        self.overview = Overview(moved)
        for widget in (self._warning, self.overview.widget):
            widget.set_no_show_all(True)
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=GAP)
        for row in (self._head(context), self._pictures(clicked), self._bar, self._status()):
            self.widget.pack_start(row, False, False, 0)

    @property
    def shows_detail(self) -> bool:
        """Whether a part is to be shown, and not the whole picture."""
        return bool(self._detail.get_active())

    def choose_detail(self) -> None:
        """Show a part from now on, if there is one."""
        if self._detail.get_sensitive():
            self._detail.set_active(True)

    def offer_detail(self, there_is: bool) -> None:
        """Let the user choose a part, if there is one that is smaller than the whole."""
        self._detail.set_sensitive(there_is)

    def show(self, picture: GdkPixbuf.Pixbuf) -> None:
        """Show this picture."""
        self._image.set_from_pixbuf(picture)

    def say(self, text: str, fraction: float | None = None, warning: bool = False) -> None:
        """One line under the picture, and how far it is painted; what does not fit is in the line's tooltip."""
        self._text.set_text(text)
        self._text.set_tooltip_text(text if warning else None)
        self._warning.set_visible(warning)
        # Seen through and not hidden, so that nothing in the window moves.
        self._bar.set_opacity(0 if fraction is None else 1)
        self._bar.set_fraction(fraction or 0)

    def _head(self, context: Context) -> Gtk.Widget:
        on = GimpUi.prop_check_button_new(context.config, ARGUMENT, context.label(ARGUMENT))
        on.set_tooltip_text(context.tip(ARGUMENT))
        views = Gtk.Box()
        views.get_style_context().add_class(Gtk.STYLE_CLASS_LINKED)
        head = Gtk.Box(spacing=GAP)
        for box, widget, grow in (
            (views, self._whole, False),
            (views, self._detail, False),
            (head, on, True),
            (head, views, False),
        ):
            box.pack_start(widget, grow, grow, 0)
        return head

    def _pictures(self, clicked: Callable[[Point], None]) -> Gtk.Widget:
        box = Gtk.EventBox(halign=Gtk.Align.CENTER)
        box.add(self._image)
        box.add_events(Gdk.EventMask.BUTTON_PRESS_MASK)
        box.connect("button-press-event", lambda box, event: clicked(place(box, event.x, event.y)))
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=GAP, valign=Gtk.Align.CENTER)
        column.pack_start(box, False, False, 0)
        column.pack_start(self.overview.widget, False, False, 0)
        # Always as large, so that nothing in the window moves.
        frame = Gtk.Frame(shadow_type=Gtk.ShadowType.IN)
        frame.set_size_request(SIDE + 2, SIDE + 2)
        frame.add(column)
        return frame

    def _status(self) -> Gtk.Widget:
        row = Gtk.Box(spacing=GAP)
        for widget, grow in ((self._warning, False), (self._text, True)):
            row.pack_start(widget, grow, grow, 0)
        return row
