"""A run before the user's eyes: its events go to the layer on the canvas and to the window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from gi.repository import Gimp
from protocol.client import Backend
from protocol.events import Cancelled, Done, Event, Preview, Progress
from protocol.job import Job, Picture
from protocol.live_preview import LivePreview

from .canvas import LiveLayer
from .failures import STOPPED, Refusal
from .run_window import RunWindow
from .sentences import sentence
from .source import Source

PAUSE = 4.0
"""How many times as long as a refresh of the layer took it rests then: the painting needs the processor more."""
OVER = object()


def paint(source: Source, job: Job, connect: Callable[[], Backend], name: str, *, keep: bool) -> Gimp.Layer | None:
    """The new layer, None if the user cancelled the run, removed the layer or closed the image.

    With `keep` a layer that shows a preview stays when the run is cancelled.
    """
    # What GIMP showed while it opened the style; its Cancel would end this process without any clearing up.
    Gimp.progress_end()
    with LivePreview(connect) as run, RunWindow(name) as window:
        run.paint(job)
        layer = LiveLayer(source, name)
        try:
            painting = _Painting(run, layer, window)
            if window.watch(painting.steps()) and painting.picture is not None:
                layer.finish(painting.picture)
                return layer.layer
            if keep and painting.show_last():
                layer.keep()
                return layer.layer
        except BaseException:
            layer.remove()
            raise
        layer.remove()
    return None


class _Painting:
    """What a run has told so far, and what is still to be shown of it."""

    def __init__(self, run: LivePreview, layer: LiveLayer, window: RunWindow) -> None:
        self.picture: Picture | None = None
        self._run, self._layer, self._window = run, layer, window
        self._preview: Picture | None = None
        self._refresh: Iterator[None] | None = None
        self._began = self._rested = time.monotonic()
        self._seen = False

    def steps(self) -> Iterator[None]:
        """Take in what happens and show it, a moment's work at a time, until there is a picture or no layer."""
        fraction: float | None = None
        while self.picture is None and not self._layer.gone:
            while event := self._run.poll():
                self._take(event)
                fraction = event.fraction if isinstance(event, Progress) and event.stage != "loading" else fraction
                if text := sentence(event):
                    self._window.tell(text)
            self._window.advance(fraction)
            self._go_on_showing()
            yield

    def show_last(self) -> bool:
        """Let the layer show the last preview to its end; False if there is none, or no layer."""
        while not self._layer.gone and (self._refresh or self._preview):
            self._rested = 0.0
            self._go_on_showing()
        return self._seen and not self._layer.gone

    def _take(self, event: Event) -> None:
        if isinstance(event, Done):
            self.picture = event.picture
        elif isinstance(event, Preview):
            self._preview = event.picture
        elif isinstance(event, Cancelled):
            raise Refusal(STOPPED)

    def _go_on_showing(self) -> None:
        now = time.monotonic()
        if self._refresh is None and self._preview is not None and now >= self._rested:
            self._refresh, self._preview, self._began = self._layer.show(self._preview), None, now
            self._seen = True
        if self._refresh is not None and next(self._refresh, OVER) is OVER:
            now = time.monotonic()
            self._refresh, self._rested = None, now + PAUSE * (now - self._began)
