"""The transforms of Winograd's F(4 x 4, 3 x 3), compiled for the processor at hand when they are first used.

Lavin and Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016), section 4.3. Written with PyTorch most
of the time goes into moving values; these loops run along values that are neighbours in memory, channels innermost, so
that the compiler makes vector instructions of them. All arrays are plain memory, one number after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from numba import njit
from numpy import ndarray

Memory = ndarray[Any, Any]
F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Machine code of a function, made at its first call and kept on disk; other threads run meanwhile."""
    make = partial(njit, nogil=True, fastmath={"contract"}, error_model="numpy")
    try:
        return cast("F", make(function, cache=True))
    except RuntimeError:  # there is no place to keep it
        return cast("F", make(function))


@compiled
def _at(memory: Memory, first: int, length: int) -> Memory:
    return memory[first : first + length]


@compiled
def _patch_side(d: Memory, at: int, step: int, v: Memory, to: int, gap: int, length: int) -> None:
    """v = Bᵀ d for some neighbours: of six values of d that are `step` apart, six of v that are `gap` apart."""
    d0, d1, d2 = _at(d, at, length), _at(d, at + step, length), _at(d, at + 2 * step, length)
    d3, d4, d5 = _at(d, at + 3 * step, length), _at(d, at + 4 * step, length), _at(d, at + 5 * step, length)
    v0, v1, v2 = _at(v, to, length), _at(v, to + gap, length), _at(v, to + 2 * gap, length)
    v3, v4, v5 = _at(v, to + 3 * gap, length), _at(v, to + 4 * gap, length), _at(v, to + 5 * gap, length)
    for i in range(length):
        even, odd, nearer, doubled = d4[i] - 4 * d2[i], d3[i] - 4 * d1[i], d4[i] - d2[i], 2 * (d3[i] - d1[i])
        v0[i] = 4 * d0[i] - 5 * d2[i] + d4[i]
        v1[i] = even + odd
        v2[i] = even - odd
        v3[i] = nearer + doubled
        v4[i] = nearer - doubled
        v5[i] = 4 * d1[i] - 5 * d3[i] + d5[i]


@compiled
def _response_side(m: Memory, at: int, step: int, y: Memory, to: int, gap: int, length: int) -> None:
    """y = Aᵀ m for some neighbours: of six values of m that are `step` apart, four of y that are `gap` apart."""
    m0, m1, m2 = _at(m, at, length), _at(m, at + step, length), _at(m, at + 2 * step, length)
    m3, m4, m5 = _at(m, at + 3 * step, length), _at(m, at + 4 * step, length), _at(m, at + 5 * step, length)
    y0, y1 = _at(y, to, length), _at(y, to + gap, length)
    y2, y3 = _at(y, to + 2 * gap, length), _at(y, to + 3 * gap, length)
    for i in range(length):
        near, nearer, far, farther = m1[i] + m2[i], m1[i] - m2[i], m3[i] + m4[i], m3[i] - m4[i]
        y0[i] = m0[i] + near + far
        y1[i] = nearer + 2 * farther
        y2[i] = near + 4 * far
        y3[i] = nearer + 8 * farther + m5[i]


@compiled
def transform_patches(
    x: Memory, stride: int, height: int, length: int, channels: int, border: int,
    v: Memory, gap: int, columns: int, top: int, first: int, last: int, space: Memory,
) -> None:  # fmt: skip
    """The tiles of the rows `first` to `last`, each 6 x 6 values of x and 4 further than the one before, transformed.

    x has lines of `length` values, the first ones `stride` apart, within a border of zeros that is not in memory. The
    36 values of a tile go to v, `gap` apart, in the order of the tiles from the row `top` on. `space` holds 12 lines of
    4 · columns + 2 times the channels.
    """
    line = (4 * columns + 2) * channels
    begin = border * channels
    length = min(length, line - begin)
    space[:] = 0
    for row in range(first, last):
        y = 4 * row - border
        if y >= 0 and y + 6 <= height:
            _patch_side(x, y * stride, stride, space, begin, line, length)
        else:
            for i in range(6):
                at = (6 + i) * line
                if y + i >= 0 and y + i < height:
                    space[at : at + length] = x[(y + i) * stride : (y + i) * stride + length]
                else:
                    space[at : at + length] = 0
            _patch_side(space, 6 * line, line, space, begin, line, length)
        for i in range(6):
            for column in range(columns):
                to = 6 * i * gap + ((row - top) * columns + column) * channels
                _patch_side(space, i * line + 4 * column * channels, channels, v, to, gap, channels)


@compiled
def transform_responses(
    m: Memory, step: int, y: Memory, filters: int, columns: int, top: int, first: int, last: int, space: Memory
) -> None:
    """The responses to the tiles of the rows `first` to `last`, from 36 products each that are `step` apart in m.

    They go to y, (4 · rows, 4 · columns, filters). `space` holds 24 lines of as many values as a row has in m.
    """
    line = columns * filters
    for row in range(first, last):
        for j in range(6):
            _response_side(m, j * step + (row - top) * line, 6 * step, space, j * line, 6 * line, line)
        for i in range(4):
            for column in range(columns):
                to = 4 * ((4 * row + i) * line + column * filters)
                _response_side(space, 6 * i * line + column * filters, line, y, to, filters, filters)
