"""Convolutions of 3 x 3 with a quarter of the multiplications.

Winograd's minimal filtering F(4 x 4, 3 x 3) (Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR
2016, sections 4.1 and 4.3): patches of 6 x 6 and filters are transformed, multiplied value by value, which over the
channels is 36 products of matrices, and 4 x 4 responses are transformed back. In fp32 the result is off by some 3e-6.
"""

from __future__ import annotations

import math
import threading

import torch
from torch import Tensor

STEP, PATCH = 4, 6
"""The sides of what a tile answers and of what it reads."""
LEAST_CHANNELS, LEAST_WORK = 128, 1 << 13
"""With fewer channels, or fewer tiles times channels, the transforms cost more than the multiplications that they save.
Measured on two cores with AVX2: most of VGG-19's convolutions then take half the time, and the deepest a third."""
BUDGET = 1 << 17
"""Tiles times channels that are transformed together: 18 MiB, that are still in the processor's cache when read."""


def _squared(rows: list[list[float]]) -> Tensor:
    """The transform of both sides of a square, as one matrix for its values in a row."""
    matrix = torch.tensor(rows, dtype=torch.float64)
    return torch.kron(matrix, matrix)


_OF_PATCHES = _squared(
    [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
     [0, 4, 0, -5, 0, 1]]
)  # fmt: skip
_OF_FILTERS = _squared(
    [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
     [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]
)  # fmt: skip
_TO_RESPONSES = _squared([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
_CONSTANT = 7
"""The product that adds its value to all 16 responses: a place for the bias."""


def pays(weight: Tensor, size: tuple[int, int]) -> bool:
    """Whether responses (height, width) to filters (K, C, 3, 3) come sooner so than one by one.

    In half precision the products are so fast, and the errors so large, that they never do.
    """
    tiles = math.ceil(size[0] / STEP) * math.ceil(size[1] / STEP)
    channels = min(weight.shape[:2])
    suited = weight.device.type == "cpu" and weight.dtype == torch.float32
    return suited and channels >= LEAST_CHANNELS and tiles * channels >= LEAST_WORK


def response(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`conv2d` of x (1, C, h + 2, w + 2) with filters (K, C, 3, 3) and a bias (K): (1, K, h, w), channels last."""
    filters = _transformed(_OF_FILTERS, weight).permute(1, 2, 0)
    return _convolved(x, filters, bias, 0)


def adjoint(g: Tensor, weight: Tensor) -> Tensor:
    """`conv_transpose2d` of g (1, K, h, w) with filters (K, C, 3, 3): (1, C, h + 2, w + 2), channels last."""
    filters = _transformed(_OF_FILTERS.flip(1), weight).permute(1, 0, 2)
    return _convolved(g, filters, None, 2)


def _transformed(transform: Tensor, weight: Tensor) -> Tensor:
    """Filters (K, C, 3, 3) as (K, 36, C). Not kept: four times the memory of the weights, and soon made again."""
    k, c = weight.shape[:2]
    values = weight.permute(0, 2, 3, 1).reshape(k, 9, c)
    return torch.matmul(transform.to(weight.dtype), values, out=_SPACE.take("filters", weight.dtype, k, PATCH**2, c))


def _convolved(x: Tensor, filters: Tensor, bias: Tensor | None, border: int) -> Tensor:
    """Responses to x within a border of zeros, with transformed filters (36, channels, filters)."""
    channels, outputs, dtype = filters.shape[1], filters.shape[2], x.dtype
    height, width = x.shape[2] + 2 * border - 2, x.shape[3] + 2 * border - 2
    rows, columns = math.ceil(height / STEP), math.ceil(width / STEP)
    of_patches, to_responses = _OF_PATCHES.to(dtype), _TO_RESPONSES.to(dtype)
    found = torch.empty((rows, STEP, columns, STEP, outputs), dtype=dtype)
    band = max(1, BUDGET // (columns * max(channels, outputs)))
    for top in range(0, rows, band):
        here = min(band, rows - top)
        tiles = here * columns
        read = _rows(x, border, STEP * top - border, STEP * here + 2, STEP * columns + 2)
        patches = read.unfold(0, PATCH, STEP).unfold(1, PATCH, STEP).permute(0, 1, 3, 4, 2)
        # What is not needed any more lends its place to what comes next.
        values = _SPACE.take("even", dtype, *patches.shape).copy_(patches).view(tiles, PATCH**2, channels)
        values = torch.matmul(of_patches, values, out=_SPACE.take("odd", dtype, *values.shape))
        products = _SPACE.take("even", dtype, PATCH**2, tiles, outputs)
        torch.bmm(values.transpose(0, 1), filters, out=products)
        if bias is not None:
            products[_CONSTANT] += bias
        responses = _SPACE.take("odd", dtype, STEP**2, tiles * outputs)
        torch.mm(to_responses, products.view(PATCH**2, -1), out=responses)
        found[top : top + band] = responses.view(STEP, STEP, here, columns, outputs).permute(2, 0, 3, 1, 4)
    return found.view(1, STEP * rows, STEP * columns, outputs).permute(0, 3, 1, 2)[..., :height, :width]


def _rows(x: Tensor, border: int, first: int, height: int, width: int) -> Tensor:
    """x (1, C, H, W) from its row `first` and its column `-border` on as (height, width, C), with zeros beyond x."""
    x = x[0].permute(1, 2, 0)
    if first >= 0 and first + height <= x.shape[0] and width == x.shape[1]:
        return x[first : first + height]
    found = _SPACE.take("rows", x.dtype, height, width, x.shape[2])
    above, below, right = max(0, -first), min(height, x.shape[0] - first), border + x.shape[1]
    found[:above] = 0
    found[below:] = 0
    found[above:below, :border] = 0
    found[above:below, right:] = 0
    found[above:below, border:right] = x[first + above : first + below]
    return found


class _Space(threading.local):
    """Memory that is kept from one convolution to the next, since the system would clear it each time anew."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, dtype: torch.dtype, *shape: int) -> Tensor:
        """A tensor of that shape, with any values, that is valid until the name is taken again."""
        size = math.prod(shape)
        held = self._held.get((name, dtype))
        if held is None or held.numel() < size:
            held = self._held[name, dtype] = torch.empty(size, dtype=dtype)
        return held[:size].view(shape)


_SPACE = _Space()
