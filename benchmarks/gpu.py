"""A GPU, where there is one: seconds and memory at three sizes, and the share of its peak that a step reaches."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import torch

from backend.engine.layers import convolutions_to
from backend.engine.memory import Plan, peak
from backend.engine.objective import WHOLE
from backend.engine.settings import STYLE_LAYERS, Scale
from backend.engine.settings import Settings as Engine
from backend.engine.stylise import stylise
from backend.engine.vgg import VGG19
from backend.imaging.resize import resize
from backend.protocol.estimate import Outline
from backend.protocol.job import Settings
from backend.service.device import choose_device, choose_precision
from backend.weights.sources import load as load_weights
from benchmarks.conditions import Conditions, Result, say
from benchmarks.efficiency import step_operations
from benchmarks.machine import matrix_rate, name_of
from benchmarks.pictures import load, write_picture
from benchmarks.recipe import Recipe
from benchmarks.service import Service, make_job

SIDES = (512, 1024, 2048)
PEAK_SIDE = 8192
"""Rows and columns of the matrices whose product is the peak: smaller ones do not keep a large GPU busy."""
STEPS, WARM = 24, 4
RECIPE_STEPS = 12
HISTORY = 16
PRESET = "normal"


def measure(conditions: Conditions) -> Iterator[Result]:
    """Steps, beside the recipe's, and whole jobs at each size; nothing without a GPU."""
    if not torch.cuda.is_available():
        yield {"none": True}
        return
    device = choose_device("cuda")
    precision = choose_precision(device)
    rate = matrix_rate(precision, PEAK_SIDE, "cuda")
    result: Result = {
        "device": torch.cuda.get_device_name(device),
        "date": datetime.date.today().isoformat(),
        "torch": torch.__version__,
        "precision": name_of(precision),
        "peak": rate,
        "steps": [],
        "jobs": [],
    }
    network = VGG19(load_weights("original"), device, precision)
    for side in SIDES:
        result["steps"].append(_steps(conditions, network, side, rate))
        yield result
    with Service() as service:
        for side in SIDES:
            result["jobs"].append(_job(conditions, service, side))
            yield result


def _steps(conditions: Conditions, network: VGG19, side: int, rate: float) -> dict[str, Any]:
    """The seconds of a step at a size, and the memory that they take beside the network."""
    pair = conditions.pairs[0]
    content, style = resize(load(pair.content, side), (side, side)).clamp(0, 1), load(pair.style, side)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    loaded = torch.cuda.memory_allocated()
    scale = Scale(side, side, STEPS + WARM + 1)
    iterates = stylise(network, content, [(style, 1.0)], (scale,), Engine(), Plan(WHOLE, HISTORY, 0))
    times = []
    for _ in range(STEPS + WARM):
        began = time.perf_counter()
        next(iterates)
        times.append(time.perf_counter() - began)
    seconds = median(times[WARM:])
    channels = {name: load_weights("original")[name].weight.shape for name in convolutions_to(STYLE_LAYERS)}
    work = step_operations(side, side, {name: (shape[0], shape[1]) for name, shape in channels.items()})
    say(f"  a step at {side} x {side}: {1000 * seconds:.1f} ms")
    return {
        "side": side,
        "seconds": seconds,
        "rate": work / seconds,
        "share": work / seconds / rate,
        "bytes": torch.cuda.max_memory_allocated() - loaded,
        "reserved": torch.cuda.memory_reserved() - loaded,
        "predicted": peak(scale, side * side, network.dtype.itemsize, WHOLE, HISTORY),
        "recipe_seconds": _recipe_seconds(content.to(network.device), style.to(network.device)),
    }


def _recipe_seconds(content: torch.Tensor, style: torch.Tensor) -> float:
    """The seconds of a step of the paper's recipe, as PyTorch computes it on the GPU by default."""
    ends = [step.seconds for step in Recipe(content, style).run(WARM + RECIPE_STEPS)][WARM:]
    return (ends[-1] - ends[0]) / (RECIPE_STEPS - 1)


def _job(conditions: Conditions, service: Service, side: int) -> dict[str, Any]:
    """A whole job through the backend, after one that has loaded everything, at a size that it has not seen before."""
    pair = conditions.pairs[0]
    content, style = load(pair.content, side), load(pair.style, side)
    job = make_job(content, style, Settings(preset=PRESET, size=side, device="cuda"))
    if side == SIDES[0]:
        service.paint(make_job(content, style, Settings(size=64, steps=1, device="cuda")))
    told = service.backend.estimate(Outline.of(job))
    painted = service.paint(job, conditions.left)
    write_picture(painted.picture, conditions.picture("gpu", str(side)))
    say(f"  preset {PRESET} at {side}: {painted.seconds:.2f} s, told {told.seconds:.2f} s")
    height, width = content.shape[2:]
    return {
        "side": side,
        "size": f"{width} x {height}",
        "preset": PRESET,
        "seconds": painted.seconds,
        "told": told.seconds,
    }
