"""What the dialog's preview shows of a picture, and with which strokes."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.engine.schedule import LEAST_SIDE, coarse_to_fine
from backend.protocol.job import MIN_SIDE, Settings

MODULE = Path(__file__).parents[2] / "gimp_plugin/neural-style/neuralstyle/dialog/region.py"


# Without its package, which needs GTK.
region = SimpleNamespace(**runpy.run_path(str(MODULE)))
sides = st.integers(MIN_SIDE, 20_000)
points = st.tuples(st.floats(0, 1), st.floats(0, 1))
sizes = st.integers(64, 8192)
strokes = st.floats(0.25, 4.0)


@given(sides, sides, points, sizes, strokes)
def test_what_is_shown_lies_in_the_picture_and_can_be_painted(
    width: int, height: int, centre: tuple[float, float], size: int, stroke: float
) -> None:
    for found in (region.whole(width, height, centre), region.detail(width, height, centre, size, stroke)):
        assert 0 <= found.x <= width - found.width
        assert 0 <= found.y <= height - found.height
        assert found.scale <= 1
        shown = found.width * found.scale, found.height * found.scale
        assert min(shown) >= min(width, height, LEAST_SIDE) - 1
        assert max(shown) <= region.SIDE + 1
        strokes = region.stroke_size(width, height, found, stroke)
        Settings(stroke_size=strokes).check()


@given(sides, sides, points, sizes, strokes)
def test_a_detail_has_the_strokes_of_the_whole(
    width: int, height: int, centre: tuple[float, float], size: int, stroke: float
) -> None:
    """The engine brings a style to the area of what it paints, times the square of the stroke size."""
    found = region.detail(width, height, centre, size, stroke)
    wanted = stroke * math.sqrt(width * height)  # the side of the style beside the whole picture
    got = region.stroke_size(width, height, found, stroke) * math.sqrt(found.width * found.height)
    if min(width, height) * found.scale > LEAST_SIDE:  # else the picture is too narrow to show more of it
        assert got == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize("working", [256, 512, 1000])
def test_a_detail_is_as_large_as_it_will_be_painted(working: int) -> None:
    found = region.detail(3000, 2000, (0.5, 0.5), working, 1.0)
    finest = coarse_to_fine((2000, 3000), working, "normal")[-1]
    assert found.scale == pytest.approx(finest.width / 3000)
    assert (found.width * found.scale, found.height * found.scale) == pytest.approx((256, 168), abs=1)


def test_a_detail_keeps_to_the_picture() -> None:
    corner = region.detail(3000, 2000, (0.0, 1.0), 512, 1.0)
    assert (corner.x, corner.y + corner.height) == (0, 2000)
    assert region.detail(100, 80, (0.5, 0.5), 512, 1.0) == region.whole(100, 80)


def test_all_of_the_picture_is_the_whole() -> None:
    found = region.whole(3000, 2000)
    assert (found.x, found.y, found.width, found.height) == (0, 0, 3000, 2000)
    assert region.whole(12_000, 16).width == 16 * region.LONGEST
