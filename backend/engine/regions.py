"""Which part of every layer a tile of the picture owns, and which part has to be computed for that.

All in whole numbers along one axis at a time, so that it can be reasoned about without a network. Tiles own disjoint
parts of each layer that together make up the layer; what a tile computes is as much wider as the receptive field of
what it owns, exactly, up to the border of the picture.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

POOL = "pool"
"""The name of a pooling among the operations; all others are convolutions."""
ALIGNMENT = 16
"""Tiles begin at multiples of this, where all four poolings begin a new pixel."""


class Span(NamedTuple):
    """The half-open interval start..stop along one axis."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many pixels it has."""
        return self.stop - self.start

    def within(self, other: Span) -> slice:
        """Where it lies in a buffer that holds `other`."""
        return slice(self.start - other.start, self.stop - other.start)


class Region(NamedTuple):
    """A rectangle of a layer."""

    rows: Span
    columns: Span

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.rows.length, self.columns.length

    def within(self, other: Region) -> tuple[slice, slice]:
        """Where it lies in a buffer that holds `other`."""
        return self.rows.within(other.rows), self.columns.within(other.columns)


@dataclass(frozen=True)
class Operation:
    """One operation on a tile: what it reads, what it writes, and what of that the tile owns."""

    name: str
    reads: Region
    writes: Region
    owns: Region

    def in_rows(self, rows: Span) -> Operation:
        """The same convolution of some of the rows that it writes, of which the tile may own none."""
        start = min(max(rows.start, self.owns.rows.start), rows.stop)
        owns = Span(start, max(start, min(rows.stop, self.owns.rows.stop)))
        reads = Span(max(rows.start - 1, self.reads.rows.start), min(rows.stop + 1, self.reads.rows.stop))
        pairs = zip((reads, rows, owns), (self.reads, self.writes, self.owns), strict=True)
        return Operation(self.name, *(Region(some, region.columns) for some, region in pairs))


def whole(size: tuple[int, int]) -> Region:
    """The region of a picture or layer of a size (height, width)."""
    return Region(Span(0, size[0]), Span(0, size[1]))


def bands(span: Span, length: int) -> list[Span]:
    """The span in pieces of at most `length`."""
    edges = [*range(span.start, span.stop, length), span.stop]
    return [Span(a, b) for a, b in itertools.pairwise(edges)]


def tiles(size: tuple[int, int], side: int) -> list[Region]:
    """The tiles of a picture of `size`, at most about `side` px long and wide, row by row."""
    rows, columns = _cut(size[0], side), _cut(size[1], side)
    return [Region(row, column) for row in rows for column in columns]


def _cut(length: int, side: int) -> list[Span]:
    """Evenly spread spans; none is so short that a layer would have no pixel of it."""
    units = max(1, length // ALIGNMENT)
    count = min(units, -(-length // max(side, ALIGNMENT)))
    edges = [units * i // count * ALIGNMENT for i in range(count)] + [length]
    return [Span(a, b) for a, b in itertools.pairwise(edges)]


def operations(size: tuple[int, int], tile: Region, names: Sequence[str], tapped: set[str]) -> list[Operation]:
    """What a tile computes of a picture of `size`: the operations named in order, of which some are tapped."""
    rows = _axis(size[0], tile.rows, names, tapped)
    columns = _axis(size[1], tile.columns, names, tapped)
    return [
        Operation(name, *(Region(row, column) for row, column in zip(down, across, strict=True)))
        for name, down, across in zip(names, rows, columns, strict=True)
    ]


def _axis(length: int, tile: Span, names: Sequence[str], tapped: set[str]) -> list[tuple[Span, Span, Span]]:
    """For each operation, from the first: what it reads, writes and owns."""
    lengths, level = [], 0
    for name in names:
        level += name == POOL
        lengths.append((length >> level, level))
    found: list[tuple[Span, Span, Span]] = []
    need: Span | None = None
    for name, (size, depth) in zip(reversed(names), reversed(lengths), strict=True):
        owns = Span(tile.start >> depth, size if tile.stop == length else tile.stop >> depth)
        writes = owns if need is None else _hull(need, owns) if name in tapped else need
        reads = Span(2 * writes.start, 2 * writes.stop) if name == POOL else _widened(writes, size)
        found.append((reads, writes, owns))
        need = reads
    return found[::-1]


def _hull(a: Span, b: Span) -> Span:
    return Span(min(a.start, b.start), max(a.stop, b.stop))


def _widened(span: Span, length: int) -> Span:
    return Span(max(0, span.start - 1), min(length, span.stop + 1))
