"""How the picture will look: a small draft of it, or of a part of it, that follows the settings."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from gi.repository import Gegl, GLib
from protocol.client import connect
from protocol.events import Done, Event, Preview, Progress
from protocol.installation import Installation
from protocol.job import Job, Picture, Settings
from protocol.live_preview import LivePreview

from .. import layers
from ..failures import INSTALLATION, explain
from ..i18n import _
from ..scaled import read_scaled
from ..sentences import sentence
from ..settings import to_settings
from ..source import Source
from ..styles import Chosen, chosen_styles
from . import pixbufs
from .context import Context, Delay
from .preview_view import ARGUMENT, PreviewView
from .region import SIDE, Point, Region, detail, stroke_size, whole
from .style_copies import StyleCopies, key

PAUSE_MS = 400
LOOK_MS = 100
REGIONS = 8
"""Whose pixels are kept, since a large layer's take a moment to read."""
FORMATS = {1: "Y' u8", 2: "Y'A u8", 3: "R'G'B' u8", 4: "R'G'B'A u8"}


class LivePreviewPart:
    """The dialog's column with the preview; it never waits for the backend."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._source = context.source
        self._centre: Point = (0.5, 0.5)
        self._region: Region | None = None
        self._content: Picture | None = None
        self._read = lru_cache(REGIONS)(partial(_read, context.source))
        self._copies = StyleCopies()
        self._live: LivePreview | None = None
        self._painter = ""
        """Where the backend is that it paints at."""
        self._wanted: Any = None
        """What is being painted, or was, as values to compare with what the settings say now."""
        self._view = PreviewView(context, self._show_region, self._click, self._move)
        self.widget = self._view.widget
        self._paint_later = Delay(self._paint, PAUSE_MS)
        self._paint_soon = Delay(self._paint, LOOK_MS)
        self._timer = GLib.timeout_add(LOOK_MS, self._look)
        # When the window is there: to read a large layer takes a moment.
        self._begin_later = Delay(self._begin, 0)
        self._begin_later()

    def close(self) -> None:
        """Cancel what is being painted, so that the next job need not wait for it."""
        for delay in (self._begin_later, self._paint_later, self._paint_soon):
            delay.cancel()
        GLib.source_remove(self._timer)
        self._copies.close()
        self._hang_up()

    def _begin(self) -> None:
        width, height = self._source.width, self._source.height
        everything = Region(0, 0, width, height, min(1.0, SIDE / max(width, height)))
        try:
            self._view.overview.set_picture(_shown(self._read(everything)), width)
        except Exception as error:
            self._fail(error)
        self._show_region()
        self._context.follow(self._paint_later)

    # --- The region ------------------------------------------------------------------------------------------

    def _show_region(self) -> None:
        try:
            self._choose_region()
        except Exception as error:
            self._fail(error)

    def _choose_region(self) -> None:
        """Show the part that is chosen now as it is in the layer, and have it painted soon."""
        size = self._source.width, self._source.height
        get = self._context.config.get_property
        finest = max(size) if get("preset") == "full" else get("size")
        everything = whole(*size, self._centre)
        part = detail(*size, self._centre, finest, get("stroke-size"))
        self._view.offer_detail(part != everything)
        region = part if self._view.shows_detail else everything
        if region != self._region:
            self._stop()
            self._region, self._content = region, self._read(region)
            self._view.show(_shown(self._content))
            self._paint_later()
        self._view.overview.widget.set_visible(self._view.shows_detail)
        self._view.overview.set_frame(region, self._centre)

    def _move(self, centre: Point) -> None:
        self._centre = centre
        self._show_region()

    def _click(self, point: Point) -> None:
        """Show the detail at that point of the picture that is shown."""
        region, size = self._region, (self._source.width, self._source.height)
        if region is None:
            return
        x, y = region.x + point[0] * region.width, region.y + point[1] * region.height
        self._centre = x / size[0], y / size[1]
        self._view.choose_detail()
        self._show_region()

    # --- The job ---------------------------------------------------------------------------------------------

    def _paint(self) -> None:
        """Have painted what the settings say now, unless that is done already."""
        try:
            self._choose_region()
            chosen = self._chosen()
            if not chosen or self._region is None or self._content is None:
                return
            settings = self._settings(self._region)
            wanted = self._region, settings, [key(style) for style in chosen], self._where
            if wanted == self._wanted:
                return
            self._view.say(_("Painting…"), 0)
            area = self._content.width * self._content.height * settings.stroke_size**2
            styles = self._copies.get(chosen, area)
            if styles is None:
                return self._paint_soon()
            self._connected().paint(Job(self._content, styles, settings))
            self._wanted = wanted
        except Exception as error:
            self._fail(error)

    def _chosen(self) -> tuple[Chosen, ...]:
        """The styles to paint in; none if there is nothing to paint, which is said."""
        get = self._context.config.get_property
        if get(ARGUMENT) and (get("style-file") or get("style-layer") or get("more-styles")):
            return chosen_styles(self._context.config)
        self._stop()
        self._view.say(_("Choose a style to see it here.") if get(ARGUMENT) else "")
        if self._content is not None:
            self._view.show(_shown(self._content))
        return ()

    def _settings(self, region: Region) -> Settings:
        """Those of a draft whose strokes are those of the picture; a few steps of Adam would show nothing."""
        wanted = to_settings(self._context.config)
        strokes = stroke_size(self._source.width, self._source.height, region, wanted.stroke_size)
        return replace(wanted, preset="draft", size=SIDE, steps=None, optimiser="lbfgs", stroke_size=strokes)

    @property
    def _where(self) -> str:
        return self._context.config.get_property("backend") or ""

    def _connected(self) -> LivePreview:
        """The thread that paints at the backend that is chosen now."""
        where = self._where
        if where != self._painter:
            self._hang_up()
        if self._live is None:
            self._painter = where
            self._live = LivePreview(lambda: connect(Installation.load(INSTALLATION), where))
        return self._live

    def _hang_up(self) -> None:
        if self._live is not None:
            self._live.close()
            self._live = None

    def _stop(self) -> None:
        self._wanted = None
        if self._live is not None:
            self._live.paint(None)

    # --- What comes of it ------------------------------------------------------------------------------------

    def _look(self) -> bool:
        try:
            while self._live is not None and (event := self._live.poll()) is not None:
                self._take(event)
        except Exception as error:
            self._fail(error)
        return bool(GLib.SOURCE_CONTINUE)

    def _take(self, event: Event) -> None:
        if isinstance(event, (Preview, Done)) and self._content is not None:
            self._view.show(pixbufs.as_on_canvas(event.picture, self._content))
        if isinstance(event, Done):
            self._view.say(_("A quick draft; the result will be finer."))
        elif isinstance(event, Progress) and event.stage == "painting":
            self._view.say(_("Painting…"), event.fraction)
        elif (text := sentence(event)) is not None:
            self._view.say(text, 0)

    def _fail(self, error: Exception) -> None:
        self._stop()
        self._view.say(explain(error), warning=True)


def _read(source: Source, region: Region) -> Picture:
    """The region's pixels at the preview's size."""
    channels = (1 if source.layer.is_gray() else 3) + (1 if source.layer.has_alpha() else 0)
    rectangle = Gegl.Rectangle.new(source.x + region.x, source.y + region.y, region.width, region.height)
    with layers.seen(source, rectangle) as (buffer, place):
        width, height, pixels = read_scaled(buffer, place, region.scale, FORMATS[channels])
    return Picture(width, height, channels, "u8", pixels)


def _shown(picture: Picture) -> Any:
    return pixbufs.as_on_canvas(picture, picture)
