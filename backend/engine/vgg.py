"""VGG-19 as a feature extractor (Simonyan and Zisserman 2015, configuration E; torchvision's `vgg19.features`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from backend.engine import winograd

COLOURS = 3
"""Channels of a picture."""
UNIT_ON_GPU = 16
"""Channels that a GPU's matrix units want, or a multiple."""
HAS_CUDNN = torch.version.cuda is not None
"""Whether a GPU's convolutions are Nvidia's: AMD's come under the same name."""


class Convolution(NamedTuple):
    """The weight (filters, channels, 3, 3) and the bias (filters) of one convolution."""

    weight: Tensor
    bias: Tensor

    def response(self, x: Tensor) -> Tensor:
        """The linear response (1, filters, h, w) to activations (1, channels, h + 2, w + 2)."""
        return _response(x, self.weight, self.bias)

    def adjoint(self, g: Tensor) -> Tensor:
        """The gradient with respect to the activations, from the one with respect to the response."""
        return _adjoint(g, self.weight.to(g.dtype))


class ReducedConvolution(NamedTuple):
    """A convolution with fewer filters, whose responses an `expansion` (filters, fewer, 1, 1) makes as many again."""

    weight: Tensor
    bias: Tensor
    expansion: Tensor

    def response(self, x: Tensor) -> Tensor:
        """As of `Convolution`."""
        return F.conv2d(_response(x, self.weight), self.expansion, self.bias)

    def adjoint(self, g: Tensor) -> Tensor:
        """As of `Convolution`."""
        return _adjoint(F.conv_transpose2d(g, self.expansion), self.weight)


class SplitConvolution(NamedTuple):
    """A convolution in half precision that answers fp32 activations as exactly as its own responses can tell.

    Activations and weights come in two parts, a rounded value and what that lacks, and their products are filters
    (filters, 3 · channels + 2, 3, 3) of one convolution; the last two channels are the bias in two parts. More
    channels, of no effect, make their number a multiple of the unit that a GPU multiplies.
    """

    weight: Tensor

    @classmethod
    def of(cls, convolution: Convolution, dtype: torch.dtype, unit: int = 1) -> SplitConvolution:
        """A convolution given in fp32, whose channels shall be a multiple of `unit`."""
        large, small = _split(convolution.weight, dtype)
        bias = convolution.weight.new_zeros((len(convolution.bias), 1, 3, 3))
        bias[:, 0, 1, 1] = convolution.bias
        channels = torch.cat([large, large, small, *_split(bias, dtype)], 1)
        return cls(F.pad(channels, (0, 0, 0, 0, 0, -channels.shape[1] % unit)))

    def response(self, x: Tensor) -> Tensor:
        """As of `Convolution`."""
        large, small = _split(x, self.weight.dtype)
        size = (1, self.weight.shape[1] - 3 * x.shape[1], *x.shape[2:])
        return F.conv2d(torch.cat([large, small, large, large.new_ones(1).expand(size)], 1), self.weight)

    def adjoint(self, g: Tensor) -> Tensor:
        """As of `Convolution`, in fp32."""
        # The bias's two channels come along: eight are the least that a GPU multiplies.
        g = F.conv_transpose2d(g, self.weight[:, COLOURS : 3 * COLOURS + 2]).float()
        return g[:, :COLOURS] + g[:, COLOURS : 2 * COLOURS]


def _response(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    if winograd.pays(weight, (x.shape[2] - 2, x.shape[3] - 2)):
        return winograd.response(x, weight, bias)
    return F.conv2d(x, weight, bias)


def _adjoint(g: Tensor, weight: Tensor) -> Tensor:
    if winograd.pays(weight, (g.shape[2] + 2, g.shape[3] + 2)):
        return winograd.adjoint(g, weight)
    return F.conv_transpose2d(g, weight)


def _split(tensor: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    large = tensor.to(dtype)
    return large, (tensor - large).to(dtype)


AnyConvolution = Convolution | ReducedConvolution | SplitConvolution


def rectified(convolution: AnyConvolution, x: Tensor) -> Tensor:
    """A convolution's response to activations (1, channels, h + 2, w + 2) without its negative values."""
    if HAS_CUDNN and x.is_cuda and x.dtype == torch.bfloat16 and isinstance(convolution, Convolution):
        # The bias and the rectification alone would be two passes more over the GPU's memory.
        weight, bias, unit = *convolution, [1, 1]
        found: Tensor = torch.ops.aten.cudnn_convolution_relu(x, weight, bias, unit, [0, 0], unit, 1)
        return found
    return F.relu_(convolution.response(x))


class VGG19:
    """The convolutions of VGG-19, frozen, for pictures with values 0..1 in RGB order, on a device in a precision.

    What is computed with them is in `propagation`. Average pooling is the default, as the paper recommends
    (section 2).
    """

    def __init__(
        self,
        convolutions: Mapping[str, AnyConvolution],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        pooling: str = "average",
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        """Take convolutions named `1_1` .. `5_4` whose first one includes the preprocessing (`fold_preprocessing`).

        `pause` is called before each of them is used, and may raise to end what goes on.
        """
        if pooling not in ("average", "max"):
            raise ValueError(f"unknown pooling: {pooling}")
        self.device = torch.device(device)
        self.dtype = dtype
        self.pooling = pooling
        self.pause = pause
        self.convolutions = {
            name: type(convolution)(*map(self._place, convolution))
            for name, convolution in {**convolutions, "1_1": self._first(convolutions["1_1"])}.items()
        }

    def replaced(self, convolutions: Mapping[str, ReducedConvolution]) -> VGG19:
        """This network with some of its convolutions reduced; it shares the rest."""
        return VGG19({**self.convolutions, **convolutions}, self.device, self.dtype, self.pooling, self.pause)

    def _first(self, convolution: AnyConvolution) -> AnyConvolution:
        """The first convolution, which pictures rounded to half precision would be too coarse for."""
        if isinstance(convolution, Convolution) and self.dtype in (torch.bfloat16, torch.float16):
            unit = UNIT_ON_GPU if self.device.type == "cuda" else 1
            return SplitConvolution.of(convolution, self.dtype, unit)
        return convolution

    def _place(self, tensor: Tensor) -> Tensor:
        tensor = tensor.to(self.device, self.dtype)
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


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
