"""Convolutions of 3 x 3 with a quarter of the multiplications.

Winograd's minimal filtering F(4 x 4, 3 x 3) (Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR
2016, sections 4.1 and 4.3): patches of 6 x 6 and filters are transformed, multiplied value by value, which over the
channels is 36 products of matrices, and 4 x 4 responses are transformed back. In fp32 the result is off by some 2e-6.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from backend.engine.winograd_transforms import Memory

STEP, PATCH = 4, 6
"""The sides of what a tile answers and of what it reads."""
LEAST_CHANNELS, LEAST_WORK = 64, 1 << 13
"""With fewer channels, or fewer tiles times channels, the transforms take as long as what they save. Measured on two
cores with AVX2: VGG-19's convolutions of 256 and 512 filters take 40 % of the time, those of 64 and 128 50 to 80."""
BUDGET = 1 << 16
"""Tiles times channels that are transformed together: 9 MiB, that are still in the processor's cache when read."""
MUCH = 32
"""Kept memory this many times larger than what is needed is given back: deep layers have large filters, and the first
ones small filters but all else so large that memory is at its peak there."""
_SIDE_OF_FILTERS = torch.tensor(
    [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
     [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]], dtype=torch.float64,
)  # fmt: skip
_OF_FILTERS = torch.kron(_SIDE_OF_FILTERS, _SIDE_OF_FILTERS)
_CONSTANT = 7
"""The product that adds its value to all 16 responses: a place for the bias."""


def suits(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether convolutions may be made so: in half precision products are too fast, and errors too large."""
    return device.type == "cpu" and dtype == torch.float32


def pays(weight: Tensor, size: tuple[int, int]) -> bool:
    """Whether responses (height, width) to filters (K, C, 3, 3) come sooner so than one by one."""
    tiles = math.ceil(size[0] / STEP) * math.ceil(size[1] / STEP)
    channels = min(weight.shape[:2])
    return suits(weight.device, weight.dtype) and channels >= LEAST_CHANNELS and tiles * channels >= LEAST_WORK


def response(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`conv2d` of x (1, C, h + 2, w + 2) with filters (K, C, 3, 3) and a bias (K): (1, K, h, w), channels last."""
    filters = _transformed(_OF_FILTERS, weight).permute(1, 2, 0)
    return _convolved(x, filters, bias, 0)


def adjoint(g: Tensor, weight: Tensor) -> Tensor:
    """`conv_transpose2d` of g (1, K, h, w) with filters (K, C, 3, 3): (1, C, h + 2, w + 2), channels last."""
    filters = _transformed(_OF_FILTERS.flip(1), weight).permute(1, 0, 2)
    return _convolved(g, filters, None, 2)


def forget() -> None:
    """Give back the memory that convolutions of this thread have kept for the next ones."""
    _SPACE.forget()


def _transformed(transform: Tensor, weight: Tensor) -> Tensor:
    """Filters (K, C, 3, 3) as (K, 36, C). Not kept: four times the memory of the weights, and soon made again."""
    k, c = weight.shape[:2]
    values = weight.permute(0, 2, 3, 1).reshape(k, 9, c)
    return torch.matmul(transform.to(weight.dtype), values, out=_SPACE.take("filters", weight.dtype, k, PATCH**2, c))


def _convolved(x: Tensor, filters: Tensor, bias: Tensor | None, border: int) -> Tensor:
    """Responses to x within a border of zeros, with transformed filters (36, channels, filters)."""
    # Only processors without half precision come here, and the compiler takes a second to load.
    from backend.engine.winograd_transforms import transform_patches, transform_responses

    channels, outputs, dtype = filters.shape[1], filters.shape[2], x.dtype
    height, width = x.shape[2] + 2 * border - 2, x.shape[3] + 2 * border - 2
    rows, columns = math.ceil(height / STEP), math.ceil(width / STEP)
    found = torch.empty((STEP * rows, STEP * columns, outputs), dtype=dtype)
    memory, stride = _memory(x)

    def convolve(top: int, end: int) -> None:
        """The responses of some rows of tiles."""
        tiles = (end - top) * columns
        values = _SPACE.take("values", dtype, PATCH**2, tiles, channels)
        products = _SPACE.take("products", dtype, PATCH**2, tiles, outputs)

        def read(first: int, last: int) -> None:
            space = _SPACE.take("read", dtype, 2 * PATCH * (STEP * columns + 2) * channels).numpy()
            transform_patches(
                memory, stride, x.shape[2], x.shape[3] * channels, channels, border,
                _flat(values), tiles * channels, columns, top, first, last, space,
            )  # fmt: skip

        def answer(first: int, last: int) -> None:
            space = _SPACE.take("answered", dtype, STEP * PATCH * columns * outputs).numpy()
            transform_responses(
                _flat(products), tiles * outputs, _flat(found), outputs, columns, top, first, last, space
            )

        _share(top, end, read)
        torch.bmm(values, filters, out=products)
        if bias is not None:
            products[_CONSTANT] += bias
        _share(top, end, answer)

    band = max(1, BUDGET // (columns * max(channels, outputs)))
    for top in range(0, rows, band):
        convolve(top, min(rows, top + band))
    return found[None].permute(0, 3, 1, 2)[..., :height, :width]


def _memory(x: Tensor) -> tuple[Memory, int]:
    """The memory of x (1, C, H, W) from its first value to its last, channels last, and how far its rows are apart."""
    if x.stride(1) != 1 or x.stride(3) != x.shape[1]:
        x = x.contiguous(memory_format=torch.channels_last)
    stride = x.stride(2)
    return x.as_strided(((x.shape[2] - 1) * stride + x.shape[3] * x.shape[1],), (1,)).numpy(), stride


def _flat(tensor: Tensor) -> Memory:
    return tensor.view(-1).numpy()


def _share(first: int, last: int, work: Callable[[int, int], None]) -> None:
    """Do the work for a range, in equal parts on as many threads as PyTorch uses."""
    parts = min(torch.get_num_threads(), last - first)
    limits = [first + part * (last - first) // parts for part in range(parts + 1)]
    others = [_THREADS.submit(work, *limits[part : part + 2]) for part in range(1, parts)]
    work(*limits[:2])
    for other in others:
        other.result()


class _Space(threading.local):
    """Memory that is kept from one convolution to the next, since the system would clear it each time anew."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, dtype: torch.dtype, *shape: int) -> Tensor:
        """A tensor of that shape, with any values, that is valid until the name is taken again."""
        size = math.prod(shape)
        held = self._held.get((name, dtype))
        if held is None or not size <= held.numel() <= MUCH * size:
            self._held.pop((name, dtype), None)
            del held
            held = self._held[name, dtype] = torch.empty(size, dtype=dtype)
        return held[:size].view(shape)

    def forget(self) -> None:
        """Give the memory back."""
        self._held.clear()


_SPACE = _Space()
_THREADS = ThreadPoolExecutor(thread_name_prefix="winograd")
