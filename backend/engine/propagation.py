"""Activations of a tile of a picture, forward through the network, and the gradient backward to the tile's pixels.

The network is frozen, so only the gradient with respect to the picture is wanted. Written out here instead of left
to autograd, it keeps one tensor for each convolution (autograd keeps three), gives each back as soon as it is
used, and lets every loss add its gradient on the way, when the activations are at hand. In fp32, of twice the size, it
keeps no more than a byte of a value that no loss looks at, and computes the first response, the largest, once more,
a band of rows after another.

Borders of the picture are reflected at each convolution, because zeros leave a grid of artefacts along the edge, and
replicated borders a line of odd colour. Borders of a tile are no borders: its neighbours' pixels are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from backend.engine import winograd
from backend.engine.borders import Missing, compact, folded, inner, reflected, reflected_rectified
from backend.engine.layers import FILTERS, FIRST, path, tapped
from backend.engine.pooling import averaged, spread
from backend.engine.regions import POOL, Operation, Region, bands, operations, tiles, whole
from backend.engine.vgg import VGG19, through

See = Callable[[str, Tensor, Region], None]
"""Called with a layer's name, the activations (1, N, h, w) that the tile owns, and where in the layer they are."""
AddGradient = Callable[[Tensor, str, Tensor, Region], None]
"""Told to add the gradient of the loss with respect to those activations to a tensor, and then the same arguments."""


CACHED = 1 << 18
"""Values that are gated at a time, to be still in the processor's cache when they are multiplied."""
BAND = 1 << 22
"""Values of the first response, when it is computed once more, that are in memory at a time."""


@dataclass
class _Record:
    """What the way back needs of an operation: its response, linear or rectified, or where that is positive, or the
    pooled places. With `again` it is what the operation read, and the response is computed once more."""

    operation: Operation
    kept: Tensor | None
    again: bool = False

    def take(self) -> Tensor:
        """What was kept, which whoever takes it gives back."""
        kept, self.kept = self.kept, None
        assert kept is not None
        return kept


class Propagation:
    """The way of one tile through the network to the deepest of some layers, and back."""

    def __init__(self, network: VGG19, size: tuple[int, int], tile: Region, layers: Iterable[str]) -> None:
        """Take the picture's size (height, width), which must be at least 16 px for block 5, and a tile of it."""
        self._network = network
        self._layers = set(layers)
        self._operations = operations(size, tile, path(self._layers), tapped(self._layers))
        self._records: list[_Record] = []
        self._spares = network.dtype == torch.float32
        self.reads = self._operations[0].reads
        """The part of the picture that the tile's activations depend on."""

    def forward(self, picture: Tensor, see: See | None, *, record: bool = False) -> None:
        """Send a picture (1, 3, H, W) through and show what the tile owns of each layer to `see`."""
        rows, columns = self.reads.within(whole((picture.shape[2], picture.shape[3])))
        x = picture[..., rows, columns].contiguous(memory_format=torch.channels_last)
        x = reflected(x, _missing(self._operations[0]))
        self._records = []
        for operation, following in zip(self._operations, [*self._operations[1:], None], strict=True):
            self._network.pause()
            read = x if operation.name == FIRST and self._spares else None
            if operation.name == POOL:
                x, kept = self._pool(x, operation, following)
            elif following and x.is_cuda and not self._looked_at(operation):
                x = kept = _narrowed(self._network.rectified(operation.name, x), following.reads, operation.writes)
                x = reflected(x, _missing(following))
            else:
                # What was read is as large, and given back when the response takes its name.
                for linear in self._network.forward_maps(operation.name):
                    x = linear(x)
                x, kept = self._passed(x, operation, following, see)
            if record:
                self._records.append(self._record(operation, read, kept))
            del read, kept  # what is not recorded

    def backward(self, add_gradient: AddGradient) -> Tensor:
        """The gradient (1, 3, h, w) with respect to the pixels in `reads`, after a recorded forward pass."""
        g: Tensor | None = None
        while self._records:
            self._network.pause()
            record = self._records.pop()
            operation = record.operation
            if operation.name == POOL:
                assert g is not None
                g = self._unpool(g, record)
            elif record.again:
                g = self._in_bands(g, record, add_gradient)
            else:
                # So is each gradient.
                g = self._linear_gradient(g, operation, record.take(), add_gradient)
                for adjoint in self._network.backward_maps(operation.name):
                    g = adjoint(g)
            g = folded(g, _missing(operation))
            if self._records:
                g = _embedded(g, operation.reads, self._records[-1].operation.writes)
        assert g is not None
        return g

    def _looked_at(self, operation: Operation) -> bool:
        return not self._layers.isdisjoint((f"conv{operation.name}", f"relu{operation.name}"))

    def _record(self, operation: Operation, read: Tensor | None, kept: Tensor | None) -> _Record:
        if read is not None:
            return _Record(operation, read, again=True)
        if kept is not None and self._spares and operation.name != POOL and not self._looked_at(operation):
            kept = kept > 0
        return _Record(operation, kept)

    def _passed(
        self, linear: Tensor, operation: Operation, following: Operation | None, see: See | None
    ) -> tuple[Tensor, Tensor]:
        """What the following operation reads, and what is kept: the linear response if a loss looks at it."""
        conv, relu = f"conv{operation.name}", f"relu{operation.name}"
        if conv in self._layers and see:
            see(conv, self._owned(linear, operation), operation.owns)
        if relu in self._layers and see:
            see(relu, F.relu(self._owned(linear, operation)), operation.owns)
        if following is None:
            return linear, linear
        needed = _narrowed(linear, following.reads, operation.writes)
        if self._looked_at(operation):
            return reflected_rectified(needed, _missing(following)), linear
        framed = reflected_rectified(needed, _missing(following), in_place=True)
        return framed, inner(framed, _missing(following))

    def _linear_gradient(
        self, g: Tensor | None, operation: Operation, kept: Tensor, add_gradient: AddGradient
    ) -> Tensor:
        """The gradient with respect to the linear response, from the one with respect to the rectified; g is used."""
        g = torch.zeros_like(kept) if g is None else g
        conv, relu = f"conv{operation.name}", f"relu{operation.name}"
        owned = self._owned(kept, operation)
        if relu in self._layers:
            add_gradient(self._owned(g, operation), relu, F.relu(owned), operation.owns)
        g = _where_positive(g, kept)
        if conv in self._layers:
            add_gradient(self._owned(g, operation), conv, owned, operation.owns)
        return g

    def _in_bands(self, g: Tensor | None, record: _Record, add_gradient: AddGradient) -> Tensor:
        """The gradient with respect to what an operation read; its response is computed again, some rows at a time."""
        operation, read = record.operation, record.take()
        name, writes = operation.name, operation.writes
        found, per_row = torch.zeros_like(read), FILTERS[name] * writes.columns.length
        for rows in bands(writes.rows, max(1, BAND // per_row)):
            top, end = rows.start - writes.rows.start, rows.stop - writes.rows.start
            kept = through(self._network.forward_maps(name), read[:, :, top : end + 2])
            part = None if g is None else g[:, :, top:end]
            part = self._linear_gradient(part, operation.in_rows(rows), kept, add_gradient)
            found[:, :, top : end + 2] += through(self._network.backward_maps(name), part)
        return found

    def _owned(self, x: Tensor, operation: Operation) -> Tensor:
        rows, columns = operation.owns.within(operation.writes)
        return x[..., rows, columns]

    def _pool(self, x: Tensor, operation: Operation, following: Operation | None) -> tuple[Tensor, Tensor | None]:
        kept: Tensor | None = None
        if self._network.pooling == "max":
            x, kept = F.max_pool2d(x, 2, return_indices=True)
        else:
            x = averaged(x)
        if following is None:
            return x, kept
        return reflected(_narrowed(x, following.reads, operation.writes), _missing(following)), kept

    def _unpool(self, g: Tensor, record: _Record) -> Tensor:
        if record.kept is not None:
            return F.max_unpool2d(g, record.kept, [2, 2])
        return spread(g)


def in_tiles(network: VGG19, size: tuple[int, int], side: int, layers: Iterable[str]) -> list[Propagation]:
    """The ways of a picture (height, width) in tiles of about `side` px, which compute what that of the whole does.

    Several take direct convolutions: others round each value by where its tile begins, which may put it on the other
    side of zero. So few are, and yet the gradient would be off by up to 1e-3 in fp32.
    """
    parts = tiles(size, side)
    if len(parts) > 1:
        network = network.directly()
        winograd.forget()  # memory is short where there are tiles
    return [Propagation(network, size, part, layers) for part in parts]


def features(network: VGG19, picture: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """The activations (1, filters, height, width) of the named layers, for a whole picture (1, 3, height, width)."""
    found: dict[str, Tensor] = {}

    def see(layer: str, activations: Tensor, _: Region) -> None:
        found[layer] = activations

    size = (picture.shape[2], picture.shape[3])
    Propagation(network, size, whole(size), layers).forward(picture, see)
    return found


def _where_positive(g: Tensor, kept: Tensor) -> Tensor:
    """The adjoint of the rectification; g is used up."""
    g = compact(g)
    if kept.dtype == torch.bool:
        return _gated(g, kept)
    if not g.is_contiguous(memory_format=torch.channels_last):
        # In place it would stay part of something larger, which the convolution would have to copy.
        found: Tensor = torch.ops.aten.threshold_backward(g, kept, 0)
        return found
    torch.ops.aten.threshold_backward(g, kept, 0, grad_input=g)
    return g


def _gated(g: Tensor, positive: Tensor) -> Tensor:
    """g where a mask says so, and zeros elsewhere."""
    if g.device.type != "cpu":
        return g.mul_(positive)
    found = g if g.is_contiguous(memory_format=torch.channels_last) else torch.empty_like(positive, dtype=g.dtype)
    # PyTorch is slow to multiply by a mask itself on a processor, and fast with one converted while in the cache.
    rows = max(1, CACHED // (g.shape[1] * g.shape[3]))
    for top in range(0, g.shape[2], rows):
        values, mask, part = (x[:, :, top : top + rows] for x in (g, positive.view(torch.int8), found))
        torch.mul(values, mask.to(g.dtype), out=part)
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


def _missing(operation: Operation) -> Missing:
    if operation.name == POOL:
        return 0, 0, 0, 0
    (top, bottom), (left, right) = operation.reads
    (first, last), (west, east) = operation.writes
    return left - (west - 1), east + 1 - right, top - (first - 1), last + 1 - bottom
