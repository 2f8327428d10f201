"""The coarse-to-fine schedule for pictures of any size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.engine.schedule import FINEST_STEPS, LEAST_SIDE, coarse_to_fine

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
