"""Tiles give the loss and the gradient of the whole picture, for every term, odd size and shape of tile."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from backend.engine import propagation, winograd
from backend.engine.layers import BLOCKS, LAYERS, path, tapped
from backend.engine.losses import content_loss, gram_matrix, style_layer_loss, total_variation
from backend.engine.objective import Objective, positions, style_grams
from backend.engine.propagation import Propagation, features
from backend.engine.regions import Region, operations, tiles, whole
from backend.engine.settings import Settings
from backend.engine.terms import add_total_variation
from backend.engine.vgg import VGG19, Convolution, through

# Height, width and side of the tiles: small, since the surroundings of the smallest are larger than the picture.
TILED = [(33, 33, 16), (64, 94, 40), (70, 51, 16)]
WHOLE = (33, 38, 64)
TERMS = (
    Settings(),
    Settings(relative=False, content_weight=1e-3),
    Settings(smoothness=0, content_layers={"relu3_2": 0.5, "conv4_2": 1.0}),
    Settings(style_layers={"relu1_2": 1.0, "relu2_1": 0.5, "conv2_1": 0.5, "relu4_4": 1.0}),
    Settings(wasserstein=True),
)


def plain_features(convolutions: dict[str, Convolution], picture: Tensor, pooling: str) -> dict[str, Tensor]:
    """VGG-19 with reflected borders as a dozen lines for autograd, to conv5_1."""
    found, x = {}, picture
    for block, count, _ in BLOCKS:
        if block > 1:
            x = F.avg_pool2d(x, 2) if pooling == "average" else F.max_pool2d(x, 2)
        for index in range(1, count + 1):
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), *convolutions[f"{block}_{index}"])
            found[f"conv{block}_{index}"] = x
            found[f"relu{block}_{index}"] = x = F.relu(x)
            if block == 5:
                return found
    raise AssertionError


def plain_loss(convolutions: dict[str, Convolution], x: Tensor, content: Tensor, style: Tensor, pooling: str) -> Tensor:
    """The relative objective of the default settings, from the paper's equations."""
    s = Settings()
    f, p, a = (plain_features(convolutions, picture, pooling) for picture in (x, content, style))
    total = s.smoothness * total_variation(x)
    for layer, weight in s.content_layers.items():
        total = (
            total + s.content_weight * weight * content_loss(f[layer], p[layer]) * 2 / p[layer].double().square().sum()
        )
    for layer, weight in s.style_layers.items():
        ours, theirs = (gram_matrix(t[layer]) / t[layer][0, 0].numel() for t in (f, a))
        n = ours.shape[0]
        e = style_layer_loss(ours, theirs, 1) * 4 * n**2 / theirs.square().sum()
        total = total + s.style_weight * weight * e
    return total


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize(("height", "width", "side"), [WHOLE, *TILED])
def test_tiles_give_what_autograd_gives_for_the_whole_picture(
    convolutions: dict[str, Convolution], pooling: str, height: int, width: int, side: int
) -> None:
    network = VGG19(convolutions, pooling=pooling)
    x, content, style = (torch.rand(1, 3, *size) for size in ((height, width), (height, width), (50, 70)))
    style = style * 0.4  # unlike the picture: where the Gram matrices nearly agree, fp32 has few digits left
    exact = {name: Convolution(*(t.double() for t in convolution)) for name, convolution in convolutions.items()}
    variable = x.double().requires_grad_()
    expected = plain_loss(exact, variable, content.double(), style.double(), pooling)
    (slope,) = torch.autograd.grad(expected, variable)
    objective = Objective(network, content, style_grams(network, [(style, 1.0)], Settings()), Settings(), side)
    loss, gradient = objective.evaluate(x)
    assert loss == pytest.approx(expected.item(), rel=1e-4)
    # Which of two all but equal activations a maximum takes, or on which side of zero one is, differs in fp64.
    assert (gradient - slope).norm() <= 1e-2 * slope.norm()


def assert_the_same_in_tiles(network: VGG19, terms: Settings, size: tuple[int, int], side: int) -> None:
    """That tiles give the loss and the gradient of the whole, by direct convolutions as theirs are."""
    x, content, style = (torch.rand(1, 3, *shape) for shape in (size, size, (45, 61)))
    whole = network.directly()
    untiled = Objective(whole, content, style_grams(whole, [(style, 1.0)], terms), terms)
    tiled = Objective(network, content, style_grams(network, [(style, 1.0)], terms, side), terms, side)
    (expected, slope), (loss, gradient) = untiled.evaluate(x), tiled.evaluate(x)
    assert loss == pytest.approx(expected, rel=1e-4)
    assert (gradient - slope).norm() <= 1e-4 * slope.norm()
    assert tiled.losses == pytest.approx(untiled.losses, rel=1e-4)
    told = dict(tiled.losses)
    assert tiled.loss(x) == pytest.approx(loss, rel=1e-6)
    assert tiled.losses == pytest.approx(told, rel=1e-6)


@pytest.mark.parametrize("terms", TERMS, ids=["default", "raw sums", "two contents", "rectified styles", "wasserstein"])
@pytest.mark.parametrize(("height", "width", "side"), TILED)
def test_every_term_is_the_same_in_tiles(network: VGG19, terms: Settings, height: int, width: int, side: int) -> None:
    assert_the_same_in_tiles(network, terms, (height, width), side)


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 1 << 20),
    terms=st.sampled_from(TERMS),
    pooling=st.sampled_from(["average", "max"]),
    height=st.integers(33, 200),
    width=st.integers(33, 200),
    side=st.integers(16, 160),
)
def test_any_picture_is_the_same_in_any_tiles(
    convolutions: dict[str, Convolution], seed: int, terms: Settings, pooling: str, height: int, width: int, side: int
) -> None:
    assume(len(tiles((height, width), side)) > 1)
    torch.manual_seed(seed)
    assert_the_same_in_tiles(VGG19(convolutions, pooling=pooling), terms, (height, width), side)


@pytest.mark.parametrize("size", [(16, 40), (256, 30), (257, 30), (600, 17)])
def test_smoothness_in_bands_is_the_total_variation_and_its_gradient(size: tuple[int, int]) -> None:
    picture = torch.rand(1, 3, *size, dtype=torch.float64, requires_grad=True)
    expected = 3 * total_variation(picture)
    (slope,) = torch.autograd.grad(expected, picture)
    gradient = torch.zeros_like(slope)
    value = add_total_variation(picture.detach(), 3.0, gradient)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(gradient, slope)


@settings(deadline=None)
@given(height=st.integers(16, 5000), width=st.integers(16, 5000), side=st.integers(1, 3000))
def test_tiles_make_up_every_layer_without_overlap(height: int, width: int, side: int) -> None:
    parts = tiles((height, width), side)
    for along in (0, 1):
        length = (height, width)[along]
        spans = sorted({part[along] for part in parts})
        assert spans[0].start == 0 and spans[-1].stop == length
        assert all(a.stop == b.start and a.stop % 16 == 0 for a, b in itertools.pairwise(spans))
        assert all(span.length >= min(16, length) for span in spans)
        assert max(span.length for span in spans) <= max(side, 16) + 31
    assert len(parts) == len({part.rows for part in parts}) * len({part.columns for part in parts})


@settings(deadline=None)
@given(height=st.integers(33, 300), width=st.integers(33, 300), side=st.integers(16, 300))
def test_each_layer_is_owned_once_and_read_no_wider_than_the_receptive_field(
    height: int, width: int, side: int
) -> None:
    layers = {"conv1_1", "conv3_1", "conv5_1"}
    owned = dict.fromkeys(path(layers), 0)
    for tile in tiles((height, width), side):
        found = operations((height, width), tile, path(layers), tapped(layers))
        for operation in found:
            owned[operation.name] += operation.owns.shape[0] * operation.owns.shape[1] * (operation.name != "pool")
        reads = found[0].reads
        assert tile.rows.start - reads.rows.start <= 70 and reads.rows.stop - tile.rows.stop <= 70
    for layer in layers:
        assert owned[layer[4:]] == positions((height, width), layer)


def test_a_tile_inside_the_picture_reads_exactly_its_receptive_field() -> None:
    tile = tiles((512, 512), 128)[5]
    reads = operations((512, 512), tile, path(["conv5_1"]), {"5_1"})[0].reads
    # 1 + 1 px, then 2 x 2 px, 4 x 4, 4 x 8 and 1 x 16 for the convolutions of the blocks.
    assert reads.rows == (128 - 70, 256 + 70)


@pytest.mark.parametrize("layer", LAYERS)
def test_tiles_see_the_activations_of_the_whole(network: VGG19, layer: str) -> None:
    picture = torch.rand(1, 3, 83, 70)
    expected, seen = features(network, picture, [layer])[layer], []

    def see(name: str, activations: Tensor, region: Region) -> None:
        seen.append(activations.numel())
        part = expected[..., slice(*region.rows), slice(*region.columns)]
        assert (activations - part).norm() <= 1e-4 * expected.norm()

    for tile in tiles((83, 70), 32):
        Propagation(network, (83, 70), tile, [layer]).forward(picture, see)
    assert sum(seen) == expected.numel()


def test_winograds_convolutions_give_the_same_but_for_values_about_zero(network: VGG19) -> None:
    size = (230, 170)
    x, content, style = (torch.rand(1, 3, *size) for _ in range(3))
    grams = style_grams(network, [(style, 1.0)], Settings())
    assert winograd.pays(network.convolutions["3_2"].weight, (size[0] // 4, size[1] // 4))
    winograds, direct = (Objective(some, content, grams, Settings()) for some in (network, network.directly()))
    (expected, slope), (loss, gradient) = direct.evaluate(x), winograds.evaluate(x)
    assert loss == pytest.approx(expected, rel=1e-4)
    # Rounding puts other ones on either side of zero; between fp32 and fp64 the gradient differs by a third of that.
    assert 0 < (gradient - slope).norm() <= 3e-3 * slope.norm()


def test_several_tiles_take_direct_convolutions(network: VGG19, monkeypatch: pytest.MonkeyPatch) -> None:
    x, content, style = (torch.rand(1, 3, *size) for size in ((230, 170), (230, 170), (300, 200)))
    asked: list[bool] = []

    def pays(*_: object) -> bool:
        asked.append(True)
        return False

    through(network.forward_maps("4_2"), torch.rand(1, 512, 34, 34))
    assert winograd._SPACE._held
    monkeypatch.setattr(winograd, "pays", pays)
    objective = Objective(network, content, style_grams(network, [(style, 1.0)], Settings(), 96), Settings(), 96)
    objective.evaluate(x)
    objective.loss(x)
    assert not asked and not winograd._SPACE._held
    objective.tile = 230
    objective.evaluate(x)
    assert asked


def test_when_memory_runs_out_smaller_tiles_give_the_same(network: VGG19, monkeypatch: pytest.MonkeyPatch) -> None:
    x, content, style = (torch.rand(1, 3, 300, 60) for _ in range(3))
    network = network.directly()
    grams = style_grams(network, [(style, 1.0)], Settings())
    objective = Objective(network, content, grams, Settings())
    expected, slope = objective.evaluate(x)

    class Small(Propagation):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            if self.reads == whole((300, 60)):
                raise torch.OutOfMemoryError

    monkeypatch.setattr(propagation, "Propagation", Small)
    loss, gradient = objective.evaluate(x)
    assert objective.tile < 300
    assert loss == pytest.approx(expected, rel=1e-4)
    assert (gradient - slope).norm() <= 1e-4 * slope.norm()


def test_content_kept_in_half_precision_rounds_the_gradient_and_no_more(network: VGG19) -> None:
    x, content, style = (torch.rand(1, 3, 90, 70) for _ in range(3))
    grams = style_grams(network, [(style, 1.0)], Settings())
    exact, rounded = (Objective(network, content, grams, Settings(), 48, half) for half in (False, True))
    (loss, slope), (other, gradient) = exact.evaluate(x), rounded.evaluate(x)
    assert other == pytest.approx(loss, rel=1e-3)
    assert 0 < (gradient - slope).norm() <= 1e-2 * slope.norm()


def test_memory_that_is_too_small_for_the_smallest_tile_is_an_error(
    network: VGG19, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = torch.rand(1, 3, 160, 160)
    objective = Objective(network, picture, style_grams(network, [(picture, 1.0)], Settings()), Settings())

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(propagation, "Propagation", full)
    with pytest.raises(torch.OutOfMemoryError):
        objective.evaluate(picture)
