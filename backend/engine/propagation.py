"""Activations of a tile of a picture, forward through the network, and the gradient backward to the tile's pixels.

The network is frozen, so only the gradient with respect to the picture is wanted. Written out here instead of left
to autograd, it keeps one tensor for each convolution (autograd keeps three), gives each back as soon as it is
used, and lets every loss add its gradient on the way, when the activations are at hand.

Borders of the picture are reflected at each convolution, because zeros leave a grid of artefacts along the edge, and
replicated borders a line of odd colour. Borders of a tile are no borders: its neighbours' pixels are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from backend.engine.layers import path, tapped
from backend.engine.regions import POOL, Operation, Region, operations, whole
from backend.engine.vgg import VGG19

See = Callable[[str, Tensor, Region], None]
"""Called with a layer's name, the activations (1, N, h, w) that the tile owns, and where in the layer they are."""
Gradient = Callable[[str, Tensor, Region], Tensor]
"""Asked, with the same arguments, for the gradient of the loss with respect to those activations."""


@dataclass
class _Record:
    """What the way back needs of an operation: the activations before or after rectification, or the pooled places."""

    operation: Operation
    kept: Tensor | None


class Propagation:
    """The way of one tile through the network to the deepest of some layers, and back."""

    def __init__(self, network: VGG19, size: tuple[int, int], tile: Region, layers: Iterable[str]) -> None:
        """Take the picture's size (height, width), which must be at least 16 px for block 5, and a tile of it."""
        self._network = network
        self._layers = set(layers)
        self._operations = operations(size, tile, path(self._layers), tapped(self._layers))
        self._records: list[_Record] = []
        self.reads = self._operations[0].reads
        """The part of the picture that the tile's activations depend on."""

    def forward(self, picture: Tensor, see: See | None, *, record: bool = False) -> None:
        """Send a picture (1, 3, H, W) through and show what the tile owns of each layer to `see`."""
        rows, columns = self.reads.within(whole((picture.shape[2], picture.shape[3])))
        x = picture[..., rows, columns].contiguous(memory_format=torch.channels_last)
        have = self.reads
        self._records = []
        for operation in self._operations:
            self._network.pause()
            x = _narrowed(x, operation.reads, have)
            x, kept = self._pool(x) if operation.name == POOL else self._convolve(x, operation, see)
            have = operation.writes
            if record:
                self._records.append(_Record(operation, kept))

    def backward(self, gradient: Gradient) -> Tensor:
        """The gradient (1, 3, h, w) with respect to the pixels in `reads`, after a recorded forward pass."""
        g: Tensor | None = None
        while self._records:
            self._network.pause()
            record = self._records.pop()
            if record.operation.name == POOL:
                assert g is not None
                g = self._unpool(g, record)
            else:
                g = self._deconvolve(g, record, gradient)
            if self._records:
                g = _embedded(g, record.operation.reads, self._records[-1].operation.writes)
        assert g is not None
        return g

    def _convolve(self, x: Tensor, operation: Operation, see: See | None) -> tuple[Tensor, Tensor]:
        """The rectified response, and what is kept of it: the linear one if a loss looks at that."""
        convolution = self._network.convolutions[operation.name]
        linear = convolution.response(_reflected(x, operation)).to(self._network.dtype)
        looked_at = f"conv{operation.name}" in self._layers
        if looked_at and see:
            see(f"conv{operation.name}", self._owned(linear, operation), operation.owns)
        rectified = F.relu(linear) if looked_at else F.relu_(linear)
        if f"relu{operation.name}" in self._layers and see:
            see(f"relu{operation.name}", self._owned(rectified, operation), operation.owns)
        return rectified, linear

    def _deconvolve(self, g: Tensor | None, record: _Record, gradient: Gradient) -> Tensor:
        operation, kept = record.operation, record.kept
        assert kept is not None
        g = torch.zeros_like(kept) if g is None else g
        conv, relu = f"conv{operation.name}", f"relu{operation.name}"
        owned = self._owned(kept, operation)
        if relu in self._layers:
            self._owned(g, operation).add_(gradient(relu, F.relu(owned), operation.owns))
        # Not in place: `g` is a view of something larger, which the convolution would have to copy.
        g = torch.ops.aten.threshold_backward(g, kept, 0)
        if conv in self._layers:
            self._owned(g, operation).add_(gradient(conv, owned, operation.owns))
        record.kept = kept = owned = None  # type: ignore[assignment]
        return _folded(self._network.convolutions[operation.name].adjoint(g), operation)

    def _owned(self, x: Tensor, operation: Operation) -> Tensor:
        rows, columns = operation.owns.within(operation.writes)
        return x[..., rows, columns]

    def _pool(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        if self._network.pooling == "max":
            return F.max_pool2d(x, 2, return_indices=True)
        return F.avg_pool2d(x, 2), None

    def _unpool(self, g: Tensor, record: _Record) -> Tensor:
        if record.kept is not None:
            return F.max_unpool2d(g, record.kept, [2, 2])
        return F.interpolate(g.mul_(0.25), scale_factor=2, mode="nearest")


def features(network: VGG19, picture: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """The activations (1, filters, height, width) of the named layers, for a whole picture (1, 3, height, width)."""
    found: dict[str, Tensor] = {}

    def see(layer: str, activations: Tensor, _: Region) -> None:
        found[layer] = activations

    size = (picture.shape[2], picture.shape[3])
    Propagation(network, size, whole(size), layers).forward(picture, see)
    return found


def _narrowed(x: Tensor, wanted: Region, have: Region) -> Tensor:
    if wanted == have:
        return x
    rows, columns = wanted.within(have)
    return x[..., rows, columns]


def _embedded(g: Tensor, have: Region, wanted: Region) -> Tensor:
    """The adjoint of `_narrowed`: zeros where nothing was read."""
    if wanted == have:
        return g
    rows, columns = have.within(wanted)
    larger = torch.zeros((1, g.shape[1], *wanted.shape), dtype=g.dtype, device=g.device)
    larger = larger.contiguous(memory_format=torch.channels_last)
    larger[..., rows, columns] = g
    return larger


def _missing(operation: Operation) -> tuple[int, int, int, int]:
    """How many pixels beyond the picture's border a convolution asks for: left, right, top, bottom."""
    (top, bottom), (left, right) = operation.reads
    (first, last), (west, east) = operation.writes
    return left - (west - 1), east + 1 - right, top - (first - 1), last + 1 - bottom


def _reflected(x: Tensor, operation: Operation) -> Tensor:
    missing = _missing(operation)
    return F.pad(x, missing, mode="reflect") if any(missing) else x


def _folded(g: Tensor, operation: Operation) -> Tensor:
    """The adjoint of `_reflected`: what reached a pixel beyond the border goes to the one it mirrors."""
    left, right, top, bottom = _missing(operation)
    height, width = g.shape[2], g.shape[3]
    if left:
        g[..., :, 2] += g[..., :, 0]
    if right:
        g[..., :, -3] += g[..., :, -1]
    if top:
        g[..., 2, :] += g[..., 0, :]
    if bottom:
        g[..., -3, :] += g[..., -1, :]
    return g[..., top : height - bottom, left : width - right]
