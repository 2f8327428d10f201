"""What is minimised: content, style and smoothness losses of a picture at one scale, and their gradient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import geometric_mean
from typing import TypeVar

import torch
from torch import Tensor

from backend.engine.layers import FILTERS
from backend.engine.propagation import Propagation, in_tiles
from backend.engine.regions import Region, tiles
from backend.engine.replay import Replay, possible
from backend.engine.settings import Settings
from backend.engine.terms import ContentTerm, StyleTerm, Term, add_gram, add_total_variation
from backend.engine.vgg import VGG19
from backend.engine.wasserstein import WassersteinTerm

WHOLE = 1 << 30
"""A tile side that no picture reaches."""
SMALLEST_TILE = 128
WASSERSTEIN = 1.0
"""The weight of each layer's Wasserstein distance, as a share of the geometric mean of what the layers' own losses are
where there are no activations. Of ¼ to 20, ½ and 1 led the recipe's loss furthest with the pair starry_night at 256 px;
of the fewer that were tried with demo and shipwreck, 1 did."""
LEAST_HEIGHT = 1e-30
"""For a layer without a weight, and for a style without any activations."""

T = TypeVar("T")


class Objective:
    """total = α L_content + β L_style + smoothness, the paper's equation 7 and a total variation term.

    With `relative` settings each term is a relative error, ‖F − P‖²/‖P‖² and ‖G − A‖²/‖A‖²: free of units, so
    that one style strength means the same at every size, with every source of weights and for every painting.
    Without, the terms are the paper's raw sums.

    Pictures larger than `tile` px are worked on tile by tile, with the same loss and gradient: all tiles are seen
    once for the statistics, which are sums over positions, and once more for the gradient, each with as much of
    its surroundings as its activations depend on.
    """

    def __init__(
        self,
        network: VGG19,
        content: Tensor,
        grams: Mapping[str, Tensor],
        settings: Settings,
        tile: int = WHOLE,
        half_content: bool = False,
    ) -> None:
        """Take the content (1, 3, H, W) and the target Gram matrices per position of each style layer.

        With `half_content` the content's activations are kept in half precision, which rounds the content's gradient.
        """
        self._network = network
        self._kept = torch.bfloat16 if half_content else network.dtype
        self._settings = settings
        self._size = (content.shape[2], content.shape[3])
        self.tile = tile
        self._replay: Replay | None = None
        # Wasserstein terms solve for eigenvectors, which a GPU cannot record.
        self._warm, self._records = False, possible(network.device) and not settings.wasserstein
        self.losses: dict[str, float] = {}
        """The content, style and total loss of the last evaluation."""
        # The weights of the terms are kept apart from the terms, whose values are reported without them.
        s = settings
        self._content = [
            (s.content_weight * weight, self._content_term(layer, content))
            for layer, weight in s.content_layers.items()
        ]
        self._losses = [
            (s.style_weight * weight, self._style_term(layer, grams[layer])) for layer, weight in s.style_layers.items()
        ]
        self._distances = self._of_the_same_layers(grams) if s.wasserstein else []
        self._style: Sequence[tuple[float, Term]] = self._distances or self._losses
        self._terms: dict[str, list[tuple[float, Term]]] = defaultdict(list)
        for weighted, term in [*self._content, *self._style]:
            self._terms[term.layer].append((weighted, term))

    def evaluate(self, picture: Tensor) -> tuple[float, Tensor]:
        """The total loss and its gradient at a picture (1, 3, H, W)."""
        return self._in_tiles_that_fit(partial(self._evaluate, picture))

    def loss(self, picture: Tensor) -> float:
        """The total loss alone, which takes less than half of the time."""
        return self._in_tiles_that_fit(partial(self._loss, picture))

    def aim(self, other: Objective, picture: Tensor) -> None:
        """Move the targets of the Wasserstein distances towards where those descend as the losses of `other` do.

        `other` has the same settings, but for `wasserstein`, and perhaps a better network; the picture (1, 3, H, W) is
        the one that was last evaluated here.
        """
        other._in_tiles_that_fit(partial(other._see_all, picture))
        for (weight, distance), (theirs, loss) in zip(self._distances, other._losses, strict=True):
            distance.aim(loss, theirs / weight)

    def drop_record(self) -> None:
        """Give back the memory of the evaluation that a GPU has recorded; the next but one records it again."""
        self._replay = None

    def _in_tiles_that_fit(self, compute: Callable[[], T]) -> T:
        while True:
            try:
                return compute()
            except torch.OutOfMemoryError:
                # The tiles are not part of the result: smaller ones give the same in less memory.
                self.drop_record()
                self.tile = min(self.tile, max(self._size)) // 2
                if self.tile < SMALLEST_TILE:
                    raise

    def _loss(self, picture: Tensor) -> float:
        self._see_all(picture)
        return self._told(self._values(picture, torch.zeros_like(picture)))

    def _evaluate(self, picture: Tensor) -> tuple[float, Tensor]:
        values, gradient = self._replayed(picture) if self._recordable else self._computed(picture)
        return self._told(values), gradient

    @property
    def _recordable(self) -> bool:
        # Tiles are large: their kernels keep a GPU busy by themselves.
        return self._records and len(tiles(self._size, self.tile)) == 1

    def _replayed(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        self._network.pause()
        if not self._warm:
            self._warm = True
            return self._computed(picture)
        try:
            self._replay = self._replay or Replay(self._computed, picture)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            # Not every device that could record does; the evaluation is the same without.
            self._records = False
            return self._computed(picture)
        return self._replay(picture)

    def _computed(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        ways = self._ways()
        if len(ways) > 1:
            self._see_all(picture)
        else:
            self._forget()
        gradient = torch.zeros_like(picture)
        for propagation in ways:
            propagation.forward(picture, self._see if len(ways) == 1 else None, record=True)
            rows, columns = propagation.reads
            gradient[..., slice(*rows), slice(*columns)] += propagation.backward(self._add_gradient)
        return self._values(picture, gradient), gradient

    def _see_all(self, picture: Tensor) -> None:
        self._forget()
        for propagation in self._ways():
            propagation.forward(picture, self._see)

    def _forget(self) -> None:
        for terms in self._terms.values():
            for _, term in terms:
                term.reset()

    def _values(self, picture: Tensor, gradient: Tensor) -> Tensor:
        """The weighted content, style and smoothness losses of what was seen; the last one's gradient is added."""
        s, nothing = self._settings, torch.zeros((), device=picture.device)
        content = sum((weight * term.value() for weight, term in self._content), nothing)
        style = sum((weight * term.value() for weight, term in self._style), nothing)
        smoothness = add_total_variation(picture, s.smoothness, gradient) if s.smoothness else nothing
        return torch.stack([value.float() for value in (content, style, smoothness)])

    def _told(self, values: Tensor) -> float:
        s, (content, style, smoothness) = self._settings, values.tolist()
        self.losses = {
            "content": content / s.content_weight if s.content_weight else 0.0,
            "style": style / s.style_weight if s.style_weight else 0.0,
            "total": content + style + smoothness,
        }
        return self.losses["total"]

    def _ways(self) -> list[Propagation]:
        return in_tiles(self._network, self._size, self.tile, self._terms)

    def _see(self, layer: str, features: Tensor, region: Region) -> None:
        for _, term in self._terms[layer]:
            term.see(features, region)

    def _add_gradient(self, gradient: Tensor, layer: str, features: Tensor, region: Region) -> None:
        for weight, term in self._terms[layer]:
            term.add_gradient(gradient, features, region, weight)

    def _content_term(self, layer: str, content: Tensor) -> ContentTerm:
        target = layer_of(self._network, content, layer, self.tile, self._kept)
        return ContentTerm(layer, target, 2 / _energy(target) if self._settings.relative else 1.0)

    def _of_the_same_layers(self, grams: Mapping[str, Tensor]) -> list[tuple[float, WassersteinTerm]]:
        """Wasserstein terms all of one weight, about as strong beside the content as the losses are."""
        heights = (max(weight * float(term.height), LEAST_HEIGHT) for weight, term in self._losses)
        weight = WASSERSTEIN * geometric_mean(heights)
        return [
            (weight, WassersteinTerm(term.layer, grams[term.layer], positions(self._size, term.layer)))
            for _, term in self._losses
        ]

    def _style_term(self, layer: str, target: Tensor) -> StyleTerm:
        scale = 4 * target.shape[0] ** 2 / _energy(target) if self._settings.relative else 1.0
        return StyleTerm(layer, target, scale, positions(self._size, layer))


def layer_of(
    network: VGG19, picture: Tensor, layer: str, tile: int = WHOLE, dtype: torch.dtype | None = None
) -> Tensor:
    """The activations (1, N, height, width) of one layer for a picture (1, 3, H, W), computed tile by tile.

    They are kept in the network's precision unless another `dtype` is given.
    """
    size = (picture.shape[2], picture.shape[3])
    level = int(layer[4]) - 1
    shape = (1, FILTERS[layer[4:]], size[0] >> level, size[1] >> level)
    found = torch.empty(shape, dtype=dtype or network.dtype, device=network.device)
    found = found.contiguous(memory_format=torch.channels_last)

    def see(_: str, features: Tensor, region: Region) -> None:
        found[..., slice(*region.rows), slice(*region.columns)] = features

    for propagation in in_tiles(network, size, tile, [layer]):
        propagation.forward(picture, see)
    return found


def style_grams(
    network: VGG19, styles: Sequence[tuple[Tensor, float]], settings: Settings, tile: int = WHOLE
) -> dict[str, Tensor]:
    """The Gram matrix per position of each style layer, averaged over styles (picture (1, 3, H, W), weight)."""
    total = sum(weight for _, weight in styles)
    if not total > 0:
        raise ValueError("the weights of the styles must add up to more than 0")
    grams: dict[str, Tensor] = {}
    for picture, weight in styles:
        for layer, gram in _grams(network, picture, settings.style_layers, tile).items():
            size = (picture.shape[2], picture.shape[3])
            share = gram * (weight / total / positions(size, layer))
            grams[layer] = grams[layer] + share if layer in grams else share
    return grams


def _grams(network: VGG19, picture: Tensor, layers: Mapping[str, float], tile: int) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}

    def see(layer: str, features: Tensor, _: Region) -> None:
        n = features.shape[1]
        add_gram(found.setdefault(layer, torch.zeros((n, n), device=network.device)), features)

    size = (picture.shape[2], picture.shape[3])
    for propagation in in_tiles(network, size, tile, layers):
        propagation.forward(picture, see)
    return found


def positions(size: tuple[int, int], layer: str) -> int:
    """M, the number of positions of a layer for a picture of a size (height, width)."""
    level = int(layer[4]) - 1
    return (size[0] >> level) * (size[1] >> level)


def _energy(target: Tensor) -> float:
    # A blank target has no energy to compare with; the floor keeps its loss finite.
    return max(float(torch.linalg.vector_norm(target, dtype=torch.float32)) ** 2, 1e-6)
