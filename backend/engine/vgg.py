"""VGG-19 as a feature extractor (Simonyan and Zisserman 2015, configuration E; torchvision's `vgg19.features`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCKS = ((1, 2, 64), (2, 2, 128), (3, 4, 256), (4, 4, 512), (5, 4, 512))
"""Each block's number, its convolutions and their filters; 2x2 pooling stands between blocks."""

CONVOLUTIONS = tuple(f"{block}_{index}" for block, count, _ in BLOCKS for index in range(1, count + 1))
LAYERS = tuple(f"{kind}{name}" for name in CONVOLUTIONS for kind in ("conv", "relu"))
"""The names of all taps: `convB_I` is the linear response, `reluB_I` the rectified one."""


class Convolution(NamedTuple):
    """The weight (filters, channels, 3, 3) and the bias (filters) of one convolution."""

    weight: Tensor
    bias: Tensor


class VGG19:
    """The convolutions of VGG-19 up to any layer, frozen, for pictures with values 0..1 in RGB order.

    Two departures from the classifier serve pictures. Borders are reflected at each convolution, because zeros
    leave a grid of artefacts along the edge, and replicated borders a line of odd colour. Average pooling is the
    default, as the paper recommends (section 2).
    """

    def __init__(
        self,
        convolutions: Mapping[str, Convolution],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        pooling: str = "average",
    ) -> None:
        """Take convolutions named `1_1` .. `5_4` whose first one includes the preprocessing (`fold_preprocessing`)."""
        self.device = torch.device(device)
        self.dtype = dtype
        poolings: dict[str, Callable[..., Tensor]] = {"average": F.avg_pool2d, "max": F.max_pool2d}
        self._pool = poolings[pooling]
        self._convolutions = {
            # The first convolution stays in fp32: three channels cost little, and bf16 would band the picture.
            name: Convolution(*(self._place(t, torch.float32 if name == "1_1" else dtype) for t in convolution))
            for name, convolution in convolutions.items()
        }

    def _place(self, tensor: Tensor, dtype: torch.dtype) -> Tensor:
        tensor = tensor.to(self.device, dtype)
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor

    def features(self, picture: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """The activations (1, filters, height, width) of the named layers, for a picture (1, 3, height, width).

        Nothing above the last named layer is computed. Sides must be at least 16 px for block 5.
        """
        wanted = set(layers)
        if unknown := wanted.difference(LAYERS):
            raise ValueError(f"unknown layers: {', '.join(sorted(unknown))}")
        found: dict[str, Tensor] = {}
        x = picture.contiguous(memory_format=torch.channels_last)
        for name in CONVOLUTIONS:
            if len(found) == len(wanted):
                break
            if name.endswith("_1") and name != "1_1":
                x = self._pool(x, 2)
            weight, bias = self._convolutions[name]
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, bias).to(self.dtype)
            if f"conv{name}" in wanted:
                found[f"conv{name}"] = x
            x = F.relu(x)
            if f"relu{name}" in wanted:
                found[f"relu{name}"] = x
        return found


def fold_preprocessing(
    first: Convolution, scale: tuple[float, ...], mean: tuple[float, ...], *, bgr: bool
) -> Convolution:
    """The first convolution for RGB pictures in 0..1, from one trained on `scale * picture - mean`.

    `scale` and `mean` are per channel in the order the network was trained on, which is BGR if `bgr`. The folding
    is exact because borders are reflected, not filled with zeros.
    """
    weight = first.weight * torch.tensor(scale).view(1, 3, 1, 1)
    bias = first.bias - (first.weight.sum((2, 3)) * torch.tensor(mean)).sum(1)
    return Convolution(weight.flip(1) if bgr else weight, bias)
