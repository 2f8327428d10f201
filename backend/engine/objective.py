"""What is minimised: content, style and smoothness losses of a picture at one scale, and their gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.engine.losses import content_loss, gram_matrix, style_layer_loss, total_variation
from backend.engine.settings import Settings
from backend.engine.vgg import VGG19


@dataclass(frozen=True)
class ContentLoss:
    """The content loss of one layer; `scale` is 1 for the paper's sum."""

    layer: str
    target: Tensor
    scale: float

    def __call__(self, features: Tensor) -> Tensor:
        """The loss of the layer's activations."""
        return self.scale * content_loss(features, self.target)


@dataclass(frozen=True)
class StyleLoss:
    """The style loss of one layer against a Gram matrix per position; `scale` is 1 for the paper's E."""

    layer: str
    target: Tensor
    scale: float

    def __call__(self, features: Tensor) -> Tensor:
        """The loss of the layer's activations."""
        # The Gram matrices are divided by the positions before they are compared (so M = 1 here): equal to the
        # paper's E where picture and style are of one size, and defined where they are not.
        return self.scale * style_layer_loss(gram_matrix(features) / positions(features), self.target, 1)


class Objective:
    """total = α L_content + β L_style + smoothness, the paper's equation 7 and a total variation term.

    With `relative` settings each term is a relative error, ‖F − P‖²/‖P‖² and ‖G − A‖²/‖A‖²: free of units, so
    that one style strength means the same at every size, with every source of weights and for every painting.
    Without, the terms are the paper's raw sums.
    """

    def __init__(self, network: VGG19, content: Tensor, grams: Mapping[str, Tensor], settings: Settings) -> None:
        """Take the content (1, 3, H, W) and the target Gram matrices per position of each style layer."""
        self._network = network
        self._settings = settings
        relative = settings.relative
        with torch.no_grad():
            targets = network.features(content, settings.content_layers)
        self._content = [ContentLoss(layer, p, 2 / _energy(p) if relative else 1.0) for layer, p in targets.items()]
        self._style = [
            StyleLoss(layer, a, 4 * a.shape[0] ** 2 / _energy(a) if relative else 1.0) for layer, a in grams.items()
        ]
        self.losses: dict[str, float] = {}
        """The content, style and total loss of the last evaluation."""

    def evaluate(self, picture: Tensor) -> tuple[float, Tensor]:
        """The total loss and its gradient at a picture (1, 3, H, W)."""
        s = self._settings
        x = picture.detach().requires_grad_()
        features = self._network.features(x, {*s.content_layers, *s.style_layers})
        content = _weighted([(s.content_layers[loss.layer], loss(features[loss.layer])) for loss in self._content])
        style = _weighted([(s.style_layers[loss.layer], loss(features[loss.layer])) for loss in self._style])
        total = s.content_weight * content + s.style_weight * style
        if s.smoothness:
            total = total + s.smoothness * total_variation(x)
        (gradient,) = torch.autograd.grad(total, x)
        self.losses = {"content": content.item(), "style": style.item(), "total": total.item()}
        return self.losses["total"], gradient


def style_grams(network: VGG19, styles: Sequence[tuple[Tensor, float]], settings: Settings) -> dict[str, Tensor]:
    """The Gram matrix per position of each style layer, averaged over styles (picture (1, 3, H, W), weight)."""
    total = sum(weight for _, weight in styles)
    if not total > 0:
        raise ValueError("the weights of the styles must add up to more than 0")
    grams: dict[str, Tensor] = {}
    with torch.no_grad():
        for picture, weight in styles:
            for layer, features in network.features(picture, settings.style_layers).items():
                share = gram_matrix(features) * (weight / total / positions(features))
                grams[layer] = grams[layer] + share if layer in grams else share
    return grams


def positions(features: Tensor) -> int:
    """M, the number of positions of activations (1, N, height, width)."""
    return features.shape[2] * features.shape[3]


def _energy(target: Tensor) -> float:
    # A blank target has no energy to compare with; the floor keeps its loss finite.
    return max(target.float().square().sum().item(), 1e-6)


def _weighted(terms: Sequence[tuple[float, Tensor]]) -> Tensor:
    return torch.stack([weight * value for weight, value in terms]).sum()
