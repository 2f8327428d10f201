"""The reduced network: nearly the same answers for half the work, and the whole network at the end."""

from __future__ import annotations

import weakref
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backend.engine.objective import Objective, style_grams
from backend.engine.propagation import features
from backend.engine.reduction import SHARE, UNIT, reduced
from backend.engine.schedule import LEAST_EXACT, coarse_to_fine, exact_steps, work
from backend.engine.settings import CONTENT_LAYER, EXACT, STYLE_LAYERS, Scale, Settings
from backend.engine.stylise import Iterate, stylise
from backend.engine.vgg import VGG19, ReducedConvolution, through
from tests.unit.test_stylise import waves

LAYERS = [*STYLE_LAYERS, CONTENT_LAYER]
PICTURES = (waves(64, 80, 9), waves(70, 60, 2))
WHOLE = 1 << 30


def test_all_filters_in_another_basis_answer_the_same(network: VGG19) -> None:
    ours, theirs = (features(n, PICTURES[0], LAYERS) for n in (reduced(network, PICTURES, LAYERS, 1.0), network))
    for layer in LAYERS:
        torch.testing.assert_close(ours[layer], theirs[layer], rtol=1e-3, atol=1e-3 * float(theirs[layer].abs().max()))


def test_half_the_filters_answer_nearly_the_same_for_half_the_work(network: VGG19) -> None:
    half = reduced(network, PICTURES, LAYERS)
    ours, theirs = (features(n, PICTURES[0], LAYERS) for n in (half, network))
    for layer in LAYERS:
        assert (ours[layer] - theirs[layer]).norm() < 0.15 * theirs[layer].norm()
    kept, all_filters = (
        sum(c.weight.numel() for name, c in n.convolutions.items() if name < "5_2") for n in (half, network)
    )
    assert kept == pytest.approx(SHARE * all_filters, rel=0.02)
    assert half.convolutions["1_1"] is network.convolutions["1_1"] or torch.equal(
        half.convolutions["1_1"].weight, network.convolutions["1_1"].weight
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.integers(1, 5))
def test_the_way_back_is_the_adjoint_of_the_way_there(height: int, width: int, filters: int, kept: int) -> None:
    c = ReducedConvolution(torch.randn(kept, 3, 3, 3), torch.randn(filters), torch.randn(filters, kept, 1, 1))
    x, g = torch.randn(1, 3, height + 2, width + 2), torch.randn(1, filters, height, width)
    linear = through(c.forward_maps(), x) - through(c.forward_maps(), torch.zeros_like(x))
    assert float((linear * g).sum()) == pytest.approx(
        float((x * through(c.backward_maps(), g)).sum()), rel=1e-3, abs=1e-3
    )


@pytest.mark.parametrize("size", [(33, 4000), (32, 32), (700, 900)])
def test_pictures_of_any_shape_tell_the_bases(network: VGG19, size: tuple[int, int]) -> None:
    half = reduced(network, [torch.rand(1, 3, *size)], ["conv2_2"], 0.01)
    assert half.convolutions["2_2"].weight.shape[0] == UNIT
    assert torch.isfinite(features(half, PICTURES[0], ["conv2_2"])["conv2_2"]).all()


def paint(network: VGG19, steps: int, wanted: Settings) -> Iterate:
    schedule = (Scale(32, 40, steps), Scale(64, 80, steps))
    *_, last = stylise(network, PICTURES[0], [(PICTURES[1], 1.0)], schedule, wanted)
    return last


def exact_loss(network: VGG19, picture: Tensor) -> float:
    grams = style_grams(network, [(PICTURES[1], 1.0)], Settings())
    return Objective(network, PICTURES[0], grams, Settings()).evaluate(picture)[0]


def test_the_last_steps_are_those_of_the_whole_network(network: VGG19) -> None:
    last = paint(network, 12, Settings())
    assert last.losses["total"] == pytest.approx(exact_loss(network, last.picture()), rel=1e-4)


def test_the_picture_is_as_good_as_without_the_reduction(network: VGG19) -> None:
    ours, theirs = (exact_loss(network, paint(network, 40, Settings(reduced=r)).picture()) for r in (True, False))
    assert ours < 1.03 * theirs


def test_the_share_of_exact_steps_can_be_told_and_the_reduced_network_goes_with_its_last_step(network: VGG19) -> None:
    there: list[weakref.ref[VGG19]] = []

    def watched(*arguments: Any) -> VGG19:
        found = reduced(*arguments)
        there.append(weakref.ref(found))
        return found

    content, style = waves(48, 64, 9), waves(50, 60, 2)
    with mock.patch("backend.engine.stylise.reduced", watched):
        iterates = stylise(network, content, [(style, 1.0)], (Scale(48, 64, 12),), Settings(exact=0.5))
        alive = [there[0]() is not None for _ in iterates]
    assert alive == [True] * 6 + [False] * 6


@given(st.integers(1, 500), st.sampled_from(["draft", "normal", "high"]))
def test_only_the_finest_scale_ends_with_exact_steps(side: int, preset: str) -> None:
    schedule = coarse_to_fine((side + 31, 2 * side + 31), 512, preset)
    exact = [exact_steps(schedule, index, WHOLE) for index in range(len(schedule))]
    finest = schedule[-1].steps
    assert exact[:-1] == [0] * (len(schedule) - 1)
    assert exact[-1] == min(finest, max(LEAST_EXACT, round(EXACT * finest)))
    assert exact_steps(schedule, len(schedule) - 1, 16) == finest
    assert work(schedule[-1], exact[-1]) <= work(schedule[-1], finest)
