"""The Wasserstein distance against what it is for matrices of the same directions, and against what it means."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from backend.engine.losses import gram_matrix
from backend.engine.objective import Objective, positions, style_grams
from backend.engine.propagation import features
from backend.engine.regions import whole
from backend.engine.settings import Settings
from backend.engine.terms import StyleTerm
from backend.engine.vgg import VGG19
from backend.engine.wasserstein import RIDGE, WassersteinTerm

SIZE = (6, 8)
POSITIONS = SIZE[0] * SIZE[1]
variances = st.lists(st.floats(0.01, 10), min_size=4, max_size=4)


def activations(gram: Tensor) -> Tensor:
    """Activations (1, N, 6, 8) with a Gram matrix per position."""
    n = len(gram)
    directions = torch.linalg.qr(torch.randn(POSITIONS, n, dtype=torch.float64)).Q
    flat = directions @ torch.linalg.cholesky(gram.double()).mT * math.sqrt(POSITIONS)
    found: Tensor = flat.mT.reshape(1, n, *SIZE).float()
    return found.contiguous(memory_format=torch.channels_last)


def seen(target: Tensor, features: Tensor) -> WassersteinTerm:
    term = WassersteinTerm("conv1_1", target.float(), POSITIONS)
    term.see(features, whole(SIZE))
    return term


def square_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    found: Tensor = vectors @ torch.diag(values.sqrt()) @ vectors.mT
    return found


def covariance(seed: int, n: int = 4) -> Tensor:
    factor = torch.randn(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found: Tensor = factor @ factor.mT + torch.eye(n)
    return found


@given(variances, variances)
def test_of_the_same_directions_it_is_the_squared_distance_of_their_spreads(a: list[float], g: list[float]) -> None:
    ridge = RIDGE * max(a)
    ways = sum((math.sqrt(x + ridge) - math.sqrt(y + ridge)) ** 2 for x, y in zip(a, g, strict=True))
    expected = ways / sum(x + ridge for x in a)
    turn = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q
    target, ours = (turn @ torch.diag(torch.tensor(v, dtype=torch.float64)) @ turn.mT for v in (a, g))
    assert seen(target, activations(ours)).value().item() == pytest.approx(expected, rel=1e-3, abs=1e-5)


@given(st.integers(0, 1000))
def test_its_gradient_points_away_from_activations_with_the_styles_gram_matrix(seed: int) -> None:
    target, features = covariance(seed), activations(covariance(seed + 1))
    term, gradient = seen(target, features), torch.zeros_like(features)
    term.add_gradient(gradient, features, whole(SIZE))
    one = torch.eye(4, dtype=torch.float64)
    ridge = RIDGE * torch.linalg.eigvalsh(target)[-1] * one
    energy = float((target + ridge).trace())
    moved = features - gradient * (POSITIONS * energy / 2)
    # The way of Gaussians is linear: T F with T (G + r) T = A + r, so the moved Gram matrix is A + r (1 - T²).
    root = square_root(target + ridge)
    way = root @ torch.linalg.inv(square_root(root @ (covariance(seed + 1) + ridge) @ root)) @ root
    expected = (target + ridge - way @ ridge @ way).float()
    torch.testing.assert_close(gram_matrix(moved) / POSITIONS, expected, rtol=0, atol=1e-3 * float(target.norm()))
    length = (moved - features).square().sum() / POSITIONS + ((way - one) @ ridge @ (way - one)).trace()
    assert term.value().item() * energy == pytest.approx(length.item(), rel=1e-3, abs=1e-4)


@given(st.integers(0, 1000))
def test_its_gradient_is_that_of_its_value(seed: int) -> None:
    target, features = covariance(seed), activations(covariance(seed + 1))
    gradient = torch.zeros_like(features)
    seen(target, features).add_gradient(gradient, features, whole(SIZE), weight=3.0)
    step = 1e-2 * gradient / gradient.norm()
    more, less = (3 * seen(target, features + sign * step).value().item() for sign in (1, -1))
    assert (more - less) / 2e-2 == pytest.approx(gradient.norm().item(), rel=1e-2)


def test_nothing_is_left_to_do_at_the_styles_gram_matrix_and_nothing_fails_without_one() -> None:
    target = covariance(3)
    assert seen(target, activations(target)).value().abs() < 1e-5
    for blank, ours in [(torch.zeros(4, 4), activations(target)), (target, torch.zeros(1, 4, *SIZE))]:
        term, gradient = seen(blank, ours), torch.zeros_like(ours)
        term.add_gradient(gradient, ours, whole(SIZE))
        assert torch.isfinite(term.value()) and torch.isfinite(gradient).all()


def loss_seen(target: Tensor, features: Tensor) -> StyleTerm:
    loss = StyleTerm("conv1_1", target.float(), 1.0, POSITIONS)
    loss.see(features, whole(SIZE))
    return loss


@given(st.integers(0, 1000))
def test_its_derivative_becomes_that_of_a_weaker_loss_that_it_aims_at(seed: int) -> None:
    target = covariance(seed)
    features = activations(target + 0.1 * covariance(seed + 1))
    term, loss = seen(target, features), loss_seen(target + 0.2 * covariance(seed + 2), features)
    weight = 5e-4 / float(loss.derivative().norm())
    wanted = weight * loss.derivative()
    off = float((term.derivative() - wanted).norm())
    for _ in range(6):
        term.aim(loss, weight)
    assert float((term.derivative() - wanted).norm()) < 1e-4 * off


@given(st.integers(0, 1000))
def test_beside_a_much_stiffer_loss_it_aims_as_far_beyond_its_target_as_it_is_short_of_it(seed: int) -> None:
    target, lack = covariance(seed), covariance(seed + 1)
    lack *= 0.5 / torch.linalg.eigvalsh(lack)[-1]  # the target's least variance is 1 or more
    features = activations(target + lack)
    term = seen(target, features)
    term.aim(loss_seen(target, features), 1e9)
    term.reset()
    term.see(activations(target - lack), whole(SIZE))
    assert term.value().abs() < 1e-5


def test_axes_along_which_the_style_has_no_variance_are_left_alone() -> None:
    turn = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q
    a, g = torch.tensor([4.0, 1, 1e-7, 0]).double(), torch.tensor([1.0, 2, 3, 4]).double()
    ours = activations(turn @ torch.diag(g) @ turn.mT)
    term, gradient = seen(turn @ torch.diag(a) @ turn.mT, ours), torch.zeros_like(ours)
    ridge = RIDGE * 4
    ways = ((a[:2] + ridge).sqrt() - (g[:2] + ridge).sqrt()).square().sum() / (a[:2] + ridge).sum()
    assert term.value().item() == pytest.approx(ways.item(), rel=1e-3)
    term.add_gradient(gradient, ours, whole(SIZE))
    pushed = torch.einsum("na,ynhw->yahw", turn.float(), gradient).square().sum((0, 2, 3))
    assert pushed[2:].max() < 1e-6 * pushed[:2].min()


@pytest.mark.parametrize("relative", [True, False])
def test_all_layers_weigh_the_mean_of_their_losses_without_activations(network: VGG19, relative: bool) -> None:
    s = Settings(style_layers={"conv1_1": 1.0, "conv3_1": 0.25}, relative=relative, smoothness=0)
    content, style = torch.rand(1, 3, 40, 48), torch.rand(1, 3, 40, 48)
    grams = style_grams(network, [(style, 1.0)], s)
    heights = [1.0, 1.0] if relative else [float(a.square().sum()) / (4 * len(a) ** 2) for a in grams.values()]
    weight = s.style_weight * math.sqrt(heights[0] * 0.25 * heights[1])
    objective = Objective(network, content, grams, Settings(**{**vars(s), "wasserstein": True}))
    objective.evaluate(content)
    activated = features(network, content, grams)
    distances = 0.0
    for layer, target in grams.items():
        term = WassersteinTerm(layer, target, positions((40, 48), layer))
        term.see(activated[layer], whole((40, 48)))
        distances += term.value().item()
    assert objective.losses["total"] == pytest.approx(weight * distances, rel=1e-3)
