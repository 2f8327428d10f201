"""VGG-19 as a feature extractor (Simonyan and Zisserman 2015, configuration E; torchvision's `vgg19.features`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
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

HAS_ONEDNN = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
"""Whether a processor's convolutions are oneDNN's."""


Map = Callable[[Tensor], Tensor]


class Convolution(NamedTuple):
    """The weight (filters, channels, 3, 3) and the bias (filters) of one convolution."""

    weight: Tensor
    bias: Tensor

    def forward_maps(self, direct: bool = False) -> list[Map]:
        """What makes activations (1, channels, h + 2, w + 2) the linear response (1, filters, h, w), in order.

        Apart, so that what one has read can be given back before the next begins. Each value is found by itself if
        `direct`, and otherwise perhaps by a faster way.
        """
        return [partial(_response, weight=self.weight, bias=self.bias, direct=direct)]

    def backward_maps(self, direct: bool = False) -> list[Map]:
        """What makes the gradient with respect to the response the one with respect to the activations, in order."""
        return [lambda g: _adjoint(g, self.weight.to(g.dtype), direct)]


class ReducedConvolution(NamedTuple):
    """A convolution with fewer filters, whose responses an `expansion` (filters, fewer, 1, 1) makes as many again."""

    weight: Tensor
    bias: Tensor
    expansion: Tensor

    def forward_maps(self, direct: bool = False) -> list[Map]:
        """As of `Convolution`."""
        narrow = partial(_response, weight=self.weight, bias=None, direct=direct)
        return [narrow, partial(F.conv2d, weight=self.expansion, bias=self.bias)]

    def backward_maps(self, direct: bool = False) -> list[Map]:
        """As of `Convolution`."""
        narrow = partial(F.conv_transpose2d, weight=self.expansion)
        return [narrow, partial(_adjoint, weight=self.weight, direct=direct)]


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

    def forward_maps(self, direct: bool = True) -> list[Map]:
        """As of `Convolution`, and always direct."""
        return [self._response]

    def backward_maps(self, direct: bool = True) -> list[Map]:
        """As of `Convolution`, in fp32, and always direct."""
        return [self._adjoint]

    def _response(self, x: Tensor) -> Tensor:
        large, small = _split(x, self.weight.dtype)
        size = (1, self.weight.shape[1] - 3 * x.shape[1], *x.shape[2:])
        return F.conv2d(torch.cat([large, small, large, large.new_ones(1).expand(size)], 1), self.weight)

    def _adjoint(self, g: Tensor) -> Tensor:
        # The bias's two channels come along: eight are the least that a GPU multiplies.
        g = F.conv_transpose2d(g, self.weight[:, COLOURS : 3 * COLOURS + 2]).float()
        return g[:, :COLOURS] + g[:, COLOURS : 2 * COLOURS]


def _response(x: Tensor, weight: Tensor, bias: Tensor | None, direct: bool) -> Tensor:
    if not direct and winograd.pays(weight, (x.shape[2] - 2, x.shape[3] - 2)):
        return winograd.response(x, weight, bias)
    if direct and HAS_ONEDNN and x.device.type == "cpu" and x.dtype == torch.float32:
        # Left to itself PyTorch takes another kernel, which adds up in another order, for a few pixels.
        unit = (1, 1)
        found: Tensor = torch.mkldnn_convolution(x, weight, bias, (0, 0), unit, unit, 1)
        return found
    return F.conv2d(x, weight, bias)


def _adjoint(g: Tensor, weight: Tensor, direct: bool) -> Tensor:
    if not direct and winograd.pays(weight, (g.shape[2] + 2, g.shape[3] + 2)):
        return winograd.adjoint(g, weight)
    return F.conv_transpose2d(g, weight)


def _split(tensor: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    large = tensor.to(dtype)
    return large, (tensor - large).to(dtype)


def through(maps: Iterable[Map], x: Tensor) -> Tensor:
    """What some maps make of x, one after another."""
    for some in maps:
        x = some(x)
    return x


AnyConvolution = Convolution | ReducedConvolution | SplitConvolution


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
        direct: bool = False,
    ) -> None:
        """Take convolutions named `1_1` .. `5_4` whose first one includes the preprocessing (`fold_preprocessing`).

        `pause` is called before each of them is used, and may raise to end what goes on. With `direct` no convolution
        is Winograd's, whose rounding depends on where in the picture the activations begin.
        """
        if pooling not in ("average", "max"):
            raise ValueError(f"unknown pooling: {pooling}")
        self.device = torch.device(device)
        self.dtype = dtype
        self.pooling = pooling
        self.pause = pause
        self.direct = direct
        self.convolutions = {
            name: type(convolution)(*map(self._place, convolution))
            for name, convolution in {**convolutions, "1_1": self._first(convolutions["1_1"])}.items()
        }

    def replaced(self, convolutions: Mapping[str, ReducedConvolution]) -> VGG19:
        """This network with some of its convolutions reduced; it shares the rest."""
        return self._with({**self.convolutions, **convolutions}, self.direct)

    def directly(self) -> VGG19:
        """This network without Winograd's convolutions; it shares all of its memory."""
        return self._with(self.convolutions, True)

    def forward_maps(self, name: str) -> list[Map]:
        """Of one convolution; see `Convolution.forward_maps`."""
        return self.convolutions[name].forward_maps(self.direct)

    def backward_maps(self, name: str) -> list[Map]:
        """Of one convolution; see `Convolution.backward_maps`."""
        return self.convolutions[name].backward_maps(self.direct)

    def rectified(self, name: str, x: Tensor) -> Tensor:
        """The response to x without its negative values."""
        convolution = self.convolutions[name]
        if HAS_CUDNN and x.is_cuda and x.dtype == torch.bfloat16 and isinstance(convolution, Convolution):
            # The bias and the rectification alone would be two passes more over the GPU's memory.
            weight, bias, unit = *convolution, [1, 1]
            found: Tensor = torch.ops.aten.cudnn_convolution_relu(x, weight, bias, unit, [0, 0], unit, 1)
            return found
        return F.relu_(through(self.forward_maps(name), x))

    def _with(self, convolutions: Mapping[str, AnyConvolution], direct: bool) -> VGG19:
        return VGG19(convolutions, self.device, self.dtype, self.pooling, self.pause, direct)

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
