"""How much memory a picture takes while it is painted, and how to paint it with less.

Plain arithmetic, so that it can be asked before anything is loaded. It was held against the peak resident memory of
real runs, and errs on the safe side.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from backend.engine.layers import FILTERS, FIRST, Taps, convolutions_to, halo, tapped, values
from backend.engine.regions import ALIGNMENT
from backend.engine.settings import TAPS, Scale

VALUE = 12
"""Bytes of a pixel of three fp32 values."""
PAIR = 12
"""Bytes a pixel of one remembered pair of the optimiser: two times three values in half precision."""
PICTURES = 50
"""Bytes a pixel of everything as large as the picture but the pairs: the picture, two gradients, a step in half
precision, the layer's own bytes, and a reserve of 4. Told with one of 14, 24 million pixels took 0.36 GB less."""
LAYER = 5 * VALUE
"""Bytes a pixel of a layer larger than the working size: its colours, and the result brought to its size. Measured with
24 million pixels: 24 for the colours of an opaque layer, 58 with holes to fill; 28 to 31 for the result."""
FLOAT = 4
"""Bytes of a value in fp32."""
GRADIENTS = 3
"""Tensors as large as a convolution's response that are there besides the kept activations on the way back: its
gradient before and after the rectification, and what becomes of that."""
TRANSFORM = 5 * VALUE * 256
"""Bytes for each pixel of the longer side: what the preconditioner has of the lines that it transforms together."""
COMPARED = 12
"""Bytes for each value of a content layer that is compared with its target: their difference, and a reserve."""
GRAMS = 12
"""Bytes for each entry of a style layer's Gram matrix: its target, the picture's, and their difference."""
FIXED = 64 << 20
"""Bytes for buffers that the size of a picture does not change."""
REDUCED = 96 << 20
"""Bytes for the reduced network and its making. Measured at 512 x 512 alone: 335 MiB in all, of 412 told."""
SINGLE = 128 << 20
"""Bytes more in fp32: what Winograd's convolutions keep for transformed filters and tiles (55 MiB), and what allocators
keep of blocks that are twice as large."""
SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 192, 128)
HISTORIES = (16, 8, 3, 1)


@dataclass(frozen=True)
class Plan:
    """The longest side of a tile in pixels, the pairs the optimiser remembers, and the bytes all takes at its peak.

    With `half_content` the content's activations are kept in half precision though all else is fp32.
    """

    tile: int
    history: int
    bytes: int
    half_content: bool = False


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
        for half_content in (False, True) if precision == FLOAT else (False,):
            needed = peak(scale, layer_pixels, precision, side, history, taps, half_content)
            if needed <= limit:
                return Plan(side, history, needed, half_content)
    return None


def peak(
    scale: Scale,
    layer_pixels: int,
    precision: int,
    tile: int,
    history: int,
    taps: Taps = TAPS,
    half_content: bool = False,
) -> int:
    """The bytes beyond the loaded model that painting at a scale takes at most."""
    pixels = scale.height * scale.width
    kept = precision // 2 if half_content else precision
    content = round(kept * pixels * sum(values(layer[4:]) for layer in taps.content))
    if tile >= max(scale.height, scale.width):
        content += content + VALUE * pixels + REDUCED  # once more with the whole network, and the picture until then
    transform = TRANSFORM * max(scale.height, scale.width)
    read = tile + ALIGNMENT + 2 * halo(taps.all)
    activations = round(_of_a_pixel(precision, taps) * min(read, scale.height) * min(read, scale.width))
    grams = GRAMS * sum(FILTERS[layer[4:]] ** 2 for layer in taps.style)
    whole = layer_pixels * LAYER if layer_pixels > pixels else 0
    fixed = FIXED + (SINGLE if precision == FLOAT else 0)
    return fixed + whole + pixels * (PICTURES + PAIR * history) + content + transform + activations + grams


def _of_a_pixel(precision: int, taps: Taps) -> float:
    """The bytes for each pixel that a tile reads: somewhere on the way back, or where a content is compared."""
    convolutions = convolutions_to(taps.all)
    kept = list(itertools.accumulate(_kept(name, precision, taps) for name in convolutions))
    returning = [k + GRADIENTS * precision * values(name) for k, name in zip(kept, convolutions, strict=True)]
    comparing = [
        kept[convolutions.index(layer[4:])] + (precision + COMPARED) * values(layer[4:]) for layer in taps.content
    ]
    return max(*returning, *comparing)


def _kept(name: str, precision: int, taps: Taps) -> float:
    """The bytes for each pixel that the way back needs of a convolution."""
    if precision == FLOAT and name == FIRST:
        return VALUE
    return values(name) * (precision if precision < FLOAT or name in tapped(taps.all) else 1)


def largest_side(
    schedules: Sequence[tuple[int, Scale]], layer_pixels: int, precision: int, limit: float, taps: Taps = TAPS
) -> int | None:
    """The largest of some long sides, given with their finest scales, for which there is a plan."""
    fitting = [side for side, scale in schedules if plan(scale, layer_pixels, precision, limit, taps)]
    return max(fitting, default=None)
