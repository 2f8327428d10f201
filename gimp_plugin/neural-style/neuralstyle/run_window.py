"""The window of a run: how far it is, and Cancel. It is not modal, so that GIMP can be used meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GimpUi, GLib, Gtk  # noqa: E402

from .i18n import _  # noqa: E402
from .procedure import NAME  # noqa: E402

TICK_MILLISECONDS = 40
SPACING = 12
WIDTH_CHARS = 52
PULSE = 0.03
FRAME = 40
"""Pixels that a desktop adds to a window's height, or a few less."""


class RunWindow:
    """A window for one run, shown until the end of a `with` block."""

    def __init__(self, what: str) -> None:
        """`what` names the picture that is painted."""
        GimpUi.init(NAME)
        self._title = _("Neural Style: {what}").format(what=what)
        self._loop = GLib.MainLoop()
        self._cancelled = False
        self._label = Gtk.Label(label=_("Getting ready"), xalign=0.0, width_chars=WIDTH_CHARS)
        self._bar = Gtk.ProgressBar(pulse_step=PULSE)
        self._dialog = GimpUi.Dialog(title=self._title, role=f"{NAME}-run", use_header_bar=False)
        self._dialog.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        self._dialog.connect("response", self._cancel)
        self._dialog.connect("delete-event", self._cancel)
        self._fill()

    def _fill(self) -> None:
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACING, margin=SPACING)
        box.pack_start(self._label, False, False, 0)
        box.pack_start(self._bar, False, False, 0)
        self._dialog.get_content_area().pack_start(box, True, True, 0)
        self._dialog.set_resizable(False)
        # The keyboard stays with GIMP: a space meant for the canvas must not press Cancel.
        self._dialog.set_focus_on_map(False)

    def __enter__(self) -> RunWindow:
        GimpUi.window_set_transient(self._dialog)
        self._dialog.show_all()
        self._step_aside()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._dialog.destroy()

    def tell(self, sentence: str) -> None:
        """Say how far the run is."""
        self._label.set_text(sentence)

    def advance(self, fraction: float | None) -> None:
        """Move the bar to `fraction` (0..1); without one, only so that it is seen that the run goes on."""
        if fraction is None:
            self._bar.pulse()
        elif fraction != self._bar.get_fraction():
            self._bar.set_fraction(fraction)
            # For a look at the task bar, when other windows are in front.
            self._dialog.set_title(f"{int(100 * fraction)}% {self._title}")

    def watch(self, work: Iterator[None]) -> bool:
        """Do the work bit by bit, as a generator does it, while the window lives; False as soon as it is cancelled.

        What the work raises is raised here.
        """
        errors: list[BaseException] = []

        def go_on() -> bool:
            try:
                next(work)
            except BaseException as error:  # in a callback it would only be printed
                errors.append(error)
                self._loop.quit()
                return False
            return True

        if not self._cancelled:
            timer = GLib.timeout_add(TICK_MILLISECONDS, go_on)
            self._loop.run()
            if not errors:
                GLib.source_remove(timer)
        if errors and not isinstance(errors[0], StopIteration):
            raise errors[0]
        return not self._cancelled

    def _cancel(self, *_: object) -> bool:
        self._cancelled = True
        self._loop.quit()
        return True  # closed at the end of the block

    def _step_aside(self) -> None:
        """Go to the bottom of the screen, off the picture, and above the windows of other runs.

        Not every desktop lets a program place its windows.
        """
        window = self._dialog.get_window()
        area = Gdk.Display.get_default().get_monitor_at_window(window).get_workarea()
        width, height = self._dialog.get_size()
        x, y = area.x + (area.width - width) // 2, area.y + area.height - height - 6 * SPACING
        taken, step = _corners(window.get_screen()), height + FRAME
        while (x, y) in taken and y - step > area.y:
            y -= step
        self._dialog.move(x, y)


def _corners(screen: Gdk.Screen) -> set[tuple[int, int]]:
    """Where the windows of all programs begin, those of other runs too; empty where the desktop does not tell."""
    frames = (window.get_frame_extents() for window in screen.get_window_stack() or ())
    return {(frame.x, frame.y) for frame in frames}
