"""The real VGG-19, loaded once."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings

from backend.engine.vgg import VGG19, Convolution
from backend.weights import sources

# No test fails for being slow: machines that others use too are, now and then.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def convolutions() -> dict[str, Convolution]:
    return sources.load("original")


@pytest.fixture(scope="session")
def network(convolutions: dict[str, Convolution]) -> VGG19:
    return VGG19(convolutions)


@pytest.fixture(autouse=True)
def _same_noise_each_time() -> None:
    torch.manual_seed(0)
