"""How much memory a picture takes while it is painted, and how to paint it with less.

Plain arithmetic, so that it can be asked before anything is loaded. The shares of tiles were fitted to the peak
resident memory of real runs; they err on the safe side.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from backend.engine.layers import FILTERS, Taps, convolutions_to, halo, values
from backend.engine.regions import ALIGNMENT
from backend.engine.settings import TAPS, Scale

VALUE = 12
"""Bytes of a pixel of three fp32 values."""
PAIR = 12
"""Bytes a pixel of one remembered pair of the optimiser: two times three values in half precision."""
PICTURES = 5 * VALUE
"""Bytes a pixel of everything as large as the picture but the pairs: the picture, two gradients, a step in half
precision, the layer's own bytes, and a reserve."""
LAYER = 5 * VALUE
"""Bytes a pixel of a layer larger than the working size: its colours, and the result brought to its size. Measured with
24 million pixels: 24 for the colours of an opaque layer, 58 with holes to fill; 28 to 31 for the result."""
FLOAT = 4
"""Bytes of a value in fp32."""
GRADIENTS = 130
"""Values for each pixel of a tile with its surroundings besides the kept activations: gradients, and what a convolution
works with. With the 290 kept up to conv5_1 they were fitted to the peaks of real runs."""
TRANSFORM = 5 * VALUE * 256
"""Bytes for each pixel of the longer side: what the preconditioner has of the lines that it transforms together."""
COMPARED = 12
"""Bytes for each value of a content layer that is compared with its target: their difference, and a reserve."""
GRAMS = 12
"""Bytes for each entry of a style layer's Gram matrix: its target, the picture's, and their difference."""
FIXED = 64 << 20
"""Bytes for buffers that the size of a picture does not change."""
REDUCED = 96 << 20
"""Bytes for the reduced network and its making. Measured at 512 x 512 alone: 384 MiB in all, of 458 told."""
TRANSFORMED = 96 << 20
"""Bytes that Winograd's convolutions keep for transformed filters and tiles: they are used in fp32 alone."""
SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 128)
HISTORIES = (16, 8, 3, 1)


@dataclass(frozen=True)
class Plan:
    """The longest side of a tile in pixels, the pairs the optimiser remembers, and the bytes all takes at its peak."""

    tile: int
    history: int
    bytes: int


def plan(scale: Scale, layer_pixels: int, precision: int, limit: float, taps: Taps = TAPS) -> Plan | None:
    """The fastest way to paint at the finest scale within `limit` bytes beyond the loaded model; None if none is.

    `layer_pixels` are those of the picture that is asked for; `precision` is the bytes of an activation, 2 or 4;
    `taps` are the layers that are looked at.
    Large tiles read less twice, and a long memory saves steps: neither is given up before the other is small.
    """
    largest = max(scale.height, scale.width)
    sides = (largest, *(side for side in SIDES if side < largest))
    usual = [(history, side) for history in HISTORIES for side in sides if side >= min(512, largest)]
    tight = [(HISTORIES[-1], side) for side in sides if side < 512]
    for history, side in usual + tight:
        needed = peak(scale, layer_pixels, precision, side, history, taps)
        if needed <= limit:
            return Plan(side, history, needed)
    return None


def peak(scale: Scale, layer_pixels: int, precision: int, tile: int, history: int, taps: Taps = TAPS) -> int:
    """The bytes beyond the loaded model that painting at a scale takes at most."""
    pixels = scale.height * scale.width
    content = round(precision * pixels * sum(values(layer[4:]) for layer in taps.content))
    if tile >= max(scale.height, scale.width):
        content += content + VALUE * pixels + REDUCED  # once more with the whole network, and the picture until then
    transform = TRANSFORM * max(scale.height, scale.width)
    read = tile + ALIGNMENT + 2 * halo(taps.all)
    activations = round(_of_a_pixel(precision, taps) * min(read, scale.height) * min(read, scale.width))
    grams = GRAMS * sum(FILTERS[layer[4:]] ** 2 for layer in taps.style)
    whole = layer_pixels * LAYER if layer_pixels > pixels else 0
    fixed = FIXED + (TRANSFORMED if precision == FLOAT else 0)
    return fixed + whole + pixels * (PICTURES + PAIR * history) + content + transform + activations + grams


def _of_a_pixel(precision: int, taps: Taps) -> float:
    """The bytes for each pixel that a tile reads: at the deepest layer, or where a content is compared."""
    deepest = precision * (_kept(taps.all) + GRADIENTS)
    comparing = [
        precision * (_kept([layer]) + values(layer[4:])) + COMPARED * values(layer[4:]) for layer in taps.content
    ]
    return max(deepest, *comparing)


def _kept(layers: Collection[str]) -> float:
    """The values for each pixel that are kept for the way back from the deepest of some layers."""
    return sum(map(values, convolutions_to(layers)))


def largest_side(
    schedules: Sequence[tuple[int, Scale]], layer_pixels: int, precision: int, limit: float, taps: Taps = TAPS
) -> int | None:
    """The largest of some long sides, given with their finest scales, for which there is a plan."""
    fitting = [side for side, scale in schedules if plan(scale, layer_pixels, precision, limit, taps)]
    return max(fitting, default=None)
