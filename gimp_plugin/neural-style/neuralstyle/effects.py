"""Layer effects, filters that GIMP keeps beside a layer: its buffer is without them, the user sees it with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gimp


@contextmanager
def as_seen(image: Gimp.Image, layer: Gimp.Layer) -> Iterator[Gimp.Layer]:
    """A layer whose buffer is what the user sees, in the same place: with effects a copy, gone after the block."""
    if not any(effect.get_visible() for effect in layer.get_filters()):
        yield layer
        return
    base = Gimp.ImageBaseType.GRAY if layer.is_gray() else Gimp.ImageBaseType.RGB
    scratch = Gimp.Image.new_with_precision(layer.get_width(), layer.get_height(), base, image.get_precision())
    try:
        scratch.undo_disable()
        if not layer.is_indexed():
            scratch.set_color_profile(image.get_color_profile())
        yield _merged(scratch, layer)
    finally:
        scratch.delete()


def _merged(image: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer:
    """A copy of the layer in the image, of its own pixels and effects only."""
    copy = Gimp.Layer.new_from_drawable(layer, image)
    image.insert_layer(copy, None, 0)
    if copy.get_mask() is not None:
        copy.remove_mask(Gimp.MaskApplyMode.DISCARD)
    if copy.is_group():
        return copy.merge()
    copy.merge_filters()
    return copy
