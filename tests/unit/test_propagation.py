"""What the way back through the network needs: no more memory than is planned for, whatever a loss looks at."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from backend.engine import memory, propagation, vgg
from backend.engine.layers import Taps, convolutions_to, path, tapped
from backend.engine.propagation import Propagation
from backend.engine.regions import POOL, Region, Span, bands, operations, tiles, whole
from backend.engine.settings import TAPS
from backend.engine.vgg import VGG19, Convolution, Map

SIZE = (96, 80)
FEW = Taps(["relu1_1", "conv2_2"], ["conv1_1"])


def gradient(network: VGG19, picture: Tensor, layers: set[str]) -> Tensor:
    """Of the sum of all activations' squares."""
    way = Propagation(network, SIZE, whole(SIZE), layers)
    way.forward(picture, None, record=True)

    def add(g: Tensor, layer: str, activations: Tensor, region: Region) -> None:
        g += 2 * activations

    return way.backward(add)


@pytest.mark.parametrize("taps", [TAPS, FEW], ids=["default", "few"])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_what_is_kept_is_what_is_planned_for(
    convolutions: dict[str, Convolution], precision: torch.dtype, taps: Taps
) -> None:
    way = Propagation(VGG19(convolutions, dtype=precision), SIZE, whole(SIZE), taps.all)
    way.forward(torch.rand(1, 3, *SIZE), None, record=True)
    kept = sum(record.kept.nbytes for record in way._records if record.kept is not None)
    planned = sum(memory._kept(name, precision.itemsize, taps) for name in convolutions_to(taps.all))
    # What the first convolution read has a border.
    assert kept == pytest.approx(planned * SIZE[0] * SIZE[1], rel=1e-2)


def test_values_that_no_loss_looks_at_cost_a_byte_in_fp32(network: VGG19) -> None:
    way = Propagation(network, SIZE, whole(SIZE), TAPS.all)
    way.forward(torch.rand(1, 3, *SIZE), None, record=True)
    convolved = {record.operation.name: record.kept for record in way._records if record.operation.name != POOL}
    found = {name: kept.dtype for name, kept in convolved.items() if kept is not None}
    masks = {name for name, dtype in found.items() if dtype == torch.bool}
    assert masks == set(found) - tapped(TAPS.all)
    first = convolved["1_1"]
    assert first is not None and first.shape == (1, 3, SIZE[0] + 2, SIZE[1] + 2)


@pytest.mark.parametrize("layers", [{"conv1_1"}, {"relu1_1", "conv2_1"}, {"conv1_2", "conv1_1"}])
def test_the_first_response_comes_again_in_bands(
    network: VGG19, layers: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, rows = torch.rand(1, 3, *SIZE), []
    expected = gradient(network, picture, layers)
    plain = vgg.through

    def through(maps: Iterable[Map], x: Tensor) -> Tensor:
        rows.append(x.shape[2])
        return plain(maps, x)

    monkeypatch.setattr(propagation, "through", through)
    monkeypatch.setattr(propagation, "BAND", 64 * SIZE[1] * 20)
    assert (gradient(network, picture, layers) - expected).norm() <= 1e-5 * expected.norm()
    assert rows == [22, 20, 22, 20, 22, 20, 22, 20, 18, 16]  # there and back


@pytest.mark.parametrize("tight", [True, False])
def test_a_mask_gates_like_the_values_it_was_made_from(tight: bool) -> None:
    values, g = (torch.randn(1, 8, 23, 17).contiguous(memory_format=torch.channels_last) for _ in range(2))
    if not tight:
        values, g = values[..., 1:-1, 2:], g[..., 1:-1, 2:]
    expected = g * (values > 0)
    found = propagation._where_positive(g, values > 0)
    assert torch.equal(found, expected)
    assert found.is_contiguous(memory_format=torch.channels_last)


@given(st.integers(0, 50), st.integers(1, 60), st.integers(1, 70))
def test_bands_make_up_a_span(start: int, length: int, most: int) -> None:
    found = bands(Span(start, start + length), most)
    assert [row for band in found for row in range(*band)] == list(range(start, start + length))
    assert all(0 < band.length <= most for band in found)


@given(st.integers(33, 200), st.integers(16, 90), st.integers(1, 60))
def test_the_rows_of_an_operation_are_owned_once(height: int, side: int, most: int) -> None:
    layers = {"conv1_1", "conv3_1"}
    for tile in tiles((height, 48), side):
        first = operations((height, 48), tile, path(layers), tapped(layers))[0]
        parts = [first.in_rows(rows) for rows in bands(first.writes.rows, most)]
        owned = [row for part in parts for row in range(*part.owns.rows)]
        assert owned == list(range(*first.owns.rows))
        for part in parts:
            assert part.writes.rows.start <= part.owns.rows.start <= part.owns.rows.stop <= part.writes.rows.stop
            assert part.reads.rows.start == max(0, part.writes.rows.start - 1)
            assert part.reads.rows.stop == min(height, part.writes.rows.stop + 1)
