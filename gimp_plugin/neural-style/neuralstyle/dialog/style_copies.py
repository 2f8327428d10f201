"""Small copies of the style pictures, which the preview is painted with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from gi.repository import GdkPixbuf, Gio, GLib
from protocol.job import MIN_SIDE, Picture, Style

from ..styles import Chosen
from . import pixbufs
from .region import LARGEST_STROKES, SIDE

MOST_PIXELS = (LARGEST_STROKES * SIDE) ** 2
"""What the largest strokes of a preview need."""

Key = tuple[str, float]


class StyleCopies:
    """Files are read in a thread, since GIMP takes its time; what only GIMP can read it has to."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._loading: dict[str, Future[GdkPixbuf.Pixbuf]] = {}
        self._copies: dict[str, GdkPixbuf.Pixbuf] = {}

    def get(self, chosen: Sequence[Chosen], pixels: float) -> tuple[Style, ...] | None:
        """Styles of about so many pixels each; None while they are read. Raises Refusal or Failure."""
        copies = [self._copy(style) for style in chosen]
        found = [copy for copy in copies if copy is not None]
        if len(found) < len(chosen):
            return None
        return tuple(
            Style(pixbufs.picture_of(_reduced(copy, pixels)), style.weight)
            for copy, style in zip(found, chosen, strict=True)
        )

    def close(self) -> None:
        """Read no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _copy(self, style: Chosen) -> GdkPixbuf.Pixbuf | None:
        name, _ = key(style)
        if name not in self._copies:
            path = style.place.get_path() if isinstance(style.place, Gio.File) else None
            if path is not None:
                if name not in self._loading:
                    self._loading[name] = self._thread.submit(_load, path)
                loading = self._loading[name]
                if not loading.done():
                    return None
                del self._loading[name]
                if loading.exception() is None:
                    self._copies[name] = loading.result()
                    return self._copies[name]
            self._copies[name] = _small(style.read())
        return self._copies[name]


def key(style: Chosen) -> Key:
    """What tells a style from others."""
    place = style.place
    return (place.get_uri() if isinstance(place, Gio.File) else f"layer {place.get_id()}", style.weight)


def _load(path: str) -> GdkPixbuf.Pixbuf:
    """A file of a kind that GTK reads; raises GLib.Error."""
    kind, width, height = GdkPixbuf.Pixbuf.get_file_info(path)
    if kind is None:
        raise GLib.Error("not a picture that GTK reads")
    wide, high = _size(width, height, MOST_PIXELS)
    pixbuf = GdkPixbuf.Pixbuf.new_from_file_at_scale(path, wide, high, False)
    return pixbuf.apply_embedded_orientation() or pixbuf


def _small(picture: Picture) -> GdkPixbuf.Pixbuf:
    return _reduced(pixbufs.exact(picture), MOST_PIXELS)


def _reduced(pixbuf: GdkPixbuf.Pixbuf, pixels: float) -> GdkPixbuf.Pixbuf:
    width, height = pixbuf.get_width(), pixbuf.get_height()
    size = _size(width, height, pixels)
    return pixbuf if size == (width, height) else pixbuf.scale_simple(*size, pixbufs.BILINEAR)


def _size(width: int, height: int, pixels: float) -> tuple[int, int]:
    """The size reduced to an area of so many pixels; a side that a job would refuse stays longer."""
    scale = min(1.0, math.sqrt(pixels / (width * height)))
    return max(min(width, MIN_SIDE), round(width * scale)), max(min(height, MIN_SIDE), round(height * scale))
