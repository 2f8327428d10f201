"""The benchmark's yardstick, a plain implementation of the paper, against the engine: they must mean the same loss."""

from __future__ import annotations

import itertools

import pytest
import torch

from backend.engine.objective import Objective, positions, style_grams
from backend.engine.settings import Settings
from backend.engine.vgg import VGG19
from benchmarks.recipe import STYLE, STYLE_WEIGHT, Recipe

FILTERS = {"conv1_1": 64, "conv2_1": 128, "conv3_1": 256, "conv4_1": 512, "conv5_1": 512}


def test_the_recipe_and_the_engine_agree_on_the_loss(network: VGG19) -> None:
    content, style, x = torch.rand(1, 3, 70, 90), 0.3 * torch.rand(1, 3, 64, 80), torch.rand(1, 3, 70, 90)
    settings = Settings(
        relative=False,
        smoothness=0,
        content_weight=2 / (512 * positions((70, 90), "conv4_2")),
        style_weight=STYLE_WEIGHT,
        style_layers={layer: 4 / FILTERS[layer] ** 2 for layer in STYLE},
    )
    objective = Objective(network, content, style_grams(network, [(style, 1.0)], settings), settings)
    assert objective.evaluate(x)[0] == pytest.approx(Recipe(content, style).judge(x), rel=1e-4)


def test_the_recipe_lowers_its_loss_from_the_content_picture() -> None:
    content, style = torch.rand(1, 3, 48, 48), 0.3 * torch.rand(1, 3, 48, 48)
    steps = list(itertools.islice(Recipe(content, style).run(12), 12))
    assert torch.allclose(steps[0].picture, content, atol=1e-6)
    assert steps[-1].loss < 0.5 * steps[0].loss
    assert [step.number for step in steps] == list(range(12))
