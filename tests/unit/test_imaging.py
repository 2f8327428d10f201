"""Bit depth, grey, alpha and size: what comes in goes out as it was, and nothing hidden leaks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.imaging.alpha import fill_transparent
from backend.imaging.arrays import DTYPES, TOPS, array_of, picture_of
from backend.imaging.colour import to_encoded, to_grey, to_linear
from backend.imaging.pixels import colours, painted
from backend.imaging.resize import resize
from backend.protocol.job import Picture


def random_picture(channels: int, depth: str, height: int = 20, width: int = 30, seed: int = 0) -> Picture:
    values = np.random.default_rng(seed).random((height, width, channels)) * TOPS[depth]
    return picture_of(values.astype(DTYPES[depth]))


@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
@pytest.mark.parametrize("channels", [3, 4])
def test_unpainted_colours_come_back_bit_for_bit(channels: int, depth: str) -> None:
    picture = random_picture(channels, depth)
    array = array_of(picture).copy()
    if channels == 4:
        array[..., 3] = np.maximum(array[..., 3], 1 if depth != "f32" else 1e-3)
    picture = picture_of(array)
    back = painted(colours(picture), picture)
    assert back.header == picture.header
    np.testing.assert_array_equal(array_of(back), array)


@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
@pytest.mark.parametrize("channels", [1, 2])
def test_grey_stays_grey(channels: int, depth: str) -> None:
    picture = random_picture(channels, depth)
    array = array_of(picture).copy()
    array[..., -1] = np.maximum(array[..., -1], 1 if depth != "f32" else 1e-3)
    picture = picture_of(array)
    np.testing.assert_allclose(
        array_of(painted(colours(picture), picture)).astype(float), array.astype(float), atol=TOPS[depth] * 1e-6
    )


@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_kept_bit_for_bit_at_any_working_size(channels: int, depth: str) -> None:
    content = random_picture(channels, depth)
    result = painted(torch.rand(1, 3, 7, 11), content)
    assert result.header == content.header
    np.testing.assert_array_equal(array_of(result)[..., -1], array_of(content)[..., -1])


def test_hidden_colours_do_not_leak() -> None:
    array = np.zeros((32, 32, 4), np.uint8)
    array[:, :, :] = (255, 0, 255, 0)  # magenta that nobody sees
    array[8:24, 8:24] = (10, 120, 30, 255)
    rgb = colours(picture_of(array))
    np.testing.assert_allclose(rgb[0, :, 8:24, 8:24].amax((1, 2)), [10 / 255, 120 / 255, 30 / 255], rtol=1e-6)
    assert (rgb[0, 0] < 0.1).all()
    assert (rgb[0, 2] < 0.2).all()


def test_nothing_visible_is_grey() -> None:
    rgb = fill_transparent(torch.rand(1, 3, 9, 9), torch.zeros(1, 1, 9, 9))
    torch.testing.assert_close(rgb, torch.full_like(rgb, 0.5))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_filling_keeps_what_is_visible_and_makes_up_no_new_extremes(height: int, width: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.rand(1, 3, height, width, generator=generator)
    alpha = (torch.rand(1, 1, height, width, generator=generator) > 0.5).float()
    filled = fill_transparent(rgb, alpha)
    torch.testing.assert_close(filled * alpha, rgb * alpha)
    assert torch.isfinite(filled).all()
    assert filled.min() > -0.5
    assert filled.max() < 1.5


def test_float_values_outside_the_range_reach_the_engine_unclipped_and_others_become_numbers() -> None:
    array = np.full((16, 16, 3), 1.5, np.float32)
    array[0, 0] = np.nan
    rgb = colours(picture_of(array))
    assert rgb.max() == 1.5
    assert torch.isfinite(rgb).all()


def test_sixteen_bits_are_not_banded() -> None:
    ramp = np.linspace(20000, 21000, 400).astype(np.uint16)
    array = np.repeat(np.tile(ramp, (16, 1))[..., None], 3, axis=2)
    result = array_of(painted(colours(picture_of(array)), picture_of(array)))
    assert len(np.unique(result)) == len(np.unique(array))


@given(st.floats(-1, 2))
def test_the_transfer_curve_has_an_inverse(value: float) -> None:
    v = torch.tensor([value], dtype=torch.float64)
    torch.testing.assert_close(to_encoded(to_linear(v)), v, atol=1e-6, rtol=1e-6)


def test_grey_is_luminance_not_the_mean() -> None:
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    assert to_grey(red).item() == pytest.approx(0.4984, abs=1e-3)  # 127 of 255, as GIMP stores red in a grey layer


def test_resizing_to_the_same_size_changes_nothing() -> None:
    picture = torch.rand(1, 3, 5, 7)
    assert resize(picture, (5, 7)) is picture
