"""A computation on a GPU that is recorded once and then started as a whole (a CUDA graph).

An evaluation is some three hundred kernels; at the usual sizes each is over before the processor has started the next
one. Recorded, they follow one another without it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

Compute = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From a picture (1, 3, H, W) the values of the losses and the gradient, without asking the device for a number."""


def possible(device: torch.device) -> bool:
    """Whether a device can record."""
    return device.type == "cuda"


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """The one on which is recorded: for each new one the GPU's libraries would keep memory for ever."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class Replay:
    """A recorded `Compute`, which may be called as often as is liked with pictures of one size."""

    def __init__(self, compute: Compute, picture: Tensor) -> None:
        """Record; `compute` must have been called before, since what it makes once cannot be recorded.

        Raises torch.OutOfMemoryError: all that is computed on the way stays reserved until the record is dropped.
        """
        # What was computed without a record left its memory behind, which would now be needed twice.
        torch.cuda.empty_cache()
        self._picture = picture.clone()
        self._graph = torch.cuda.CUDAGraph()
        stream = _stream(picture.device)
        stream.wait_stream(torch.cuda.current_stream(picture.device))
        with torch.cuda.stream(stream):
            # Other threads ask the device for its free memory meanwhile.
            self._graph.capture_begin(capture_error_mode="thread_local")
            try:
                self._values, self._gradient = compute(self._picture)
            except BaseException:
                with contextlib.suppress(RuntimeError):
                    self._graph.capture_end()
                raise
            self._graph.capture_end()
        torch.cuda.current_stream(picture.device).wait_stream(stream)

    def __call__(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The values and the gradient at a picture, in tensors of their own."""
        self._picture.copy_(picture)
        self._graph.replay()
        return self._values.clone(), self._gradient.clone()
