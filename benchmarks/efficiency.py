"""The share of the machine's own peak, a plain product of matrices, that a step of the engine reaches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from backend.engine.layers import convolutions_to
from backend.engine.settings import STYLE_LAYERS, Scale, Settings
from backend.engine.stylise import stylise
from backend.engine.vgg import VGG19
from backend.imaging.resize import resize
from backend.weights.sources import load as load_weights
from benchmarks.conditions import Conditions, Result
from benchmarks.machine import engine_precision, matrix_rate
from benchmarks.pictures import load

SIDE = 512
STEPS, STEPS_QUICKLY = 24, 10
WARM = 2
"""First steps that do not count."""
GOAL = 0.75
EXACT = Settings(reduced=False)
"""With the reduced network a step takes two thirds of the time, of which convolutions are a smaller part."""


def measure(conditions: Conditions) -> Iterator[Result]:
    """Steps at 512 x 512 px, each followed by the matrix product."""
    pair, precision = conditions.pairs[0], engine_precision()
    content, style = resize(load(pair.content), (SIDE, SIDE)).clamp(0, 1), load(pair.style)
    network = VGG19(load_weights("original"), dtype=precision)
    weights = {name: network.convolutions[name].weight for name in convolutions_to(STYLE_LAYERS)}
    work = step_operations(SIDE, SIDE, {name: (w.shape[0], w.shape[1]) for name, w in weights.items()})
    steps = STEPS_QUICKLY if conditions.quick else STEPS
    # The last step of a scale is cheaper, and not taken here.
    iterates = stylise(network, content, [(style, 1.0)], (Scale(SIDE, SIDE, steps + WARM + 1),), EXACT)
    rates, peaks = [], []
    for _ in range(steps + WARM):
        began = time.perf_counter()
        next(iterates)
        rates.append(work / (time.perf_counter() - began))
        peaks.append(matrix_rate(precision))
        if conditions.left < 0:
            break
    shares = [rate / peak for rate, peak in zip(rates, peaks, strict=True)][WARM:]
    yield {
        "side": SIDE,
        "operations": work,
        "seconds": median(work / rate for rate in rates[WARM:]),
        "rate": median(rates[WARM:]),
        "peak": median(peaks[WARM:]),
        "share": median(shares),
        "shares": [min(shares), max(shares)],
        "goal": GOAL,
    }


def step_operations(height: int, width: int, filters: dict[str, tuple[int, int]]) -> int:
    """Floating-point operations of the 3 x 3 convolutions of one step, forward and back to the picture.

    `filters` has the numbers of outputs and inputs of each convolution `B_I`. Each multiplication and each addition
    counts; what is not a convolution (Gram matrices, pooling, the optimiser) does not, so the share errs on the
    low side.
    """
    total = 0
    for name, (outputs, inputs) in filters.items():
        level = int(name[0]) - 1
        total += 2 * 9 * outputs * inputs * (height >> level) * (width >> level)
    return 2 * total
