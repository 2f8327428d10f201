"""The coarse-to-fine schedule for pictures of any size."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.engine.schedule import FINEST_STEPS, FULL_SIZE_STEPS, LEAST_SIDE, coarse_to_fine
from backend.protocol.job import FULL_SIZES, PRESETS, Settings
from backend.service.plan import schedule_of

sides = st.integers(16, 6000)


@given(sides, sides, st.integers(64, 2048), st.sampled_from(sorted(FINEST_STEPS)))
def test_scales_grow_to_the_working_size(height: int, width: int, long_side: int, preset: str) -> None:
    scales = coarse_to_fine((height, width), long_side, preset)
    longs = [max(s.height, s.width) for s in scales]
    assert longs == sorted(longs)
    assert all(min(s.height, s.width) >= LEAST_SIDE for s in scales)
    last = scales[-1]
    if min(height, width) * min(1, long_side / max(height, width)) >= LEAST_SIDE:
        assert max(last.height, last.width) == min(long_side, max(height, width))
    assert last.steps == FINEST_STEPS[preset]


@given(sides, sides, st.integers(1, 1000))
def test_the_number_of_steps_is_kept_to(height: int, width: int, steps: int) -> None:
    scales = coarse_to_fine((height, width), 512, "normal", steps)
    assert sum(s.steps for s in scales) == steps
    assert all(s.steps > 0 for s in scales)


def test_the_aspect_is_kept() -> None:
    last = coarse_to_fine((3000, 4000), 512, "normal")[-1]
    assert (last.height, last.width) == (384, 512)


def test_small_pictures_are_not_enlarged() -> None:
    last = coarse_to_fine((100, 80), 512, "normal")[-1]
    assert (last.height, last.width) == (100, 80)


@pytest.mark.parametrize("size", [(16, 16), (16, 4000), (4000, 16)])
def test_the_smallest_sides_are_worked_on_at_what_the_network_can_see(size: tuple[int, int]) -> None:
    assert min(coarse_to_fine(size, 512, "draft")[-1].height, coarse_to_fine(size, 512, "draft")[-1].width) >= 32


@given(sides, sides, st.integers(64, 2048), st.sampled_from(PRESETS), st.sampled_from([None, *FULL_SIZES]))
def test_painting_on_adds_few_steps_at_scales_up_to_the_layers_own(
    height: int, width: int, long_side: int, preset: str, full_size: str | None
) -> None:
    usual = coarse_to_fine((height, width), long_side, preset)
    scales = schedule_of((height, width), Settings(preset=preset, size=long_side, full_size=full_size))
    added = scales[len(usual) :]
    assert scales[: len(usual)] == usual
    assert all(scale.steps == FULL_SIZE_STEPS for scale in added)
    longs = [max(scale.height, scale.width) for scale in scales[len(usual) - 1 :]]
    if full_size == "paint" or (full_size is None and preset == "full"):
        assert longs[-1] >= max(height, width)
        assert all(before < after <= 2 * before + 2 for before, after in itertools.pairwise(longs))
    else:
        assert not added


def test_painting_on_ends_at_the_layers_very_size() -> None:
    last = schedule_of((1501, 2003), Settings(preset="full", size=512))[-1]
    assert (last.height, last.width) == (1501, 2003)
