"""The race: how long the engine takes to a picture as good, by the same fp32 loss, as the paper's recipe's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from backend.engine.memory import Plan
from backend.engine.objective import WHOLE, positions
from backend.engine.settings import Scale, Settings
from backend.engine.stylise import stylise
from backend.engine.vgg import VGG19
from backend.imaging.sizes import factor_for_area
from backend.weights.sources import load as load_weights
from benchmarks import curves
from benchmarks.conditions import Conditions, Result, say
from benchmarks.curves import Curve, Stale
from benchmarks.machine import engine_precision
from benchmarks.pictures import Pair, load, write_picture
from benchmarks.recipe import CONTENT, CONTENT_WEIGHT, STYLE, STYLE_WEIGHT, Recipe

TARGETS = (200, 500)
"""The recipe's steps whose loss is to be reached."""
GOAL, FAILURE = 10, 5
"""How many times faster than the recipe the engine is to be, and below what it has failed."""
GIVE_UP = FAILURE
"""The race ends after 1 / GIVE_UP of the recipe's time: what comes later has failed already."""
HISTORY = 32
"""Pairs that the optimiser remembers: the recipe keeps 100. Over hundreds of steps on its loss twice as many as by
default lead to a tenth fewer steps; on the default loss they gain nothing."""
PLAN = Plan(WHOLE, HISTORY, 0)
STEPS = 400
"""The engine's steps at most, which descend the Wasserstein distance with the reduced network and aim at the recipe's
loss with the whole one."""
DESCENDED = STYLE[:-1]
"""The style's layers without conv5_1, a quarter of a step's work, which is a fiftieth of the loss at the end."""
JUDGED = 5
"""Steps between two judgements."""
CHECKED = 3
"""Judgements between two steps of the recipe, which are taken again to measure its time."""
FILTERS = {"conv1_1": 64, "conv2_1": 128, "conv3_1": 256, "conv4_1": 512, "conv5_1": 512}


def entry(content: Tensor, style: Tensor) -> tuple[tuple[Scale, ...], Settings]:
    """The schedule and the settings with which the engine enters: the recipe's loss.

    A coarser scale before would save fewer steps than it takes.
    """
    size = (content.shape[2], content.shape[3])
    return (Scale(*size, STEPS),), Settings(
        relative=False,
        smoothness=0,
        wasserstein_first=1,
        exact=0,
        content_weight=2 * CONTENT_WEIGHT / (512 * positions(size, CONTENT)),
        style_weight=4 * STYLE_WEIGHT,
        style_layers={layer: 1 / FILTERS[layer] ** 2 for layer in DESCENDED},
        # The recipe takes the style at its own size.
        style_size=1 / factor_for_area((style.shape[2], style.shape[3]), size[0] * size[1]),
    )


class Point(NamedTuple):
    """After how many seconds, by the clock and of the processors together, a picture had which loss."""

    wall: float
    cpu: float
    loss: float


def crossing(points: Sequence[Point], loss: float) -> Point | None:
    """Where the loss was first reached, between two points in proportion; None if it was not."""
    before: Point | None = None
    for point in points:
        if point.loss <= loss:
            if before is None:
                return point
            share = (before.loss - loss) / (before.loss - point.loss)
            return Point(*(a + share * (b - a) for a, b in zip(before, point, strict=True)))
        before = point
    return None


@dataclass
class Stopwatch:
    """Adds up the time between `with` and its end, by the clock and of the processors."""

    wall: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.wall += time.perf_counter() - self._began[0]
        self.cpu += time.process_time() - self._began[1]


class Opponent:
    """The recipe, of which only the first steps are taken, for their time and to see that the curve begins there."""

    def __init__(self, recipe: Recipe) -> None:
        self._steps = recipe.run(STEPS)  # one at most for each of the engine's
        self.losses: list[float] = []
        self._times: list[Stopwatch] = []

    def step(self) -> None:
        """Take a step."""
        watch = Stopwatch()
        with watch:
            step = next(self._steps)
        self.losses.append(step.loss)
        self._times.append(watch)

    @property
    def seconds(self) -> tuple[float, float]:
        """Seconds of a step, by the clock and of the processors; the first one, which warms up, does not count."""
        counted = self._times[1:]
        return median(watch.wall for watch in counted), median(watch.cpu for watch in counted)


class Entrant:
    """A pair, with the recipe's curve and its steps that are taken again."""

    def __init__(self, pair: Pair) -> None:
        """Raises Stale if the curve was made from other pictures."""
        self.content, self.style = load(pair.content), load(pair.style)
        self.curve = curves.read(pair.name)
        self.curve.check_source(self.content, self.style)
        self.recipe = Recipe(self.content, self.style)
        self.opponent = Opponent(self.recipe)
        self.opponent.step()
        self.opponent.step()


def measure(conditions: Conditions) -> Iterator[Result]:
    """Race over each pair to all targets; in a hurry over one pair to the nearer."""
    network = VGG19(load_weights("original"), dtype=engine_precision())
    targets = TARGETS[:1] if conditions.quick else TARGETS
    raced = conditions.pairs[:1] if conditions.quick else conditions.pairs
    result: Result = {"targets": list(targets), "give_up": GIVE_UP, "pairs": {}}
    _warm_up(network)
    for pair in raced:
        if conditions.left <= 0:
            break
        try:
            result["pairs"][pair.name], picture = _race(pair, network, targets, conditions)
            write_picture(picture, conditions.picture(pair.name, "equal"))
        except Stale as stale:
            result["pairs"][pair.name] = {"failed": str(stale)}
        yield result


def _warm_up(network: VGG19) -> None:
    """Make what is made once in a process, as a warm worker has: the recipe's first step does not count either."""
    tiny = torch.rand(1, 3, 64, 64)
    for _ in stylise(network, tiny, [(tiny, 1.0)], [Scale(64, 64, 1)], Settings(reduced=False)):
        pass


def _race(pair: Pair, network: VGG19, targets: Sequence[int], conditions: Conditions) -> tuple[Result, Tensor]:
    """What is found of a pair, and the last picture."""
    entrant = Entrant(pair)
    curve, opponent = entrant.curve, entrant.opponent
    if (error := curve.error(opponent.losses[0])) > curves.TOLERANCE:
        raise Stale(f"The loss that the recipe starts from differs from the stored one by {error:.1%}.")
    say(f"  {pair.name}: " + ", ".join(f"{curve.losses[steps]:.4g} after {steps} steps" for steps in targets))
    points, steps, picture = _run(network, entrant, targets[-1], conditions)
    return {
        "targets": {str(target): _outcome(curve, opponent, points, target) for target in targets},
        "steps": steps,
        "last": _last(curve, points[-1]),
        "curve_error": error,
        "recipe_seconds_per_step": opponent.seconds[0],
        "points": [[round(point.wall, 2), round(point.loss)] for point in points],
    }, picture


def _run(network: VGG19, entrant: Entrant, target: int, conditions: Conditions) -> tuple[list[Point], int, Tensor]:
    """How the loss fell in a race to a target, the steps, and the last picture."""
    content, style, opponent = entrant.content, entrant.style, entrant.opponent
    schedule, settings = entry(content, style)
    points: list[Point] = []
    watch = Stopwatch()
    iterates = stylise(network, content, [(style, 1.0)], schedule, settings, PLAN)
    while True:
        with watch:
            iterate = next(iterates)
        if iterate.step % JUDGED:
            continue
        points.append(Point(watch.wall, watch.cpu, entrant.recipe.judge(iterate.picture())))
        say(f"    {watch.wall:.0f} s: {points[-1].loss:.4g}")
        if len(points) % CHECKED == 0:
            opponent.step()
        late = watch.wall > target * opponent.seconds[0] / GIVE_UP or conditions.left <= 0
        if late or points[-1].loss <= entrant.curve.losses[target] or iterate.step == iterate.steps:
            return points, iterate.step, iterate.picture()


def _outcome(curve: Curve, opponent: Opponent, points: Sequence[Point], target: int) -> Result:
    wall, cpu = opponent.seconds
    at = crossing(points, curve.losses[target])
    return {
        "loss": curve.losses[target],
        "recipe_seconds": target * wall,
        "seconds": at and at.wall,
        "ratio": at and target * wall / at.wall,
        "ratio_below": None if at else target * wall / points[-1].wall,
        "cpu_ratio": at and target * cpu / at.cpu,
    }


def _last(curve: Curve, last: Point) -> Result:
    return {"seconds": last.wall, "loss": last.loss, "recipe_step": curve.step_at(last.loss)}
