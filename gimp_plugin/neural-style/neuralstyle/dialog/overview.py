"""A small copy of the whole picture, with a frame to drag around the part that the preview shows."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gdk, GdkPixbuf, Gtk

from ..i18n import _
from . import pixbufs
from .context import GAP
from .region import DETAIL_HEIGHT, SIDE, Point, Region

WIDTH, HEIGHT = SIDE, SIDE - DETAIL_HEIGHT - GAP
STEP = 0.05
KEYS = {Gdk.KEY_Left: (-STEP, 0.0), Gdk.KEY_Right: (STEP, 0.0), Gdk.KEY_Up: (0.0, -STEP), Gdk.KEY_Down: (0.0, STEP)}


class Overview:
    """Tells `moved` where the frame's centre is wanted, while the mouse drags it or the arrow keys move it."""

    def __init__(self, moved: Callable[[Point], None]) -> None:
        self._moved = moved
        self._centre: Point = (0.5, 0.5)
        self._picture: GdkPixbuf.Pixbuf | None = None
        self._scale = 1.0
        self._image = Gtk.Image()
        box = Gtk.EventBox(can_focus=True, halign=Gtk.Align.CENTER)
        box.add(self._image)
        self._image.show()
        box.add_events(Gdk.EventMask.BUTTON_PRESS_MASK | Gdk.EventMask.BUTTON1_MOTION_MASK)
        box.connect("button-press-event", self._on_pointer)
        box.connect("motion-notify-event", self._on_pointer)
        box.connect("key-press-event", self._on_key)
        box.set_tooltip_text(_("Click, drag, or press the arrow keys to choose the part that the preview shows"))
        self.widget = box

    def set_picture(self, picture: GdkPixbuf.Pixbuf, width: int) -> None:
        """Show this as the whole picture, which is `width` pixels wide."""
        wide, high = picture.get_width(), picture.get_height()
        factor = min(WIDTH / wide, HEIGHT / high, 1.0)
        size = max(1, round(wide * factor)), max(1, round(high * factor))
        self._picture = picture.scale_simple(*size, pixbufs.BILINEAR)
        self._scale = size[0] / width

    def set_frame(self, region: Region, centre: Point) -> None:
        """Frame the part that is shown."""
        self._centre = centre
        if self._picture is not None:
            self._image.set_from_pixbuf(pixbufs.framed(self._picture, region, self._scale))

    def _on_pointer(self, box: Gtk.Widget, event: Gdk.EventButton | Gdk.EventMotion) -> bool:
        box.grab_focus()
        self._moved(place(box, event.x, event.y))
        return True

    def _on_key(self, box: Gtk.Widget, event: Gdk.EventKey) -> bool:
        if event.keyval not in KEYS:
            return False
        x, y = KEYS[event.keyval]
        self._moved((_within(self._centre[0] + x), _within(self._centre[1] + y)))
        return True


def place(widget: Gtk.Widget, x: float, y: float) -> Point:
    """Where in the picture that fills the widget a pixel lies."""
    return _within(x / widget.get_allocated_width()), _within(y / widget.get_allocated_height())


def _within(value: float) -> float:
    return max(0.0, min(1.0, value))
