"""What is done for a GPU: on the processor with the same code, and, where there is a GPU, on it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backend.engine import objective as module
from backend.engine import stylise as painting
from backend.engine import vgg
from backend.engine.borders import folded, reflected_in_pieces
from backend.engine.memory import peak
from backend.engine.objective import WHOLE, Objective, style_grams
from backend.engine.pooling import averaged_in_fours, repeated_in_fours
from backend.engine.replay import Compute
from backend.engine.settings import Scale, Settings
from backend.engine.stylise import stylise
from backend.engine.vgg import VGG19, Convolution, SplitConvolution, through
from backend.service import calibration

SIZES = st.integers(3, 9)
SIDES = st.tuples(*[st.integers(0, 1)] * 4)
FILTERS = st.sampled_from([3, 8, 64])
PRECISIONS = st.sampled_from([torch.float32, torch.bfloat16])
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def activations(filters: int, height: int, width: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(1, filters, height, width).to(dtype).contiguous(memory_format=torch.channels_last)


@settings(deadline=None)
@given(FILTERS, SIZES, SIZES, SIDES, PRECISIONS)
def test_borders_in_pieces_are_reflected(
    filters: int, height: int, width: int, missing: tuple[int, int, int, int], dtype: torch.dtype
) -> None:
    x = activations(filters, height, width, dtype)
    expected = F.pad(x.float(), missing, mode="reflect") if any(missing) else x.float()
    found = reflected_in_pieces(x, missing)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found.float(), expected)


@settings(deadline=None)
@given(SIZES, SIZES, SIDES)
def test_folding_is_the_adjoint_of_reflecting(height: int, width: int, missing: tuple[int, int, int, int]) -> None:
    x = torch.randn(1, 2, height, width, dtype=torch.float64, requires_grad=True)
    y = F.pad(x, missing, mode="reflect") if any(missing) else 1 * x
    g = torch.randn_like(y)
    (expected,) = torch.autograd.grad(y, x, g)
    torch.testing.assert_close(folded(g.clone(), missing), expected)


@settings(deadline=None)
@given(FILTERS, SIZES, SIZES, PRECISIONS)
def test_pooling_in_fours_is_pooling(filters: int, height: int, width: int, dtype: torch.dtype) -> None:
    x = activations(filters, height, width, dtype)
    found = averaged_in_fours(x)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, F.avg_pool2d(x, 2), atol=1e-2 if dtype == torch.bfloat16 else 1e-6, rtol=1e-2)
    assert torch.equal(repeated_in_fours(x), F.interpolate(x, scale_factor=2, mode="nearest"))


def test_more_channels_change_nothing_of_the_first_convolution(convolutions: dict[str, Convolution]) -> None:
    narrow, wide = (SplitConvolution.of(convolutions["1_1"], torch.float32, unit) for unit in (1, vgg.UNIT_ON_GPU))
    assert wide.weight.shape[1] == 16
    x, g = torch.rand(1, 3, 12, 9), torch.randn(1, 64, 10, 7)
    torch.testing.assert_close(through(wide.forward_maps(), x), through(narrow.forward_maps(), x), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(
        through(wide.backward_maps(), g), through(narrow.backward_maps(), g), rtol=1e-4, atol=1e-3
    )


class PlainReplay:
    """Computes anew where a GPU would replay, and like it reads a picture of its own and returns copies."""

    made = 0

    def __init__(self, compute: Compute, picture: Tensor) -> None:
        PlainReplay.made += 1
        self._compute, self._picture = compute, picture.clone()

    def __call__(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        values, gradient = self._compute(self._picture.copy_(picture))
        return values.clone(), gradient.clone()


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets objectives on the processor take the way of those on a GPU."""
    PlainReplay.made = 0
    monkeypatch.setattr(module, "possible", lambda device: True)
    monkeypatch.setattr(module, "Replay", PlainReplay)
    yield


def make_objective(network: VGG19, size: tuple[int, int], settings: Settings, tile: int = WHOLE) -> Objective:
    generator = torch.Generator().manual_seed(1)
    content, style = (torch.rand(1, 3, *size, generator=generator).to(network.device) for _ in range(2))
    return Objective(network, content, style_grams(network, [(style, 1.0)], settings), settings, tile)


def test_a_recorded_evaluation_is_made_once_and_follows_the_picture(network: VGG19, recording: None) -> None:
    objective = make_objective(network, (40, 48), Settings())
    pictures = [torch.rand(1, 3, 40, 48) for _ in range(4)]
    plain = [make_objective(network, (40, 48), Settings())._computed(picture) for picture in pictures]
    for picture, (values, gradient) in zip(pictures, plain, strict=True):
        loss, slope = objective.evaluate(picture)
        assert loss == pytest.approx(float(values.sum()), rel=1e-5)
        torch.testing.assert_close(slope, gradient)
    assert PlainReplay.made == 1


def test_tiles_are_not_recorded(network: VGG19, recording: None) -> None:
    objective, picture = make_objective(network, (64, 48), Settings(), 32), torch.rand(1, 3, 64, 48)
    for _ in range(3):
        objective.evaluate(picture)
    assert not PlainReplay.made


def test_memory_that_runs_out_while_recording_makes_tiles(
    network: VGG19, recording: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective, picture = make_objective(network.directly(), (300, 48), Settings()), torch.rand(1, 3, 300, 48)
    expected, slope = objective.evaluate(picture)

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(module, "Replay", full)
    loss, gradient = objective.evaluate(picture)
    assert objective.tile == 150
    assert loss == pytest.approx(expected, rel=1e-4)
    assert (gradient - slope).norm() <= 1e-4 * slope.norm()


def test_a_device_that_cannot_record_computes_as_ever(
    network: VGG19, recording: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def refuse(*_: object) -> None:
        tried.append(1)
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(module, "Replay", refuse)
    objective, picture = make_objective(network, (40, 48), Settings()), torch.rand(1, 3, 40, 48)
    losses = [objective.evaluate(picture)[0] for _ in range(4)]
    assert losses == [losses[0]] * 4
    assert len(tried) == 1 and objective.tile == WHOLE


def test_a_record_is_given_back_with_the_last_step_of_its_objective(network: VGG19, recording: None) -> None:
    content, style = torch.rand(1, 3, 48, 56), torch.rand(1, 3, 48, 56)
    dropped = []

    class Watched(Objective):
        def drop_record(self) -> None:
            dropped.append(getattr(self, "_replay", None) is not None)
            super().drop_record()

    with mock.patch.object(painting, "Objective", Watched):
        for _ in stylise(
            network, content, [(style, 1.0)], (Scale(32, 36, 3), Scale(48, 56, 3)), Settings(reduced=False)
        ):
            pass
    assert dropped.count(True) == 2


def test_a_device_on_which_it_does_not_pay_keeps_the_whole_network(
    network: VGG19, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwanted(*_: object) -> None:
        raise AssertionError

    for where in (painting, calibration):
        monkeypatch.setattr(where, "pays", lambda device: False)
        monkeypatch.setattr(where, "reduced", unwanted)
    content, style = torch.rand(1, 3, 32, 36), torch.rand(1, 3, 32, 36)
    assert len(list(stylise(network, content, [(style, 1.0)], (Scale(32, 36, 8),), Settings()))) == 8
    monkeypatch.setattr(calibration, "SIDES", (32, 48))
    speed = calibration.calibrate(network.device, network.dtype).speed
    assert speed.reduction == 0


@pytest.fixture
def exact() -> Iterator[None]:
    """Lets the GPU's convolutions in fp32 be in fp32, which by default they are not quite."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@on_gpu
@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize(("height", "width", "tile"), [(83, 70, WHOLE), (83, 70, 32), (64, 96, WHOLE)])
@pytest.mark.parametrize(
    "wanted",
    [
        Settings(),
        Settings(relative=False, content_weight=1e-3),
        Settings(style_layers={"relu1_2": 1.0, "relu2_1": 0.5, "conv2_1": 0.5, "relu4_4": 1.0}),
    ],
)
def test_a_gpu_finds_the_processor_s_loss_and_gradient(
    convolutions: dict[str, Convolution],
    height: int,
    width: int,
    tile: int,
    pooling: str,
    wanted: Settings,
    exact: None,
) -> None:
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(2))
    reference = VGG19(convolutions, pooling=pooling)
    expected, slope = make_objective(reference, (height, width), wanted).evaluate(picture)
    for precision, off in ((torch.float32, 3e-3), (torch.bfloat16, 6e-2)):
        network = VGG19(convolutions, "cuda", precision, pooling)
        objective = make_objective(network, (height, width), wanted, tile)
        for _ in range(3):  # as it comes, recorded, and replayed
            loss, gradient = objective.evaluate(picture.cuda())
            assert loss == pytest.approx(expected, rel=off)
            # Where maxima or rectified values are all but equal, rounding decides which place has a gradient.
            assert (gradient.cpu() - slope).norm() <= (off if pooling == "average" else 4 * off) * slope.norm()


@on_gpu
def test_a_gpu_replays_for_the_picture_it_is_given(convolutions: dict[str, Convolution]) -> None:
    network = VGG19(convolutions, "cuda", torch.bfloat16)
    objective = make_objective(network, (160, 128), Settings())
    for _ in range(4):
        picture = torch.rand(1, 3, 160, 128, device="cuda")
        values, slope = make_objective(network, (160, 128), Settings())._computed(picture)
        loss, gradient = objective.evaluate(picture)
        assert loss == pytest.approx(float(values.sum()), rel=1e-3)
        assert (gradient - slope).norm() <= 1e-2 * slope.norm()
    assert objective._replay is not None


@on_gpu
def test_a_gpu_that_is_full_works_in_tiles(convolutions: dict[str, Convolution]) -> None:
    network = VGG19(convolutions, "cuda", torch.bfloat16)
    objective = make_objective(network, (1024, 1024), Settings())
    picture = torch.rand(1, 3, 1024, 1024, device="cuda")
    expected, slope = objective.evaluate(picture)
    objective.evaluate(picture)
    objective.drop_record()
    total = torch.cuda.get_device_properties(0).total_memory
    for free in (500, 250):
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (free << 20)) / total)
        try:
            loss, gradient = objective.evaluate(picture)
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
        assert objective.tile < 1024
        assert loss == pytest.approx(expected, rel=1e-3)
        assert (gradient - slope).norm() <= 1e-2 * slope.norm()


@on_gpu
@pytest.mark.parametrize("optimiser", ["lbfgs", "adam"])
def test_a_gpu_paints_within_the_plan(convolutions: dict[str, Convolution], optimiser: str) -> None:
    network = VGG19(convolutions, "cuda", torch.bfloat16)
    content, style = (torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(n)) for n in (3, 4))
    schedule = (Scale(256, 256, 20), Scale(512, 512, 30))
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    loaded = torch.cuda.memory_allocated()
    losses = [
        iterate.losses["total"]
        for iterate in stylise(network, content, [(style, 1.0)], schedule, Settings(optimiser=optimiser))
    ]
    assert losses[-1] < 0.7 * losses[20]
    assert torch.cuda.max_memory_allocated() - loaded < peak(schedule[-1], 512 * 512, 2, WHOLE, 16)
