"""Winograd's convolutions against the plain ones, in fp64 where only mistakes show, and in fp32 for the rounding."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backend.engine import winograd
from backend.engine.vgg import Convolution, through
from backend.service.memory import give_back

sides = st.integers(1, 23)
channels = st.integers(1, 9)


def channels_last(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype).contiguous(memory_format=torch.channels_last)


@settings(deadline=None)
@given(sides, sides, channels, channels, st.booleans())
def test_responses_are_those_of_a_plain_convolution(height: int, width: int, c: int, k: int, biased: bool) -> None:
    x, weight = channels_last(1, c, height + 2, width + 2), channels_last(k, c, 3, 3)
    bias = torch.randn(k, dtype=torch.float64) if biased else None
    torch.testing.assert_close(winograd.response(x, weight, bias), F.conv2d(x, weight, bias), rtol=0, atol=1e-11)


@settings(deadline=None)
@given(sides, sides, channels, channels)
def test_the_adjoint_is_that_of_a_plain_convolution(height: int, width: int, c: int, k: int) -> None:
    g, weight = channels_last(1, k, height, width), channels_last(k, c, 3, 3)
    torch.testing.assert_close(winograd.adjoint(g, weight), F.conv_transpose2d(g, weight), rtol=0, atol=1e-11)


@settings(max_examples=20, deadline=None)
@given(sides, sides, st.integers(1, 300))
def test_so_it_is_in_bands_of_any_height(height: int, width: int, budget: int) -> None:
    x, g = channels_last(1, 5, height + 2, width + 2), channels_last(1, 7, height, width)
    weight = channels_last(7, 5, 3, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "BUDGET", budget)
        torch.testing.assert_close(winograd.response(x, weight), F.conv2d(x, weight), rtol=0, atol=1e-11)
        torch.testing.assert_close(winograd.adjoint(g, weight), F.conv_transpose2d(g, weight), rtol=0, atol=1e-11)


def test_a_view_is_read_as_it_stands() -> None:
    x, weight = channels_last(1, 6, 30, 31), channels_last(4, 6, 3, 3)
    view = x[..., 3:24, 2:29]
    torch.testing.assert_close(winograd.response(view, weight), F.conv2d(view, weight), rtol=0, atol=1e-11)
    torch.testing.assert_close(winograd.adjoint(x[:, :4, 1:, 1:], weight), F.conv_transpose2d(x[:, :4, 1:, 1:], weight))


def test_what_it_keeps_is_given_back() -> None:
    x, weight = channels_last(1, 6, 30, 31), channels_last(4, 6, 3, 3)
    winograd.response(x, weight)
    assert winograd._SPACE._held
    give_back()
    assert not winograd._SPACE._held
    torch.testing.assert_close(winograd.response(x, weight), F.conv2d(x, weight), rtol=0, atol=1e-11)


def test_it_keeps_no_more_than_is_of_use() -> None:
    large, small = (channels_last(n, n, 3, 3, dtype=torch.float32) for n in (512, 64))
    winograd.response(channels_last(1, 512, 10, 10, dtype=torch.float32), large)
    filters = winograd._SPACE._held["filters", torch.float32].numel()
    assert filters == 36 * 512 * 512
    winograd.response(channels_last(1, 64, 10, 10, dtype=torch.float32), small)
    assert winograd._SPACE._held["filters", torch.float32].numel() == 36 * 64 * 64


def test_rounding_errors_stay_far_below_those_of_half_precision(convolutions: dict[str, Convolution]) -> None:
    weight, bias = convolutions["4_2"]
    weight = weight.contiguous(memory_format=torch.channels_last)
    x = F.relu(channels_last(1, 512, 26, 34, dtype=torch.float32)) * 100
    assert winograd.pays(weight, (24, 32))
    exact = F.conv2d(x.double(), weight.double(), bias.double())
    error = (winograd.response(x, weight, bias) - exact).norm() / exact.norm()
    assert error < 1e-5
    assert error < (F.conv2d(x.bfloat16(), weight.bfloat16(), bias.bfloat16()) - exact).norm() / exact.norm() / 100


@pytest.mark.parametrize(
    ("shape", "dtype", "size", "expected"),
    [
        ((512, 512, 3, 3), torch.float32, (32, 32), True),
        ((512, 512, 3, 3), torch.float32, (4, 4), False),
        ((32, 64, 3, 3), torch.float32, (512, 512), False),
        ((512, 512, 3, 3), torch.bfloat16, (32, 32), False),
    ],
)
def test_it_is_used_where_it_pays(
    shape: tuple[int, ...], dtype: torch.dtype, size: tuple[int, int], expected: bool
) -> None:
    assert winograd.pays(torch.zeros(shape, dtype=dtype), size) == expected


def test_the_network_uses_it(convolutions: dict[str, Convolution], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []
    plain = winograd.response

    def response(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        asked.append(tuple(weight.shape))
        return plain(x, weight, bias)

    monkeypatch.setattr(winograd, "response", response)
    found = through(convolutions["4_2"].forward_maps(), channels_last(1, 512, 34, 34, dtype=torch.float32))
    assert asked == [(512, 512, 3, 3)]
    assert found.shape == (1, 512, 32, 32)
