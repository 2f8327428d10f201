"""The paper's recipe, implemented plainly: the yardstick that the engine is measured against, and its judge.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (CVPR 2016): fp32, one scale,
the content picture as the start, L-BFGS on the pixels. It shares nothing with the engine but the weights.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from backend.weights.sources import load

STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT = "conv4_2"
CONTENT_WEIGHT = 1.0
STYLE_WEIGHT = 1e3
"""The weights of the first author's own code for these (not normalised) weights of VGG-19: the mean squared error
of the content's activations, and of each layer's Gram matrix per position times 1000 / N². In the paper's terms
(equations 1, 4, 5 and 7): α = 2 / (N M) and β w_l = 4000 / N_l²."""
BLOCKS = {1: 2, 2: 2, 3: 4, 4: 4, 5: 1}


@dataclass(frozen=True)
class Step:
    """After how many steps and seconds the picture (1, 3, H, W) in 0..1 had which loss."""

    number: int
    seconds: float
    loss: float
    picture: Tensor


class Recipe:
    """The losses of one content and one style picture, both (1, 3, H, W) in 0..1, and their minimisation."""

    def __init__(self, content: Tensor, style: Tensor) -> None:
        self._network = _network(content.device)
        self._content = content
        with torch.no_grad():
            self._p = self._features(content)[CONTENT]
            self._a = {name: _gram(f) / _m(f) for name, f in self._features(style).items() if name in STYLE}

    def loss(self, picture: Tensor) -> Tensor:
        """α L_content + β Σ w_l E_l; the Gram matrices are per position, as the style's size may differ."""
        features = self._features(picture)
        loss = CONTENT_WEIGHT * (features[CONTENT] - self._p).pow(2).mean()
        for name in STYLE:
            f = features[name]
            loss = loss + STYLE_WEIGHT / f.shape[1] ** 2 * (_gram(f) / _m(f) - self._a[name]).pow(2).mean()
        return loss

    def judge(self, picture: Tensor) -> float:
        """The loss of a finished picture."""
        with torch.no_grad():
            return float(self.loss(picture))

    def run(self, steps: int) -> Iterator[Step]:
        """Minimise with L-BFGS on pixels of 0..255; each step is one evaluation of the loss and its gradient."""
        pixels = (self._content * 255).contiguous().requires_grad_()
        optimiser = torch.optim.LBFGS([pixels], max_iter=1, max_eval=2, history_size=100)

        def closure() -> Tensor:
            optimiser.zero_grad()
            loss = self.loss(pixels / 255)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        began = time.perf_counter()
        for number in range(1, steps + 1):
            before = pixels.detach() / 255
            loss = optimiser.step(closure).item()  # type: ignore[no-untyped-call]
            yield Step(number - 1, time.perf_counter() - began, loss, before)

    def _features(self, picture: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        x = picture
        for name, module in self._network.items():
            x = module(x)
            if name.startswith("conv"):
                found[name] = x
        return found


def _network(device: torch.device) -> dict[str, nn.Module]:
    """VGG-19 to conv5_1 as modules, with average pooling and reflected borders like the engine's."""
    weights = load("original")
    modules: dict[str, nn.Module] = {}
    for block, count in BLOCKS.items():
        for index in range(1, count + 1):
            weight, bias = weights[f"{block}_{index}"]
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, padding_mode="reflect")
            conv.weight, conv.bias = (nn.Parameter(t.to(device), requires_grad=False) for t in (weight, bias))
            modules[f"conv{block}_{index}"] = conv
            modules[f"relu{block}_{index}"] = nn.ReLU()
        modules[f"pool{block}"] = nn.AvgPool2d(2)
    return modules


def _gram(features: Tensor) -> Tensor:
    f = features.flatten(2)[0]
    return f @ f.t()


def _m(features: Tensor) -> int:
    return features.shape[2] * features.shape[3]
