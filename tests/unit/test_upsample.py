"""Enlarging a painting: sharp where it shows what the layer shows, and nothing of the layer anywhere else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backend.imaging.arrays import DTYPES, TOPS, array_of, picture_of
from backend.imaging.pixels import painted
from backend.imaging.resize import resize
from backend.imaging.upsample import enlarge

FULL, SMALL = (181, 243), (60, 81)
COLOURS = torch.tensor([0.6, -0.4, 0.2]).view(1, 3, 1, 1)


def layer(size: tuple[int, int] = FULL) -> Tensor:
    """The luminance of a picture with sharp edges: bars of many widths, lying and standing."""
    y, x = (torch.arange(length).float() / length for length in size)
    return 0.5 + 0.2 * torch.sign(torch.sin(40 * x**2))[None, None, None] * torch.sign(torch.sin(9 * y))[:, None]


def painted_after(guide: Tensor) -> Tensor:
    """A small painting that shows the layer in colours of its own, one of them with dark and light exchanged."""
    return 0.5 + COLOURS * (resize(guide, SMALL) - 0.5)


def detail(picture: Tensor) -> Tensor:
    """What a picture has beyond the small size."""
    return picture - resize(resize(picture, SMALL), FULL)


def test_the_detail_that_was_lost_comes_back_in_the_paintings_colours() -> None:
    guide = layer()
    truth, result = 0.5 + COLOURS * (guide - 0.5), enlarge(painted_after(guide), guide)
    blurred = resize(painted_after(guide), FULL)
    assert (result - truth).norm() < 0.3 * (blurred - truth).norm()
    assert detail(result).norm() > 3 * detail(blurred).norm()


def test_what_was_painted_is_kept() -> None:
    painting = painted_after(layer())
    assert (resize(enlarge(painting, layer()), SMALL) - painting).abs().mean() < 0.01


def test_strokes_that_went_their_own_way_do_not_let_the_layer_through() -> None:
    lying = resize(0.5 + 0.3 * torch.sin(torch.arange(SMALL[0]) / 1.5).view(1, 1, -1, 1).expand(1, 3, *SMALL), SMALL)
    standing = layer()[:, :, :1].expand(1, 1, *FULL)
    ghost = enlarge(lying, standing) - resize(lying, FULL)
    assert ghost.norm() < 0.1 * detail(standing).norm()


def test_grain_in_an_even_surface_is_left_out() -> None:
    grain = 0.5 + 0.01 * torch.randn(1, 1, *FULL, generator=torch.Generator().manual_seed(0))
    painting = painted_after(grain)
    assert (enlarge(painting, grain) - resize(painting, FULL)).abs().max() < 0.01


def test_an_edge_gets_no_halo() -> None:
    step = torch.full((1, 1, *FULL), 0.3)
    step[..., FULL[1] // 2 :] = 0.7
    result = enlarge(resize(step, SMALL), step)
    assert result.min() > 0.26
    assert result.max() < 0.74


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(1, 50), st.integers(1, 50), st.integers(0, 99))
def test_odd_sizes_give_numbers(height: int, width: int, down: int, right: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    painting = torch.rand(1, 3, height, width, generator=generator)
    result = enlarge(painting, torch.rand(1, 1, height + down, width + right, generator=generator))
    assert result.shape == (1, 3, height + down, width + right)
    assert torch.isfinite(result).all()
    assert (result - 0.5).abs().max() < 2


@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_kind_of_layer_gives_its_detail(channels: int, depth: str) -> None:
    values = np.repeat(layer()[0, 0].numpy()[..., None], channels, axis=2) * TOPS[depth]
    content = picture_of(values.astype(DTYPES[depth]))
    result = (
        array_of(painted(resize(layer(), SMALL).expand(-1, 3, -1, -1), content))[..., :1].astype(float) / TOPS[depth]
    )
    guide = layer()[0, 0].numpy()[..., None]
    blurred = resize(resize(layer(), SMALL), FULL)[0, 0].numpy()[..., None]
    assert np.linalg.norm(result - guide) < 0.4 * np.linalg.norm(blurred - guide)


def test_hidden_colours_give_no_detail() -> None:
    array = np.zeros((*FULL, 4), np.uint8)
    array[..., :3] = np.random.default_rng(0).integers(0, 256, (*FULL, 1))
    array[:, 100:] = (120, 120, 120, 255)
    small = resize(torch.rand(1, 3, *FULL), SMALL)
    result = array_of(painted(small, picture_of(array)))[:, 100:, :3].astype(float) / 255
    plain = resize(small, FULL).clamp(0, 1)[0].permute(1, 2, 0).numpy()[:, 100:]
    np.testing.assert_allclose(result, plain, atol=0.003)


@pytest.mark.parametrize("size", [FULL, (90, 121), (100, 300)])
def test_a_layer_that_was_painted_whole_gets_nothing(size: tuple[int, int]) -> None:
    content = picture_of(np.random.default_rng(0).random((*size, 3)).astype(np.float32))
    painting = torch.rand(1, 3, *FULL)
    expected = resize(painting, size).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(array_of(painted(painting, content)), expected)
