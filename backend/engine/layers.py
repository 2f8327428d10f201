"""The layers of VGG-19 by name, and what each of them costs: plain arithmetic, without the network."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from backend.engine.regions import POOL

BLOCKS = ((1, 2, 64), (2, 2, 128), (3, 4, 256), (4, 4, 512), (5, 4, 512))
"""Each block's number, its convolutions and their filters; 2x2 pooling stands between blocks."""

CONVOLUTIONS = tuple(f"{block}_{index}" for block, count, _ in BLOCKS for index in range(1, count + 1))
FIRST = CONVOLUTIONS[0]
"""The convolution that reads the picture."""
LAYERS = tuple(f"{kind}{name}" for name in CONVOLUTIONS for kind in ("conv", "relu"))
"""The names of all taps: `convB_I` is the linear response, `reluB_I` the rectified one."""
FILTERS = {f"{block}_{index}": filters for block, count, filters in BLOCKS for index in range(1, count + 1)}
"""The filters of each convolution."""


class Taps(NamedTuple):
    """The layers that an objective looks at, for the style and for the content."""

    style: Collection[str]
    content: Collection[str]

    @property
    def all(self) -> set[str]:
        """Both without duplicates."""
        return {*self.style, *self.content}


def path(layers: Iterable[str]) -> list[str]:
    """The operations from the picture to the deepest of the named layers: convolutions `B_I` and poolings."""
    wanted = set(layers)
    if unknown := wanted.difference(LAYERS):
        raise ValueError(f"unknown layers: {', '.join(sorted(unknown))}")
    depth = max(CONVOLUTIONS.index(layer[4:]) for layer in wanted)
    names: list[str] = []
    for name in CONVOLUTIONS[: depth + 1]:
        if name.endswith("_1") and name != "1_1":
            names.append(POOL)
        names.append(name)
    return names


def convolutions_to(layers: Iterable[str]) -> list[str]:
    """The convolutions from the picture to the deepest of the named layers."""
    return [name for name in path(layers) if name != POOL]


def tapped(layers: Collection[str]) -> set[str]:
    """The convolutions whose linear or rectified response is among the layers."""
    return {layer[4:] for layer in layers}


def values(name: str) -> float:
    """How many values a convolution's response has for each pixel of the picture."""
    return FILTERS[name] / _pixels(name)


def halo(layers: Iterable[str]) -> int:
    """How many pixels on each side of its own the deepest of the layers depends on, which a tile has to read."""
    # A convolution reaches one of its own pixels further, which are as many of the picture's as poolings halved.
    return sum(1 << _level(name) for name in convolutions_to(layers))


def multiplications(taps: Taps) -> float:
    """The multiplications for each pixel of the picture on the way to the layers, Gram matrices included."""
    names = convolutions_to(taps.all)
    inputs = [3, *(FILTERS[name] for name in names)]
    convolving = sum(9 * before * values(name) for before, name in zip(inputs, names, strict=False))
    return convolving + sum(FILTERS[layer[4:]] * values(layer[4:]) for layer in taps.style)


def _level(name: str) -> int:
    return int(name[0]) - 1


def _pixels(name: str) -> int:
    return 1 << 2 * _level(name)
