"""What the engine can be told, with the defaults that were chosen by looking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.engine.layers import Taps

STYLE_LAYERS = {"conv1_1": 0.2, "conv2_1": 0.2, "conv3_1": 0.2, "conv4_1": 0.2, "conv5_1": 0.08}
CONTENT_LAYER = "conv4_2"
TAPS = Taps(tuple(STYLE_LAYERS), (CONTENT_LAYER,))
# The paper's layers, before rectification: compared by eye with relu1_1 .. relu5_1 and relu4_2 they gave cleaner
# strokes and truer colours. conv5_1 has less than its share: at the coarsest scale it sees a handful of positions,
# and with the full share it draws the largest shapes of a painting as bands across the picture.
EXACT = 0.125
"""The share of the steps at the finest scale, the last ones, for which the network is not reduced."""


@dataclass(frozen=True)
class Scale:
    """One scale of the coarse-to-fine schedule: the picture's size there and the steps taken."""

    height: int
    width: int
    steps: int


@dataclass(frozen=True)
class Settings:
    """How a picture is optimised.

    Layers are given with their weights; `style_size` scales the style pictures against the content (larger means
    larger strokes); `init` is content, noise or mixed; `optimiser` is lbfgs or adam; `relative` chooses relative
    errors over the paper's raw sums (see `Objective`); `smoothness` weighs the total variation; `wasserstein` takes
    another style loss (`WassersteinTerm`), and `wasserstein_first` is the share of the finest scale's steps, the first,
    that do so, as all of the coarser scales' do then; `reduced` takes the steps that need not be exact with a reduced
    network (see `reduction`), which are all but the last share `exact` of the finest scale's.
    """

    content_layers: Mapping[str, float] = field(default_factory=lambda: {CONTENT_LAYER: 1.0})
    style_layers: Mapping[str, float] = field(default_factory=lambda: dict(STYLE_LAYERS))
    content_weight: float = 1.0
    style_weight: float = 40.0
    smoothness: float = 1.0
    relative: bool = True
    style_size: float = 1.0
    wasserstein_first: float = 0.0
    wasserstein: bool = False
    reduced: bool = True
    exact: float = EXACT
    init: str = "content"
    optimiser: str = "lbfgs"
    seed: int = 0
