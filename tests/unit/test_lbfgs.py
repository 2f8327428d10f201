"""The optimisers: convergence, curvature, and recovery from losses that are no numbers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backend.engine import pairs as pairs_module
from backend.engine.adam import Adam
from backend.engine.cosine import ByFourier, ByMatrix, cosine_transform
from backend.engine.lbfgs import LBFGS, Diverged
from backend.engine.pairs import Pairs
from backend.engine.preconditioner import CosinePreconditioner

SHAPE = (1, 3, 8, 6)


class Pixels:
    """No change of coordinates, except for what some changes of the picture are multiplied by."""

    def __init__(self, gains: Iterable[float] = ()) -> None:
        self._gains = iter(gains)

    def change_of_picture(self, z: Tensor) -> Tensor:
        return z.mul_(next(self._gains, 1.0))

    def gradient(self, gradient: Tensor) -> Tensor:
        return gradient


class Quadratic:
    """½ (x − c)ᵀ D (x − c) with curvatures D spread over three orders of magnitude."""

    def __init__(self) -> None:
        self.curvature = torch.logspace(-1, 2, 144).view(SHAPE)
        self.centre = torch.rand(SHAPE)
        self.calls = 0

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        self.calls += 1
        gradient = self.curvature * (x - self.centre)
        return 0.5 * (gradient * (x - self.centre)).sum().item(), gradient


def test_lbfgs_finds_the_bottom_of_an_ill_conditioned_bowl() -> None:
    bowl = Quadratic()
    optimiser = LBFGS(torch.rand(SHAPE), bowl, CosinePreconditioner(8, 6, torch.device("cpu")))
    start = optimiser.loss
    for _ in range(150):
        optimiser.step()
    assert optimiser.loss < 1e-4 * start
    assert bowl.calls < 200  # about one evaluation a step: tries are the exception


def test_lbfgs_takes_fewer_steps_than_its_gradient_alone_would() -> None:
    bowl = Quadratic()
    optimiser = LBFGS(torch.rand(SHAPE), bowl, Pixels())
    without = LBFGS(optimiser.x.clone(), bowl, Pixels(), history=0)
    for _ in range(60):
        optimiser.step()
        without.step()
    assert optimiser.loss < 0.1 * without.loss


class Faulty:
    """A bowl whose loss is not a number on the calls named."""

    def __init__(self, bowl: Quadratic, faults: set[int]) -> None:
        self.bowl, self.faults, self.calls = bowl, faults, 0

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        self.calls += 1
        loss, gradient = self.bowl(x)
        return (math.nan, gradient * math.nan) if self.calls in self.faults else (loss, gradient)


def test_lbfgs_steps_back_from_a_loss_that_is_no_number() -> None:
    evaluate = Faulty(Quadratic(), {5, 6, 12})
    optimiser = LBFGS(torch.rand(SHAPE), evaluate, Pixels())
    start = optimiser.loss
    for _ in range(30):
        assert math.isfinite(optimiser.step())
    assert optimiser.loss < 0.1 * start


def test_lbfgs_restarts_without_its_history_when_no_length_of_step_helps() -> None:
    evaluate = Faulty(Quadratic(), set(range(6, 12)))
    optimiser = LBFGS(torch.rand(SHAPE), evaluate, Pixels())
    for _ in range(20):
        optimiser.step()
    assert torch.isfinite(optimiser.x).all()


@pytest.mark.parametrize("make", [lambda x, e: LBFGS(x, e, Pixels()), Adam], ids=["lbfgs", "adam"])
def test_what_never_becomes_a_number_is_reported(make: type[Adam]) -> None:
    with pytest.raises(Diverged):
        optimiser = make(torch.rand(SHAPE), Faulty(Quadratic(), set(range(4, 1000))))
        for _ in range(10):
            optimiser.step()


def test_adam_restarts_from_the_best_picture() -> None:
    bowl = Quadratic()
    optimiser = Adam(torch.rand(SHAPE), Faulty(bowl, {10, 30}))
    start = optimiser.loss
    for _ in range(200):
        optimiser.step()
    assert torch.isfinite(optimiser.x).all()
    assert optimiser.loss < 0.2 * start


def test_the_last_step_is_the_same_without_a_gradient() -> None:
    bowl, start = Quadratic(), torch.rand(SHAPE)
    whole, judged = (LBFGS(start.clone(), bowl, Pixels()) for _ in range(2))
    for _ in range(5):
        whole.step()
        judged.step()
    before, calls = judged.loss, bowl.calls

    def judge(x: Tensor) -> float:
        return 0.5 * (bowl.curvature * (x - bowl.centre).square()).sum().item()

    assert judged.step(judge) == pytest.approx(whole.step(), rel=1e-5)
    assert bowl.calls == calls + 1  # the other one's
    assert judged.loss < before
    torch.testing.assert_close(judged.x, whole.x)


class Rising(Quadratic):
    """A bowl that seems to rise on the calls named, and notes where it was asked."""

    def __init__(self, faults: set[int]) -> None:
        super().__init__()
        self.faults, self.asked = faults, list[Tensor]()

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        self.asked.append(x.clone())
        loss, gradient = super().__call__(x)
        return (1e9 if self.calls in self.faults else loss), gradient


def test_a_failed_try_is_taken_back_before_the_shorter_one() -> None:
    evaluate = Rising({4, 5})
    optimiser = LBFGS(torch.rand(SHAPE), evaluate, Pixels())
    for _ in range(3):
        optimiser.step()
    start, long, shorter, shortest = evaluate.asked[2:]
    torch.testing.assert_close(long - start, 4 * (shorter - start), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(long - start, 16 * (shortest - start), atol=1e-6, rtol=1e-4)


def test_a_picture_for_which_no_step_helps_is_left_as_it_was() -> None:
    start = torch.rand(SHAPE)
    optimiser = LBFGS(start.clone(), Faulty(Quadratic(), set(range(2, 100))), Pixels())
    with pytest.raises(Diverged):
        optimiser.step()
    torch.testing.assert_close(optimiser.x, start, atol=1e-6, rtol=0)


def test_a_direction_that_is_no_number_leaves_the_picture_alone() -> None:
    start, gains = torch.rand(SHAPE), [1.0, 1.0, math.nan]
    optimiser = LBFGS(start.clone(), Quadratic(), Pixels(gains))
    for _ in range(3):
        assert math.isfinite(optimiser.step())
    assert torch.isfinite(optimiser.x).all()


@given(st.integers(1, 80))
def test_both_ways_to_transform_are_the_cosine_transform_and_its_inverse(n: int) -> None:
    x = torch.randn(2, 3, n)
    k, at = torch.arange(n)[:, None], torch.arange(n, dtype=torch.float64) + 0.5
    cosines = torch.cos(math.pi / n * at * k) * torch.where(k > 0, 2 / n, 1 / n).sqrt()
    for transform in (ByMatrix(n, torch.device("cpu")), ByFourier(n, torch.device("cpu"))):
        torch.testing.assert_close(transform.forward(x), (x.double() @ cosines.t()).float(), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(transform.inverse(transform.forward(x)), x, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("n", "device", "way"),
    [
        (512, "cpu", ByFourier),
        (384, "cpu", ByFourier),
        (341, "cpu", ByMatrix),  # 11 · 31
        (257, "cpu", ByMatrix),
        (682, "cpu", ByFourier),  # 2 · 11 · 31
        (512, "meta", ByMatrix),
        (1024, "meta", ByFourier),
    ],
)
def test_a_length_is_transformed_in_the_faster_way(n: int, device: str, way: type) -> None:
    assert isinstance(cosine_transform(n, torch.device(device)), way)


@settings(deadline=None)
@given(st.integers(2, 20), st.integers(2, 20))
def test_gradients_are_brought_to_the_coordinates_by_the_adjoint(height: int, width: int) -> None:
    coordinates = CosinePreconditioner(height, width, torch.device("cpu"))
    z, g = torch.randn(2, 1, 3, height, width)
    moved, brought = coordinates.change_of_picture(z.clone()), coordinates.gradient(g.clone())
    assert (g * moved).sum().item() == pytest.approx((brought * z).sum().item(), rel=1e-3, abs=1e-2)


def preconditioned(picture: Tensor) -> Tensor:
    """P = A Aᵀ applied to a picture."""
    coordinates = CosinePreconditioner(picture.shape[-2], picture.shape[-1], torch.device("cpu"))
    return coordinates.change_of_picture(coordinates.gradient(picture.clone()))


@pytest.mark.parametrize("size", [(600, 40), (300, 701)])
def test_a_cosine_comes_back_times_its_gain_in_pictures_of_many_lines(size: tuple[int, int]) -> None:
    down, across = 5, 17
    y, x = (torch.arange(n, dtype=torch.float64) + 0.5 for n in size)
    wave = torch.cos(math.pi * down * y / size[0])[:, None] * torch.cos(math.pi * across * x / size[1])
    gain = math.hypot(down / (2 * size[0]), across / (2 * size[1])) ** -0.5
    found = preconditioned(wave.float().expand(1, 3, *size))
    assert (found - gain * wave).norm() <= 1e-5 * gain * wave.expand(1, 3, *size).norm()


def test_the_preconditioner_prefers_low_frequencies() -> None:
    columns = torch.arange(16.0)
    low, high = torch.cos(math.pi * columns / 16), torch.cos(math.pi * columns)
    gains = [(preconditioned(v.repeat(1, 1, 16, 1)).norm() / v.expand(16, 16).norm()).item() for v in (low, high)]
    assert gains[0] > 3 * gains[1]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(0, 14), st.sampled_from([7, 10, 50, 64]))
def test_the_direction_is_that_of_the_recursion_on_vectors(most: int, added: int, part: int) -> None:
    size = 50
    hessian = torch.diag(torch.logspace(-1, 1, size))
    with mock.patch.object(pairs_module, "PART", part):
        pairs = Pairs(most, size, torch.device("cpu"))
    kept = deque[tuple[Tensor, Tensor]](maxlen=most)
    gradient = torch.randn(size)
    pairs.look(gradient)
    for _ in range(added):
        s = torch.randn(size).bfloat16()
        y = (hessian @ s.float()).bfloat16()
        gradient = gradient + y.float()
        pairs.add(s, y, gradient)
        kept.append((s.double(), y.double()))
    expected = two_loops(gradient.double(), kept, 2.0)
    found = pairs.direction(gradient, 2.0)
    assert len(pairs) == len(kept)
    assert (found - expected).norm() <= 1e-3 * expected.norm()


def two_loops(gradient: Tensor, pairs: Sequence[tuple[Tensor, Tensor]], boldness: float) -> Tensor:
    """Nocedal and Wright 2006, algorithm 7.4, as it stands there."""
    q, alphas = -gradient, list[Tensor]()
    for s, y in reversed(pairs):
        alphas.append(s @ q / (s @ y))
        q = q - alphas[-1] * y
    if pairs:
        s, y = pairs[-1]
        q = q * boldness * (s @ y) / (y @ y)
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        q = q + (alpha - y @ q / (s @ y)) * s
    return q


def test_a_pair_without_positive_curvature_is_not_remembered() -> None:
    pairs, s = Pairs(3, 20, torch.device("cpu")), torch.rand(20)
    pairs.look(torch.zeros(20))
    for y in (-s, torch.zeros(20), torch.full((20,), math.nan)):
        pairs.add(s, y, y)
        assert len(pairs) == 0
    pairs.add(s, 2 * s, 2 * s)
    assert len(pairs) == 1


def test_lbfgs_keeps_its_curvature_when_the_objective_changes_a_little() -> None:
    bowl = Quadratic()
    optimiser = LBFGS(torch.rand(SHAPE), bowl, Pixels())
    for _ in range(30):
        optimiser.step()
    bowl.centre = bowl.centre + 0.01
    optimiser.renew(bowl)
    moved = optimiser.loss
    assert moved == bowl(optimiser.x)[0]
    fresh = LBFGS(optimiser.x.clone(), bowl, Pixels())
    for _ in range(10):
        optimiser.step()
        fresh.step()
    assert optimiser.loss < fresh.loss < moved


def test_lbfgs_begins_along_the_gradient_when_the_objective_has_another_curvature() -> None:
    bowl = Quadratic()
    optimiser = LBFGS(torch.rand(SHAPE), bowl, Pixels())
    for _ in range(5):
        optimiser.step()
    optimiser.renew(bowl, alike=False)
    before, gradient = optimiser.x.clone(), bowl(optimiser.x)[1]
    optimiser.step()
    step = (optimiser.x - before).flatten()
    assert torch.cosine_similarity(step, -gradient.flatten(), dim=0) > 0.999


def test_adam_forgets_its_best_picture_when_the_objective_changes() -> None:
    bowl = Quadratic()
    optimiser = Adam(torch.rand(SHAPE), bowl)
    for _ in range(5):
        optimiser.step()
    bowl.centre = bowl.centre + 1
    optimiser.renew(bowl)
    assert optimiser.loss == bowl(optimiser.x)[0]
