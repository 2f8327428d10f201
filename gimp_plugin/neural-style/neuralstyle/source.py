"""What is to be painted: a layer, or the part of it that is selected; and what cannot be painted."""

from __future__ import annotations

from dataclasses import dataclass

from gi.repository import Gimp
from protocol.job import MIN_SIDE

from .failures import Refusal


@dataclass(frozen=True)
class Source:
    """A rectangle of a layer, in the layer's own coordinates."""

    image: Gimp.Image
    layer: Gimp.Layer
    x: int
    y: int
    width: int
    height: int
    selected: bool

    @property
    def offsets(self) -> tuple[int, int]:
        """Where the rectangle lies in the image; may be negative."""
        _, x, y = self.layer.get_offsets()
        return x + self.x, y + self.y


def find_source(image: Gimp.Image, drawables: list[Gimp.Drawable]) -> Source:
    """The rectangle to paint: the selection's bounds or the whole layer; raises Refusal."""
    layer = _only_layer(drawables)
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise Refusal(
            "An indexed image cannot hold the colours of the result. "
            "Choose Image > Mode > RGB first; Image > Mode > Indexed brings a palette back afterwards."
        )
    if image.get_floating_sel() is not None:
        raise Refusal("There is a floating selection. Choose Layer > Anchor Layer or Layer > To New Layer first.")
    source = _rectangle(image, layer)
    if min(source.width, source.height) < MIN_SIDE:
        what = "selected part of the layer" if source.selected else "layer"
        raise Refusal(
            f"The {what} is {source.width} x {source.height} pixels, but both sides must have at least {MIN_SIDE}. "
            f"Choose a larger {'selection' if source.selected else 'layer'}."
        )
    return source


def _only_layer(drawables: list[Gimp.Drawable]) -> Gimp.Layer:
    if len(drawables) != 1:
        raise Refusal(
            f"Neural Style paints one layer at a time, but {len(drawables)} are selected. "
            "Select exactly one layer in the Layers dialog."
        )
    drawable = drawables[0]
    if isinstance(drawable, Gimp.LayerMask):
        raise Refusal(
            "Neural Style paints layers, but a layer mask is being edited. "
            "Click the layer's picture in the Layers dialog, beside its mask, and try again."
        )
    if not isinstance(drawable, Gimp.Layer):
        raise Refusal(
            "Neural Style paints layers, but a channel is selected. Select a layer in the Layers dialog and try again."
        )
    if drawable.is_group():
        raise Refusal(
            "Neural Style paints single layers, but a layer group is selected. Select a layer inside the group, "
            "or merge a copy of the group with Layer > Merge Layer Group, and try again."
        )
    return drawable


def _rectangle(image: Gimp.Image, layer: Gimp.Layer) -> Source:
    selected = not Gimp.Selection.is_empty(image)
    meets, x, y, width, height = layer.mask_intersect()
    if not meets:
        raise Refusal(
            "The selection does not touch the layer. "
            "Select a part of the layer, or choose Select > None to paint all of it."
        )
    return Source(image, layer, x, y, width, height, selected)
