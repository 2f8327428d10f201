"""The network against torchvision's, and the two departures from it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from backend.engine.layers import CONVOLUTIONS, LAYERS
from backend.engine.propagation import features
from backend.engine.vgg import VGG19, Convolution, SplitConvolution, fold_preprocessing, through
from backend.weights.download import import_torchvision
from backend.weights.sources import CAFFE_MEAN_BGR, torchvision_layout


def test_the_topology_is_torchvisions(convolutions: dict[str, Convolution]) -> None:
    import_torchvision()
    from torchvision.models import vgg19

    with torch.device("meta"):
        theirs = vgg19().features
    shapes = {name: tuple(value.shape) for name, value in theirs.state_dict().items()}
    ours = {}
    for name, (number, shape) in torchvision_layout().items():
        assert convolutions[name].weight.shape == shape
        ours[f"features.{number}.weight"[9:]] = tuple(shape)
        ours[f"features.{number}.bias"[9:]] = tuple(shape[:1])
    assert ours == shapes


def test_activations_are_torchvisions_away_from_the_border(convolutions: dict[str, Convolution]) -> None:
    import_torchvision()
    from torchvision.models import vgg19

    theirs = vgg19().features.eval()
    state = {}
    for name, (number, _) in torchvision_layout().items():
        state[f"{number}.weight"], state[f"{number}.bias"] = convolutions[name]
    theirs.load_state_dict(state)
    picture = torch.rand(1, 3, 160, 160)
    ours = features(VGG19(convolutions, pooling="max"), picture, ["relu3_1", "conv3_2"])
    x = picture
    with torch.no_grad():
        for module in theirs[:12]:
            x = F.relu(x) if isinstance(module, torch.nn.ReLU) else module(x)
        torch.testing.assert_close(ours["relu3_1"][..., 8:-8, 8:-8], x[..., 8:-8, 8:-8], rtol=1e-3, atol=1e-2)
        following = theirs[12](x)
    torch.testing.assert_close(ours["conv3_2"][..., 9:-9, 9:-9], following[..., 9:-9, 9:-9], rtol=1e-3, atol=1e-2)


def test_a_flat_picture_has_flat_activations_up_to_its_border(network: VGG19) -> None:
    found = features(network, torch.full((1, 3, 64, 48), 0.3), ["conv5_1"])["conv5_1"]
    spread = found.flatten(2).amax(2) - found.flatten(2).amin(2)
    assert spread.max() < 1e-3 * found.abs().max()


def test_folding_the_preprocessing_changes_nothing() -> None:
    first = Convolution(torch.randn(8, 3, 3, 3), torch.randn(8))
    rgb = torch.rand(1, 3, 9, 9)
    caffe = 255 * rgb.flip(1) - torch.tensor(CAFFE_MEAN_BGR).view(1, 3, 1, 1)
    folded = fold_preprocessing(first, (255.0,) * 3, CAFFE_MEAN_BGR, bgr=True)
    torch.testing.assert_close(F.conv2d(rgb, *folded), F.conv2d(caffe, *first), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_has_a_tap_of_its_own(network: VGG19, layer: str) -> None:
    found = features(network, torch.rand(1, 3, 32, 32), [layer])
    assert set(found) == {layer}
    block = int(layer[4])
    assert found[layer].shape[2:] == (32 >> (block - 1), 32 >> (block - 1))
    assert (found[layer] < 0).any() == layer.startswith("conv")


def test_an_unknown_layer_is_named(network: VGG19) -> None:
    with pytest.raises(ValueError, match="conv6_1"):
        features(network, torch.rand(1, 3, 32, 32), ["conv6_1"])


def test_bf16_activations_are_those_of_fp32_within_its_precision(convolutions: dict[str, Convolution]) -> None:
    picture = torch.rand(1, 3, 64, 64)
    half = features(VGG19(convolutions, dtype=torch.bfloat16), picture, ["conv4_2"])["conv4_2"]
    full = features(VGG19(convolutions), picture, ["conv4_2"])["conv4_2"]
    assert half.dtype == torch.bfloat16
    assert (half.float() - full).norm() < 0.03 * full.norm()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_split_convolution_answers_as_exactly_as_its_precision_can_tell(dtype: torch.dtype) -> None:
    whole = Convolution(torch.randn(8, 3, 3, 3), 50 * torch.randn(8))
    split = SplitConvolution.of(whole, dtype)
    # Pixels that half precision itself would not tell apart.
    x = 0.9 + 0.001 * torch.rand(1, 3, 20, 17)
    exact, rounded = through(whole.forward_maps(), x), torch.finfo(dtype).eps
    assert through(split.forward_maps(), x).dtype == dtype
    assert ((through(split.forward_maps(), x).float() - exact).abs() <= rounded * exact.abs() + 1e-3).all()
    g = torch.randn(1, 8, 20, 17).to(dtype)
    theirs = through(whole.backward_maps(), g.float())
    assert through(split.backward_maps(), g).dtype == torch.float32
    assert (through(split.backward_maps(), g) - theirs).norm() <= rounded * theirs.norm()


def test_only_a_network_in_half_precision_splits_its_first_convolution(network: VGG19) -> None:
    half = VGG19(network.convolutions, dtype=torch.bfloat16)
    assert isinstance(network.convolutions["1_1"], Convolution)
    assert isinstance(half.convolutions["1_1"], SplitConvolution)
    assert half.replaced({}).convolutions["1_1"].weight is half.convolutions["1_1"].weight


def test_there_are_sixteen_convolutions() -> None:
    assert len(CONVOLUTIONS) == 16
