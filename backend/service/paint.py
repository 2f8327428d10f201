"""From a job to a finished picture: the bridge between the protocol's values and the engine's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from backend.engine.lbfgs import Diverged
from backend.engine.memory import Plan
from backend.engine.settings import Settings
from backend.engine.stylise import Iterate, Styles, stylise
from backend.engine.vgg import VGG19
from backend.imaging.colour import luma, to_grey
from backend.imaging.keep_colours import matched
from backend.imaging.pixels import colours, luminance
from backend.imaging.sizes import Size
from backend.protocol.errors import Failure
from backend.protocol.job import Job
from backend.protocol.job import Settings as Wanted
from backend.service.device import choose_device, choose_precision
from backend.service.memory import free_memory
from backend.service.plan import content_layers, plan_of, schedule_of, style_bytes, style_layers
from backend.weights.sources import Report, load

BALANCED = Settings.style_weight
"""The style weight that a style strength of 1 stands for."""


NO_MEMORY = ("allocate memory", "could not create a primitive", "could not create a memory")
"""What the CPU's allocator and oneDNN say, which have no exception class of their own."""


class Painter:
    """Paints jobs one after another and keeps what they share: the weights, and the network on its device."""

    def __init__(self, pause: Callable[[], None] = lambda: None) -> None:
        """`pause` is called many times in each step, and may raise to end the job."""
        self._pause = pause
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
            if any(words in str(error) for words in NO_MEMORY):
                raise Failure("out-of-memory", size=job.settings.size) from None
            raise

    def _paint(self, job: Job, report: Report) -> Iterator[Iterate]:
        device = choose_device(job.settings.device)
        precision = choose_precision(device)
        try:
            yield from self._iterates(job, device, precision, report)
        except Diverged:
            if precision == torch.float32:
                raise
            # Half precision can be what the optimisation stumbled over; the steps counted so far begin again.
            yield from self._iterates(job, device, torch.float32, report)

    def holds(self, wanted: Wanted, device: torch.device, precision: torch.dtype) -> bool:
        """Whether the network for such a job is loaded."""
        return self._key == (wanted.weights, device, precision, wanted.pooling)

    def _network_for(self, wanted: Wanted, device: torch.device, precision: torch.dtype, report: Report) -> VGG19:
        if self._network is None or not self.holds(wanted, device, precision):
            self._network = VGG19(load(wanted.weights, report), device, precision, wanted.pooling, self._pause)
            self._key = (wanted.weights, device, precision, wanted.pooling)
        return self._network

    def _iterates(self, job: Job, device: torch.device, precision: torch.dtype, report: Report) -> Iterator[Iterate]:
        wanted = job.settings
        # The plan is for what is left beside the loaded network.
        network = self._network_for(wanted, device, precision, report)
        planned = planned_for(job, device, precision)
        schedule = schedule_of(_size(job), wanted)
        return stylise(network, *_pictures(job), schedule, engine_settings(wanted), planned)


def _pictures(job: Job) -> tuple[Tensor, Styles]:
    """What is painted, and in which styles: in light and dark alone if the content's colours are to be kept."""
    styles = [(colours(style.picture), style.weight) for style in job.styles]
    if job.settings.keep_colours:
        content = luminance(job.content)
        return _tripled(content), [(_tripled(matched(luma(style), content)), weight) for style, weight in styles]
    if job.content.channels <= 2:
        # A grey layer could not keep a style's colour.
        styles = [(_tripled(to_grey(style)), weight) for style, weight in styles]
    return colours(job.content), styles


def _tripled(values: Tensor) -> Tensor:
    return values.expand(-1, 3, -1, -1)


def planned_for(job: Job, device: torch.device, precision: torch.dtype, loaded: float | None = None) -> Plan:
    """How the job is painted in the memory it may use; a Failure that names the largest size if it cannot be.

    With `loaded`, by a process that uses so many bytes, instead of this one.
    """
    styles = sum(style.picture.width * style.picture.height for style in job.styles)
    free = free_memory(device, job.settings.memory_limit, loaded) - style_bytes(styles)
    return plan_of(_size(job), job.settings, precision.itemsize, free)


def _size(job: Job) -> Size:
    return job.content.height, job.content.width


def engine_settings(wanted: Wanted) -> Settings:
    """The engine's settings for those of a job."""
    return Settings(
        content_layers=content_layers(wanted),
        style_layers=style_layers(wanted),
        style_weight=BALANCED * wanted.style_strength,
        smoothness=Settings.smoothness * wanted.smoothness,
        style_size=wanted.stroke_size,
        init=wanted.init,
        optimiser=wanted.optimiser,
        seed=wanted.seed,
    )
