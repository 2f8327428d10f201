"""From a job to a finished picture: the bridge between the protocol's values and the engine's."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from backend.engine.lbfgs import Diverged
from backend.engine.schedule import coarse_to_fine
from backend.engine.settings import Settings
from backend.engine.stylise import Iterate, stylise
from backend.engine.vgg import VGG19
from backend.imaging.pixels import colours
from backend.protocol.errors import Failure
from backend.protocol.job import Job
from backend.protocol.job import Settings as Wanted
from backend.service.device import choose_device, choose_precision
from backend.weights.sources import Report, load

BALANCED = Settings.style_weight
"""The style weight that a style strength of 1 stands for."""


class Painter:
    """Paints jobs one after another and keeps what they share: the weights, and the network on its device."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._network: VGG19 | None = None

    def paint(self, job: Job, report: Report) -> Iterator[Iterate]:
        """The iterates of a job; a Failure for whatever goes wrong. `report` is told how far a download is."""
        try:
            yield from self._paint(job, report)
        except Diverged as error:
            raise Failure("diverged", reason=error) from None
        except (MemoryError, torch.OutOfMemoryError):
            raise Failure("out-of-memory", size=job.settings.size) from None
        except RuntimeError as error:
            # The CPU allocator has no exception class of its own.
            if "allocate memory" in str(error):
                raise Failure("out-of-memory", size=job.settings.size) from None
            raise

    def _paint(self, job: Job, report: Report) -> Iterator[Iterate]:
        device = choose_device(job.settings.device)
        precision = choose_precision(device)
        try:
            yield from self._iterates(job, self._network_for(job.settings, device, precision, report))
        except Diverged:
            if precision == torch.float32:
                raise
            # Half precision can be what the optimisation stumbled over; the steps counted so far begin again.
            yield from self._iterates(job, self._network_for(job.settings, device, torch.float32, report))

    def _network_for(self, wanted: Wanted, device: torch.device, precision: torch.dtype, report: Report) -> VGG19:
        key = (wanted.weights, device, precision, wanted.pooling)
        if self._network is None or key != self._key:
            self._network = VGG19(load(wanted.weights, report), device, precision, wanted.pooling)
            self._key = key
        return self._network

    def _iterates(self, job: Job, network: VGG19) -> Iterator[Iterate]:
        wanted = job.settings
        size = (job.content.height, job.content.width)
        styles = [(colours(style.picture), style.weight) for style in job.styles]
        schedule = coarse_to_fine(size, wanted.size, wanted.preset, wanted.steps)
        return stylise(network, colours(job.content), styles, schedule, engine_settings(wanted))


def engine_settings(wanted: Wanted) -> Settings:
    """The engine's settings for those of a job."""
    return Settings(
        style_weight=BALANCED * wanted.style_strength,
        smoothness=Settings.smoothness * wanted.smoothness,
        init=wanted.init,
        optimiser=wanted.optimiser,
        seed=wanted.seed,
    )
