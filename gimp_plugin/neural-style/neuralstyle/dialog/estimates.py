"""How long each quality takes on this machine and for this layer, asked while the window is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from gi.repository import GdkPixbuf, Gio, GLib
from protocol.client import connect
from protocol.errors import Failure
from protocol.estimate import Estimate, Outline
from protocol.installation import Installation
from protocol.job import PRESETS
from protocol.live_estimate import LiveEstimate
from protocol.messages import Message

from .. import layers
from ..failures import INSTALLATION, Refusal, explain
from ..settings import to_settings
from ..style import LONGEST_SIDE
from ..styles import Chosen, chosen_styles
from .context import Context, Delay

POLL_MILLISECONDS = 100
FITS_NOT = ("too-little-memory", "too-little-memory-to-paint-on", "no-size-fits", "too-large")
"""What another quality may not be refused for."""


class Estimates:
    """Asks for one quality after the other, the chosen one first, again after every change.

    `show` is told a quality and its estimate, or None if there cannot be one.
    """

    def __init__(self, context: Context, show: Callable[[str, Estimate | None], None]) -> None:
        self._context = context
        self._show = show
        self._live: LiveEstimate | None = None
        self._where: str | None = None
        self._timer = 0
        self._asked = ""
        self._left: Iterator[str] = iter(())
        self._begin_soon = Delay(self._begin)
        context.follow(self._begin_soon)

    def close(self) -> None:
        """Ask no more."""
        self._begin_soon.cancel()
        self._stop()
        if self._live is not None:
            self._live.close()

    def _begin(self) -> None:
        """Ask anew, with the settings as they are now."""
        self._stop()
        chosen = self._context.config.get_property("preset")
        self._left = iter((chosen, *(preset for preset in PRESETS if preset != chosen)))
        self._connect()
        if self._ask_next():
            self._timer = GLib.timeout_add(POLL_MILLISECONDS, self._poll)

    def _stop(self) -> None:
        if self._timer:
            GLib.source_remove(self._timer)
            self._timer = 0

    def _connect(self) -> None:
        """Talk to the backend that the settings name."""
        where = self._context.config.get_property("backend") or None
        if self._live is not None and where != self._where:
            self._live.close()
            self._live = None
        if self._live is None:
            self._where = where
            self._live = LiveEstimate(lambda: connect(Installation.load(INSTALLATION), where))

    def _ask_next(self) -> bool:
        """Ask for the next quality; False if all were asked for or nothing can be asked."""
        preset = next(self._left, None)
        if preset is None or self._live is None:
            return False
        try:
            self._live.ask(outline(self._context, preset))
        except (Failure, Refusal) as error:
            self._context.notice.tell("estimate", explain(error))
            return False
        self._asked = preset
        return True

    def _poll(self) -> bool:
        """See whether the answer has come; whether to look again."""
        assert self._live is not None
        try:
            estimate = self._live.poll()
        except Failure as failure:
            go_on = self._failed(failure)
        except Exception as error:
            self._context.notice.tell("estimate", explain(error))
            go_on = False
        else:
            go_on = estimate is None or self._answered(estimate)
        if not go_on:
            self._timer = 0
        return go_on

    def _answered(self, estimate: Estimate) -> bool:
        self._show(self._asked, estimate)
        self._tell_chosen(None)
        return self._ask_next()

    def _failed(self, failure: Failure) -> bool:
        """A quality that does not fit says nothing of the others; with any other failure it is the same for all."""
        self._show(self._asked, None)
        if failure.code in FITS_NOT:
            self._tell_chosen(explain(failure))
            return self._ask_next()
        self._context.notice.tell("estimate", explain(failure))
        for preset in self._left:
            self._show(preset, None)
        return False

    def _tell_chosen(self, text: str | None) -> None:
        if self._asked == self._context.config.get_property("preset"):
            self._context.notice.tell("estimate", text)


def outline(context: Context, preset: str) -> Outline:
    """The job as it would be with a quality, without pixels; raises Refusal or Failure for what is not allowed."""
    source = context.source
    channels, depth = layers.kind(source)
    settings = replace(to_settings(context.config), preset=preset)
    return Outline(source.width, source.height, settings, _headers(context), channels, depth)


def _headers(context: Context) -> tuple[Message, ...]:
    """The sizes of the styles as far as they are known without reading them; none if one is not known."""
    try:
        sizes = [_size(style) for style in chosen_styles(context.config)]
    except Refusal:
        return ()
    if None in sizes:
        return ()
    return tuple(
        {"width": width, "height": height, "channels": 3, "depth": "u8", "weight": 1.0}
        for width, height in filter(None, sizes)
    )


def _size(style: Chosen) -> tuple[int, int] | None:
    """Width and height of a style, reduced as it will be when it is read."""
    if isinstance(style.place, Gio.File):
        path = style.place.get_path()
        found, width, height = GdkPixbuf.Pixbuf.get_file_info(path) if path else (None, 0, 0)
        if found is None or not width or not height:
            return None
    else:
        width, height = style.place.get_width(), style.place.get_height()
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    return round(width * scale), round(height * scale)
