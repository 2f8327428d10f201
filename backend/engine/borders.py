"""Borders of activations: reflected at the border of the picture before a convolution, and folded back behind it.

All tensors are (1, N, h, w) with the filters next to each other in memory (channels last).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

Missing = tuple[int, int, int, int]
"""Pixels beyond the picture's border that an operation asks for, 0 or 1 each: left, right, top, bottom."""
LONG = torch.complex128
"""The longest numbers there are, of 16 bytes. A GPU copies single activations in pieces that have neighbours at a third
of the speed of its memory, and several as one number at all of it."""


def compact(x: Tensor) -> Tensor:
    """x, or a copy in which it has no neighbours: a GPU goes through that in a third of the time."""
    if not x.is_cuda or x.is_contiguous(memory_format=torch.channels_last):
        return x
    if x.stride(1) != 1:
        return x.contiguous(memory_format=torch.channels_last)
    found = _framed(x, (0, 0, 0, 0))
    longest(found).copy_(longest(x))
    return found


def reflected(x: Tensor, missing: Missing) -> Tensor:
    """x with its border mirrored beyond it."""
    if not any(missing):
        return x
    return reflected_in_pieces(x, missing) if x.is_cuda else F.pad(x, missing, mode="reflect")


def reflected_in_pieces(x: Tensor, missing: Missing) -> Tensor:
    """`reflected` as a GPU does it fastest."""
    found = _framed(x, missing)
    long = longest(found)
    inner(long, missing).copy_(longest(x))
    _mirror(long, missing)
    return found


def reflected_rectified(x: Tensor, missing: Missing, *, in_place: bool = False) -> Tensor:
    """`reflected` of the rectified x, which goes to its place within the border at once: a pass less over memory."""
    if not any(missing):
        return F.relu_(x) if in_place else F.relu(x)
    if x.is_cuda:
        return reflected(F.relu(x), missing)
    found = _framed(x, missing)
    torch.clamp_min(x, 0, out=inner(found, missing))
    _mirror(found, missing)
    return found


def inner(x: Tensor, missing: Missing) -> Tensor:
    """A reflected x without its border."""
    left, right, top, bottom = missing
    return x[..., top : x.shape[2] - bottom, left : x.shape[3] - right]


def folded(g: Tensor, missing: Missing) -> Tensor:
    """The adjoint of `reflected`: what reached a pixel beyond the border goes to the one it mirrors; in place."""
    left, right, top, bottom = missing
    for beyond, mirrored in _lines(g.shape[3], left, right):
        g[..., mirrored] += g[..., beyond]
    for beyond, mirrored in _lines(g.shape[2], top, bottom):
        g[..., mirrored, :] += g[..., beyond, :]
    return inner(g, missing)


def _framed(x: Tensor, missing: Missing) -> Tensor:
    left, right, top, bottom = missing
    size = x.shape[0], x.shape[1], x.shape[2] + top + bottom, x.shape[3] + left + right
    return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _mirror(x: Tensor, missing: Missing) -> None:
    left, right, top, bottom = missing
    for beyond, mirrored in _lines(x.shape[2], top, bottom):
        x[..., beyond, :] = x[..., mirrored, :]
    for beyond, mirrored in _lines(x.shape[3], left, right):
        x[..., beyond] = x[..., mirrored]


def _lines(length: int, first: int, last: int) -> list[tuple[slice, slice]]:
    """The lines beyond the border and those that they mirror; both at once if they can be written as one slice."""
    if first and last and length > 5:
        return [(slice(0, None, length - 1), slice(2, length - 2, length - 5))]
    firsts, lasts = (slice(0, 1), slice(2, 3)), (slice(length - 1, None), slice(length - 3, length - 2))
    return [*([firsts] if first else []), *([lasts] if last else [])]


def longest(x: Tensor) -> Tensor:
    """The same memory with several filters taken as one long number, if their number allows it."""
    rows = x.permute(0, 2, 3, 1)
    steps = [step * x.element_size() for step in (rows.shape[3], *rows.stride()[:3], rows.storage_offset())]
    if rows.stride(3) == 1 and all(step % LONG.itemsize == 0 for step in steps):
        rows = rows.view(LONG)
    return rows.permute(0, 3, 1, 2)
