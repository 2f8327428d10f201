"""Light and dark from the painting, colours from the content: in every depth, with holes, and at any size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.imaging.arrays import DTYPES, TOPS, array_of, picture_of
from backend.imaging.colour import luma
from backend.imaging.keep_colours import matched, recoloured
from backend.imaging.pixels import colours, luminance, painted
from backend.protocol.job import Job, Picture, Settings, Style
from backend.service.finish import Finish
from backend.service.paint import Painter

unit = st.floats(0, 1, width=32)
pixels = st.tuples(unit, unit, unit)


@settings(deadline=None)
@given(pixels, st.floats(-0.5, 1.5, width=32))
def test_a_recoloured_pixel_has_the_painted_brightness_and_the_hue_it_had(
    pixel: tuple[float, float, float], brightness: float
) -> None:
    colour, wanted = torch.tensor(pixel).view(1, 3, 1, 1), torch.tensor(brightness).view(1, 1, 1, 1)
    result = recoloured(wanted, colour)
    assert result.min() >= -1e-5
    assert result.max() <= 1 + 1e-5
    torch.testing.assert_close(luma(result), wanted.clamp(0, 1), atol=1e-5, rtol=0)
    before, after = colour - luma(colour), result - luma(result)
    assert after.norm() <= before.norm() + 1e-5  # less chroma where there is no room for it, never more
    assert (before * after).sum() >= before.norm() * after.norm() - 1e-4  # and in the same direction


@settings(deadline=None)
@given(pixels)
def test_a_pixel_that_was_painted_as_bright_as_it_is_stays_as_it_is(pixel: tuple[float, float, float]) -> None:
    colour = torch.tensor(pixel).view(1, 3, 1, 1)
    torch.testing.assert_close(recoloured(luma(colour), colour), colour, atol=1e-4, rtol=0)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 0.9), st.floats(0.01, 0.3), st.floats(0.1, 0.9), st.floats(0.01, 0.3))
def test_a_matched_style_has_the_contents_mean_and_spread(
    mean: float, spread: float, other: float, wide: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    content = mean + spread * torch.randn(1, 1, 30, 40, generator=generator)
    style = other + wide * torch.randn(1, 1, 20, 50, generator=generator)
    result = matched(style, content)
    torch.testing.assert_close(result.mean(), content.mean(), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(result.std(), content.std(), atol=1e-4, rtol=1e-3)


def test_a_style_of_one_colour_gives_numbers() -> None:
    flat = matched(torch.full((1, 1, 20, 20), 0.3), torch.rand(1, 1, 30, 30))
    assert torch.isfinite(flat).all()


@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("side", [16, 48])
def test_every_kind_of_layer_gets_its_own_colours_at_full_size(channels: int, depth: str, side: int) -> None:
    values = np.random.default_rng(0).uniform(0.01, 1, (48, 48, channels)) * TOPS[depth]
    content = picture_of(values.astype(DTYPES[depth]))
    result = painted(torch.rand(1, 3, side, side), content, keep_colours=True)
    assert result.header == content.header
    if content.has_alpha:
        np.testing.assert_array_equal(array_of(result)[..., -1], array_of(content)[..., -1])
    if channels >= 3:
        before, after = (_chroma(picture) for picture in (content, result))
        cosine = (before * after).sum(1) / (before.norm(dim=1) * after.norm(dim=1)).clamp(min=1e-6)
        strong = (before.norm(dim=1) > 0.1) & (after.norm(dim=1) > 0.05)
        assert strong.float().mean() > 0.2
        assert cosine[strong].min() > 0.99
        assert (luminance(result) - luminance(content)).abs().mean() > 0.1


def _chroma(picture: Picture) -> torch.Tensor:
    values = colours(Picture(picture.width, picture.height, 3, "f32", _opaque(picture)))
    return values - luma(values)


def _opaque(picture: Picture) -> bytes:
    values = array_of(picture)[..., :3].astype(np.float32) / np.float32(TOPS[picture.depth])
    return np.ascontiguousarray(values).tobytes()


def test_sixteen_bits_of_colour_are_not_banded() -> None:
    ramp = np.zeros((16, 4000, 3), np.uint16)
    ramp[..., 0], ramp[..., 1], ramp[..., 2] = np.linspace(30000, 34000, 4000), 20000, 40000
    content = picture_of(ramp)
    result = painted(luminance(content).expand(-1, 3, -1, -1), content, keep_colours=True)
    assert np.abs(array_of(result).astype(int) - ramp).max() <= 1


def test_hidden_colours_do_not_come_back() -> None:
    array = np.zeros((32, 32, 4), np.uint8)
    array[...] = (255, 0, 255, 0)  # magenta that nobody sees
    array[8:24, 8:24] = (10, 120, 30, 255)
    result = painted(torch.full((1, 3, 16, 16), 0.4), picture_of(array), keep_colours=True)
    chroma = _chroma(result)
    assert (chroma[:, 1] > chroma[:, 0]).all()


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter()


def sunset(channels: int = 3, depth: str = "u8", width: int = 80, height: int = 64) -> Picture:
    """A picture of red, green and blue areas with a texture."""
    y, x = np.mgrid[:height, :width]
    texture = 0.15 * np.sin(x / 3 + y / 5)
    areas = [0.3 + 0.5 * (x * 3 // width == c) + texture for c in range(3)]
    values = np.stack([*areas, np.where(x + y < 20, 0.0, 1.0)][:channels], 2) if channels >= 3 else areas[0][..., None]
    return picture_of((values.clip(0, 1) * TOPS[depth]).astype(DTYPES[depth]))


def stripes() -> Picture:
    y, x = np.mgrid[:70, :60]
    wave = 0.5 + 0.5 * np.sin((x + y) / 2)
    return picture_of((np.stack([wave, wave * 0.5, 1 - wave], 2) * 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("content", "wanted"),
    [(sunset(), Settings(size=64, steps=4)), (sunset(4, "u16"), Settings(size=64, steps=4)),
     (sunset(width=128, height=100), Settings(size=64, steps=4, preset="full")),
     (sunset(width=128, height=100), Settings(size=64, steps=4, full_size="detail", init="noise")),
     (sunset(1), Settings(size=64, steps=4))],
)  # fmt: skip
def test_the_real_network_paints_brightness_and_leaves_the_colours(
    painter: Painter, content: Picture, wanted: Settings
) -> None:
    kept = _run(painter, Job(content, (Style(stripes()),), replace(wanted, keep_colours=True)))
    difference = (luminance(kept) - luminance(content)).abs().mean()
    assert difference > 0.02  # it was painted
    if content.channels >= 3:
        # Every area has its hue, which the style, of quite other colours, takes away without the setting.
        assert _off(kept, content) < 0.02 < _off(_run(painter, Job(content, (Style(stripes()),), wanted)), content)


def _run(painter: Painter, job: Job) -> Picture:
    finish = Finish(job, previews=True)
    *_, last = painter.paint(job, lambda fraction: None)
    preview = finish.preview(last.picture())
    if job.settings.keep_colours and job.content.channels >= 3:
        small = picture_of(array_of(job.content)[..., :3].copy())
        assert _off(preview, small) < 0.05
    return finish.result(last.picture())


def _off(picture: Picture, content: Picture) -> float:
    """How far the directions of the mean chroma of three areas are from the content's, 0 for not at all."""
    before, after = (
        torch.stack([part.mean((2, 3)) for part in _chroma(p).tensor_split(3, dim=3)]) for p in (content, picture)
    )
    return float(1 - torch.cosine_similarity(before, after, dim=2).min())
