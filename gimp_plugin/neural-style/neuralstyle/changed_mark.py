"""Whether an image counts as changed since it was saved: a run that leaves nothing in it leaves no mark either.

GIMP counts undo steps, and a plug-in can ask whether it counts any. So the live layer's coming is forgiven at once, and
a mark that is found later is the user's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gimp, Gio, GLib


class ChangedMark:
    """The mark of an image into which a layer is about to come."""

    def __init__(self, image: Gimp.Image) -> None:
        self._image = image
        self._was_clean = not image.is_dirty()
        self._saved = _saved(image)

    def forgive(self) -> None:
        """Let the layer that has come be no change."""
        if self._was_clean:
            self._image.clean_all()

    def give_back(self, layer: Gimp.Layer) -> None:
        """Let the layer's coming count after all, now that it stays; one undo of it is then no change again."""
        if self._was_clean or not self._image.is_dirty():
            # GIMP counts a change also if it keeps no undo step of it. Moving the layer to where it is makes exactly
            # one; a lock refuses that, but not to put it where it is among the layers, which makes two.
            place = layer.get_parent(), self._image.get_item_position(layer)
            self._image.undo_freeze()
            layer.set_offsets(*layer.get_offsets()[1:])
            if not self._image.is_dirty():
                self._image.reorder_item(layer, *place)
            self._image.undo_thaw()

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Let the layer's going be no change, unless the user has changed the image, or saved it with the layer."""
        forgiven = self._was_clean and not self._image.is_dirty() and _saved(self._image) == self._saved
        yield
        if forgiven:
            self._image.clean_all()


def _saved(image: Gimp.Image) -> object:
    """The image's own file and its version, None if it has no file; equal to nothing if the file cannot be asked."""
    file = image.get_xcf_file()
    if file is None:
        return None
    try:
        found = file.query_info("etag::value", Gio.FileQueryInfoFlags.NONE, None)
    except GLib.Error:
        return object()
    return file.get_uri(), found.get_etag()
