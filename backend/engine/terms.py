"""The terms of the objective as sums over positions, so that tiles can add their parts one after another.

Every term is used in two rounds: `see` is shown each part of its layer once, after which `value` is the loss;
then `add_gradient` tells, part by part, the gradient with respect to the activations. Both rounds together need no
more than the layer's statistics, however large the picture is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor

from backend.engine.losses import content_loss, matrix, style_layer_loss
from backend.engine.regions import Region

CHUNK = 1 << 12
"""Positions whose products are added up in the precision of the activations (the processor adds them in fp32 and rounds
the sums); the sums themselves are added up in fp32."""
BAND, BAND_ON_GPU = 256, 4096
"""Rows of the picture whose differences are held at a time; a GPU's kernels have to be few."""


class Term(Protocol):
    """A loss of one layer's activations (1, N, h, w), given part by part."""

    layer: str

    def reset(self) -> None:
        """Forget what was seen."""

    def see(self, features: Tensor, region: Region) -> None:
        """Take account of the part of the layer at `region`."""

    def value(self) -> Tensor:
        """The loss, after all parts were seen."""

    def add_gradient(self, gradient: Tensor, features: Tensor, region: Region, weight: float = 1.0) -> None:
        """Add `weight` times the gradient of the loss with respect to a part, after all parts were seen."""


class ContentTerm:
    """½ Σ (F − P)², equation 1, times `scale`; its gradient is F − P (equation 2, without the rectification)."""

    def __init__(self, layer: str, target: Tensor, scale: float) -> None:
        """Take P whole, (1, N, height, width)."""
        self.layer = layer
        self._target = target
        self._scale = scale
        self._sum = torch.zeros((), device=target.device)

    def reset(self) -> None:
        """Forget what was seen."""
        self._sum = torch.zeros_like(self._sum)

    def see(self, features: Tensor, region: Region) -> None:
        """Add the part's loss."""
        self._sum += content_loss(features, self._at(region))

    def value(self) -> Tensor:
        """The loss of all that was seen."""
        return self._scale * self._sum

    def add_gradient(self, gradient: Tensor, features: Tensor, region: Region, weight: float = 1.0) -> None:
        """Add the weighted gradient with respect to a part."""
        gradient.add_(features - self._at(region), alpha=self._scale * weight)

    def _at(self, region: Region) -> Tensor:
        return self._target[..., slice(*region.rows), slice(*region.columns)]


class GramTerm(ABC):
    """A loss E of a layer's Gram matrix per position G / M; the gradient is 2 ∂E/∂G F, as ∂E/∂G is symmetric."""

    def __init__(self, layer: str, target: Tensor, positions: int) -> None:
        self.layer = layer
        self._target = target
        self._positions = positions
        self._gram = torch.zeros_like(target)

    def reset(self) -> None:
        """Forget what was seen."""
        self._gram.zero_()

    def see(self, features: Tensor, region: Region) -> None:
        """Add the part's F Fᵀ."""
        add_gram(self._gram, features)

    @abstractmethod
    def value(self) -> Tensor:
        """The loss of all that was seen."""

    @abstractmethod
    def derivative(self) -> Tensor:
        """∂E/∂G (N, N), with G per position, after all parts were seen."""

    def add_gradient(self, gradient: Tensor, features: Tensor, region: Region, weight: float = 1.0) -> None:
        """Add the weighted gradient with respect to a part."""
        n = self._target.shape[0]
        d = self.derivative().mul(2 * weight / self._positions).to(features.dtype)
        rows = gradient.permute(0, 2, 3, 1)
        if rows.is_contiguous():
            rows.view(-1, n).addmm_(matrix(features), d)
        else:
            rows += (matrix(features) @ d).view_as(rows)


class StyleTerm(GramTerm):
    """E of equation 4 with the Gram matrices divided by the positions (so M = 1), times `scale`.

    Equal to the paper's E where picture and style are of one size, and defined where they are not. The gradient
    is equation 6 without the rectification.
    """

    def __init__(self, layer: str, target: Tensor, scale: float, positions: int) -> None:
        """Take A per position (N, N), and the number of positions M of the whole layer."""
        super().__init__(layer, target, positions)
        self._scale = scale

    @property
    def height(self) -> Tensor:
        """The loss of activations that are all 0."""
        return self._scale * style_layer_loss(torch.zeros_like(self._target), self._target, 1)

    @property
    def curvature(self) -> float:
        """How fast the derivative grows with G, alike in all directions."""
        return self._scale / (2 * self._target.shape[0] ** 2)

    def value(self) -> Tensor:
        """The loss of all that was seen."""
        return self._scale * style_layer_loss(self._gram / self._positions, self._target, 1)

    def derivative(self) -> Tensor:
        """∂E/∂G (N, N), with G per position, after all parts were seen."""
        return (self._gram / self._positions - self._target).mul_(self.curvature)


def add_gram(gram: Tensor, features: Tensor) -> None:
    """Add F Fᵀ of activations (1, N, h, w) to a matrix (N, N) in fp32 or better."""
    f = matrix(features)
    count = f.shape[0] // CHUNK
    chunks, rest = f[: count * CHUNK].view(count, CHUNK, f.shape[1]), f[count * CHUNK :]
    if count:
        gram += torch.bmm(chunks.mT, chunks).sum(0, dtype=gram.dtype)
    gram += rest.t() @ rest


def add_total_variation(picture: Tensor, weight: float, gradient: Tensor) -> Tensor:
    """The weighted `losses.total_variation` of a picture (1, 3, H, W), whose gradient is added to `gradient`."""
    _, channels, height, width = picture.shape
    down = weight / (channels * max(1, height - 1) * width)
    across = weight / (channels * height * max(1, width - 1))
    total = torch.zeros((), device=picture.device)
    band = BAND_ON_GPU if picture.is_cuda else BAND
    for top in range(0, height, band):
        rows, change = picture[..., top : top + band + 1, :], gradient[..., top : top + band + 1, :]
        difference = rows[..., 1:, :] - rows[..., :-1, :]
        total += down * difference.square().sum()
        change[..., 1:, :].add_(difference, alpha=2 * down)
        change[..., :-1, :].sub_(difference, alpha=2 * down)
        rows, change = rows[..., :band, :], change[..., :band, :]
        difference = rows[..., 1:] - rows[..., :-1]
        total += across * difference.square().sum()
        change[..., 1:].add_(difference, alpha=2 * across)
        change[..., :-1].sub_(difference, alpha=2 * across)
    return total
