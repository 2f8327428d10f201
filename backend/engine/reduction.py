"""A network that answers almost alike with half the filters in every convolution, for steps that need not be exact.

The responses of a convolution to natural pictures lie close to a subspace of far fewer dimensions than it has filters:
half of them hold more than 99 % of the variance. Filters for a basis of that subspace, and a 1 x 1 convolution that
expands their responses, take half the multiplications (Zhang, Zou, He and Sun, "Accelerating very deep convolutional
networks for classification and detection", 2016, section 3.1, without their account of the rectification).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from backend.engine.layers import FILTERS, convolutions_to
from backend.engine.propagation import Propagation
from backend.engine.regions import Region, whole
from backend.engine.schedule import LEAST_SIDE
from backend.engine.terms import add_gram
from backend.engine.vgg import VGG19, AnyConvolution, Convolution, ReducedConvolution
from backend.imaging.resize import resize
from backend.imaging.sizes import factor_for_area, scaled

SHARE = 0.5
"""The share of its filters that a convolution keeps."""
UNIT = 16
"""Filters are kept in multiples of this, which fill a processor's registers."""
AREA = 256 * 256
"""Pixels that each picture is brought down to for the statistics of its responses."""


def pays(device: torch.device) -> bool:
    """Whether steps with a reduced network are faster on a device.

    A GPU takes longer for them: it computes the half that is left out in less time than it moves the narrow responses
    and the expanded ones through its memory. Measured on an H200: 10 to 15 % at 512, 1024 and 2048 px.
    """
    return device.type != "cuda"


def reduced(network: VGG19, pictures: Iterable[Tensor], layers: Collection[str], share: float = SHARE) -> VGG19:
    """The network with every convolution on the way to `layers` but the first reduced to `share` of its filters.

    The bases are those that lose least of the responses to `pictures` (1, 3, H, W).
    """
    names = [name for name in convolutions_to(layers) if name != "1_1"]
    if not names:
        return network
    responses = {name: _Responses(network, name) for name in names}

    def see(layer: str, activations: Tensor, _: Region) -> None:
        responses[layer[4:]].add(activations)

    for picture in pictures:
        small = _small(picture).to(network.device)
        size = (small.shape[2], small.shape[3])
        Propagation(network, size, whole(size), [f"conv{name}" for name in names]).forward(small, see)
    return network.replaced({name: responses[name].reduced(network.convolutions[name], share) for name in names})


class _Responses:
    """The mean and the covariance of a convolution's responses."""

    def __init__(self, network: VGG19, name: str) -> None:
        filters = FILTERS[name]
        self._sum = torch.zeros(filters, device=network.device)
        self._products = torch.zeros((filters, filters), device=network.device)
        self._count = 0

    def add(self, activations: Tensor) -> None:
        self._sum += activations.float().sum((0, 2, 3))
        self._count += activations.shape[2] * activations.shape[3]
        add_gram(self._products, activations)

    def reduced(self, convolution: AnyConvolution, share: float) -> ReducedConvolution:
        """The convolution followed by the projection on the largest principal components around the mean."""
        assert isinstance(convolution, Convolution)  # the first one, which may be another, is not reduced
        mean = self._sum / self._count
        _, vectors = torch.linalg.eigh(self._products / self._count - torch.outer(mean, mean))
        kept = max(UNIT, round(share * len(mean) / UNIT) * UNIT)
        basis = vectors[:, -kept:]
        narrow = torch.einsum("fk,fchw->kchw", basis, convolution.weight.float())
        bias = mean + basis @ (basis.t() @ (convolution.bias.float() - mean))
        return ReducedConvolution(narrow, bias, basis[:, :, None, None])


def _small(picture: Tensor) -> Tensor:
    """About `AREA` pixels of a picture, none of whose sides is too short for the network."""
    size = (picture.shape[2], picture.shape[3])
    small = resize(picture, scaled(size, max(min(1.0, factor_for_area(size, AREA)), LEAST_SIDE / min(size))))
    longest = AREA // LEAST_SIDE
    return small[..., :longest, :longest]
