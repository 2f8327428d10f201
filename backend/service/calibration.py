"""How fast a device paints, found out by letting the engine paint small pictures for a few seconds."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import torch

from backend.engine import winograd
from backend.engine.cost import Speed, fit
from backend.engine.reduction import pays, reduced
from backend.engine.settings import Scale, Settings
from backend.engine.stylise import stylise
from backend.engine.vgg import VGG19
from backend.imaging.pixels import colours, painted, preview
from backend.imaging.resize import resize
from backend.service.memory import give_back, used_memory
from backend.service.speeds import Known
from backend.weights.sources import load

SIDES = (128, 256, 512, 1024)
"""Sides in pixels of the square pictures that are painted. Two tell a processor's line; a GPU has the time for more."""
LEAST_SIDES = 2
ENOUGH_SECONDS = 0.5
"""A picture that took so long is the last one, if it is not the first."""
STEPS = 5
LAYER_SIDE = 2048
"""Side in pixels of the layer that is brought in and out: so large that its memory is new, as a real one's is."""

AS_IT_IS = Settings(reduced=False)
"""Settings for painting with the network that is given."""
LAYERS = {*AS_IT_IS.content_layers, *AS_IT_IS.style_layers}

T = TypeVar("T")


def calibrate(device: torch.device, precision: torch.dtype) -> Known:
    """Measure a device in a precision. It takes a few seconds; a Failure if there are no weights."""
    # The original weights need no download, and no weights are faster than others.
    loading, network = _timed(lambda: VGG19(load("original"), device, precision))
    _paint(network, 64)  # the first one pays for what is made once
    reducing, cheaper = _timed(lambda: _reduced(network)) if pays(device) else (0.0, network)
    steps, setups = [], []
    for count, side in enumerate(SIDES, 1):
        began = time.perf_counter()
        setup, step = _paint(cheaper, side)
        steps.append((side**2, step))
        setups.append((side**2, setup))
        if count >= LEAST_SIDES and time.perf_counter() - began > ENOUGH_SECONDS:
            break
    whole = _paint(network, side)[1]
    # Tiles are painted with direct convolutions.
    suits = winograd.suits(network.device, network.dtype)
    direct = _paint(network.directly(), side)[1] / whole if suits else 1.0
    layer = _layer_seconds() / LAYER_SIDE**2
    give_back()
    speed = Speed(fit(steps), fit(setups), layer, loading, whole / step, direct, reducing / 2)
    return Known(speed, used_memory(device))


def _reduced(network: VGG19) -> VGG19:
    return reduced(network, [_picture(256, 1), _picture(256, 2)], LAYERS)


def _paint(network: VGG19, side: int) -> tuple[float, float]:
    """The seconds before the first step of painting a square picture, and those of a step."""
    content, style = _picture(side, 1), _picture(side, 2)
    moments = [time.perf_counter()]
    for _ in stylise(network, content, [(style, 1.0)], [Scale(side, side, STEPS + 1)], AS_IT_IS):
        moments.append(time.perf_counter())
    first, *others = (after - before for before, after in itertools.pairwise(moments))
    step = statistics.median(others)
    return max(first - step, 0.1 * step), step


def _layer_seconds() -> float:
    """The seconds that a picture's way in and out takes: decoded, brought to a few sizes, enlarged and encoded."""
    layer = preview(_picture(LAYER_SIDE, 3))
    began = time.perf_counter()
    values = colours(layer)
    for part in (4, 2):
        small = resize(values, (LAYER_SIDE // part, LAYER_SIDE // part))
    painted(small, layer)
    return time.perf_counter() - began


def _picture(side: int, seed: int) -> torch.Tensor:
    """A picture (1, 3, side, side) of patches of chance: a first step between smooth ones is tried more than once."""
    generator = torch.Generator().manual_seed(seed)
    return resize(torch.rand((1, 3, side // 16, side // 16), generator=generator), (side, side)).gt(0.5).float()


def _timed(function: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result
