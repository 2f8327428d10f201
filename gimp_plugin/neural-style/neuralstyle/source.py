"""What is to be painted: a layer, or the part of it that is selected; and what cannot be painted."""

from __future__ import annotations

from dataclasses import dataclass

from gi.repository import Gimp
from protocol.job import MIN_SIDE

from .failures import Refusal
from .i18n import _

# A selection is painted with some of its surroundings, so that neither strokes nor colours end at its edge.
CONTEXT = 8  # parts of the selection's longer side
LEAST_CONTEXT = 16


@dataclass(frozen=True)
class Source:
    """A rectangle of a layer, in the layer's own coordinates; it reaches out of a layer too narrow to be painted.

    `inside` is the part that the layer has, which the new layer will cover (left, top, width, height), and `offsets`
    where that part lies in the image; may be negative. They hold whatever the user does to the layer meanwhile.
    """

    image: Gimp.Image
    layer: Gimp.Layer
    x: int
    y: int
    width: int
    height: int
    selected: bool
    inside: tuple[int, int, int, int]
    offsets: tuple[int, int]

    @property
    def in_new_image(self) -> bool:
        """Whether the result must go to an image of its own: a palette cannot hold its colours."""
        return bool(self.image.get_base_type() == Gimp.ImageBaseType.INDEXED)


def find_source(image: Gimp.Image, drawables: list[Gimp.Drawable]) -> Source:
    """The rectangle to paint: the selection with its surroundings, or the whole layer; raises Refusal."""
    if not image.is_valid() or not all(drawable.is_valid() for drawable in drawables):
        raise Refusal(_("The layer is not open any more. Open its image and run the filter again."))
    layer = _only_layer(drawables)
    if image.get_floating_sel() is not None:
        raise Refusal(_("There is a floating selection. Choose Layer > Anchor Layer or Layer > To New Layer first."))
    width, height = layer.get_width(), layer.get_height()
    if max(width, height) < MIN_SIDE:
        raise Refusal(
            _(
                "The layer is {width} x {height} pixels, but one side must have at least {least}. "
                "Choose a larger layer."
            ).format(width=width, height=height, least=MIN_SIDE)
        )
    _require_open_groups(layer)
    return _rectangle(image, layer)


def _require_open_groups(layer: Gimp.Layer) -> None:
    """The new layer goes where the layer is, and GIMP ends a plug-in that writes into a locked group."""
    group = layer.get_parent()
    while group is not None:
        if group.get_lock_content():
            raise Refusal(
                _(
                    "The layer group {name}, which the new layer belongs in, is locked. "
                    "Unlock the group's pixels in the Layers dialog and try again."
                ).format(name=group.get_name())
            )
        group = group.get_parent()


def _only_layer(drawables: list[Gimp.Drawable]) -> Gimp.Layer:
    if len(drawables) != 1:
        raise Refusal(
            _(
                "Neural Style paints one layer at a time, but {count} are selected. "
                "Select exactly one layer in the Layers dialog."
            ).format(count=len(drawables))
        )
    drawable = drawables[0]
    if isinstance(drawable, Gimp.LayerMask):
        drawable = Gimp.Layer.from_mask(drawable)
    if not isinstance(drawable, Gimp.Layer):
        raise Refusal(
            _(
                "Neural Style paints layers, but a channel is selected. "
                "Select a layer in the Layers dialog and try again."
            )
        )
    return drawable


def _rectangle(image: Gimp.Image, layer: Gimp.Layer) -> Source:
    selected = not Gimp.Selection.is_empty(image)
    meets, x, y, width, height = layer.mask_intersect()
    if not meets:
        raise Refusal(
            _(
                "The selection does not touch the layer. "
                "Select a part of the layer, or choose Select > None to paint all of it."
            )
        )
    if selected:
        context = max(LEAST_CONTEXT, max(width, height) // CONTEXT)
        x, width = _common(x - context, width + 2 * context, layer.get_width())
        y, height = _common(y - context, height + 2 * context, layer.get_height())
    left, top = layer.get_offsets()[1:]
    inside, offsets = (x, y, width, height), (left + x, top + y)
    x, width = _wide_enough(x, width)
    y, height = _wide_enough(y, height)
    return Source(image, layer, x, y, width, height, selected, inside, offsets)


def _common(start: int, length: int, whole: int) -> tuple[int, int]:
    """Start and length of what an interval has in common with 0..whole."""
    end = min(start + length, whole)
    start = max(start, 0)
    return start, end - start


def _wide_enough(start: int, length: int) -> tuple[int, int]:
    """The interval, or the shortest one around it that can be painted."""
    missing = max(0, MIN_SIDE - length)
    return start - missing // 2, length + missing
