"""The styles that were used last, their small copies, those that were no files, and the history of runs.

All of it lies in the installation's home folder: the same for every GIMP of the user, and gone when Neural Style is
uninstalled.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from gi.repository import GdkPixbuf, Gimp, Gio, GLib
from protocol.errors import Failure
from protocol.installation import Installation
from protocol.job import Picture

from .failures import INSTALLATION
from .history import History
from .opening import open_quietly

KEPT = 16
"""How many styles are remembered."""
LONGEST_SIDE = 2048
"""As much of a layer as strokes can be learnt from; its copy need not hold more."""
THUMBNAIL = 256
OLD_SECONDS = 24 * 3600


def library_folder() -> Path:
    """The folder in the installation's home; one for caches while there is no installation."""
    try:
        home: Path = Installation.load(INSTALLATION).home
        return home / "styles"
    except Failure:
        return Path(GLib.get_user_cache_dir()) / "neural-style"


class Library:
    """A folder with the list of recent styles; whatever of it cannot be read counts as not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._list = folder / "recent.json"
        self._pictures = folder / "pictures"
        self._thumbnails = folder / "thumbnails"
        self.history = History(folder / "history")

    def recent(self) -> list[Gio.File]:
        """The styles that were used last and are still there, the last one first."""
        files = [Gio.File.new_for_uri(uri) for uri in self._uris()]
        return [file for file in files if file.query_exists(None)]

    def remember(self, files: list[Gio.File]) -> None:
        """Put these to the front of the list, and drop what has become too old; nothing if it cannot be written."""
        with suppress(OSError):
            self._remember(files)

    def keep(self, picture: Picture, name: str) -> Gio.File:
        """Keep a copy of a picture that is not a file, under a name that tells what it was."""
        pixbuf = _pixbuf(picture)
        folder = self._pictures / hashlib.sha256(bytes(picture.pixels)).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{_file_name(name)}.png"
        if not path.exists():
            pixbuf.savev(str(path), "png", ["compression"], ["1"])
        return Gio.File.new_for_path(str(path))

    def thumbnail(self, file: Gio.File, width: int, height: int) -> GdkPixbuf.Pixbuf | None:
        """A copy of the picture that fits into width x height; None if it cannot be read."""
        kept = self._thumbnail_file(file)
        if kept is None:
            return None
        try:
            return GdkPixbuf.Pixbuf.new_from_file_at_size(str(kept), width, height)
        except GLib.Error:
            pass
        small = _read_small(file)
        if small is None:
            return None
        with suppress(OSError, GLib.Error):
            self._thumbnails.mkdir(parents=True, exist_ok=True)
            small.savev(str(kept), "png", [], [])
        return _fit(small, width, height)

    def _remember(self, files: list[Gio.File]) -> None:
        uris = [file.get_uri() for file in files]
        uris += [file.get_uri() for file in self.recent() if file.get_uri() not in uris]
        self._folder.mkdir(parents=True, exist_ok=True)
        # Swapped in whole: another GIMP may read it at this moment.
        scratch = self._list.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps({"styles": uris[:KEPT]}, indent=1) + "\n", "utf-8")
        scratch.replace(self._list)
        earlier = {uri for entry in self.history.entries() for uri, _weight in entry.styles}
        self._drop_old(earlier | set(uris[:KEPT]))

    def _uris(self) -> list[str]:
        try:
            return [str(uri) for uri in json.loads(self._list.read_text("utf-8"))["styles"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _thumbnail_file(self, file: Gio.File) -> Path | None:
        """Where the small copy of the file as it is now belongs; None if there is no such file."""
        try:
            info = file.query_info("time::modified,standard::size", Gio.FileQueryInfoFlags.NONE, None)
        except GLib.Error:
            return None
        state = f"{file.get_uri()} {info.get_attribute_uint64('time::modified')} {info.get_size()}"
        return self._thumbnails / f"{hashlib.sha256(state.encode()).hexdigest()[:32]}.png"

    def _drop_old(self, uris: set[str]) -> None:
        """Remove copies of layers and small copies that belong to none of these styles."""
        files = [Gio.File.new_for_uri(uri) for uri in uris]
        wanted = {self._thumbnail_file(file) for file in files}
        wanted |= {Path(path) for path in (file.get_path() for file in files) if path}
        # Another window may just have made one.
        old = time.time() - OLD_SECONDS
        for path in (*self._thumbnails.glob("*.png"), *self._pictures.glob("*/*.png")):
            if path not in wanted and path.stat().st_mtime < old:
                path.unlink(missing_ok=True)
        for folder in self._pictures.glob("*"):
            if not any(folder.iterdir()):
                folder.rmdir()


def _read_small(file: Gio.File) -> GdkPixbuf.Pixbuf | None:
    """A small copy, by GIMP itself if it is a kind of file that only GIMP reads."""
    try:
        pixbuf = GdkPixbuf.Pixbuf.new_from_file_at_size(file.get_path() or "", THUMBNAIL, THUMBNAIL)
        return pixbuf.apply_embedded_orientation()
    except GLib.Error:
        pass
    image = open_quietly(file)
    if image is None:
        return None
    try:
        return image.get_thumbnail(THUMBNAIL, THUMBNAIL, Gimp.PixbufTransparency.KEEP_ALPHA)
    finally:
        image.delete()


def _pixbuf(picture: Picture) -> GdkPixbuf.Pixbuf:
    """The picture, no larger than it need be; it has three or four channels of 8 bits."""
    data, alpha = GLib.Bytes.new(picture.pixels), picture.channels == 4
    width, height, row = picture.width, picture.height, picture.width * picture.channels
    pixbuf = GdkPixbuf.Pixbuf.new_from_bytes(data, GdkPixbuf.Colorspace.RGB, alpha, 8, width, height, row)
    return _fit(pixbuf, LONGEST_SIDE, LONGEST_SIDE)


def _fit(pixbuf: GdkPixbuf.Pixbuf, width: int, height: int) -> GdkPixbuf.Pixbuf:
    scale = min(width / pixbuf.get_width(), height / pixbuf.get_height())
    if scale >= 1:
        return pixbuf
    size = (max(1, round(pixbuf.get_width() * scale)), max(1, round(pixbuf.get_height() * scale)))
    return pixbuf.scale_simple(*size, GdkPixbuf.InterpType.BILINEAR)


def _file_name(name: str) -> str:
    """The name without what a file's name may not have, on any system."""
    return re.sub(r'[\x00-\x1f/\\:*?"<>|]+', " ", name)[:60].strip(" .") or "style"
