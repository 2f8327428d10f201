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
STEPS = {200: (54, 60), 500: (175, 300)}
"""The engine's steps for each target: those that descend the Wasserstein distance with the reduced network, and then at
most so many that descend the recipe's loss with the whole one. For 500 steps, of 100 to 220 first ones 150 to 200 took
the least time: after 100 of them two to four times as many of the others are needed as after 175."""
DESCENDED = STYLE[:-1]
"""The style's layers without conv5_1, a quarter of a step's work, which is a fiftieth of the loss at the end."""
JUDGED, JUDGED_AT_LAST = 20, 4
"""Steps between two judgements, while the network is reduced and when it is whole."""
CHECKED, CHECKED_QUICKLY = 6, 4
"""Steps of the recipe that are taken again, to measure its time."""
FILTERS = {"conv1_1": 64, "conv2_1": 128, "conv3_1": 256, "conv4_1": 512, "conv5_1": 512}


def entry(content: Tensor, style: Tensor, target: int = TARGETS[0]) -> tuple[tuple[Scale, ...], Settings]:
    """The schedule and the settings with which the engine enters: the recipe's loss, and the steps for a target.

    A coarser scale before would save fewer steps than it takes.
    """
    size = (content.shape[2], content.shape[3])
    steps = sum(STEPS[target])
    return (Scale(*size, steps),), Settings(
        relative=False,
        smoothness=0,
        wasserstein_first=STEPS[target][0] / steps,
        exact=STEPS[target][1] / steps,
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

    def __init__(self, recipe: Recipe, steps: int) -> None:
        self._steps = recipe.run(steps)
        self.losses: list[float] = []
        self._times: list[Stopwatch] = []

    def step(self) -> None:
        """Take a step, if one is left."""
        watch = Stopwatch()
        with watch:
            step = next(self._steps, None)
        if step is not None:
            self.losses.append(step.loss)
            self._times.append(watch)

    @property
    def seconds(self) -> tuple[float, float]:
        """Seconds of a step, by the clock and of the processors; the first one, which warms up, does not count."""
        counted = self._times[1:]
        return median(watch.wall for watch in counted), median(watch.cpu for watch in counted)


class Entrant:
    """A pair, with the recipe's curve and its steps that are taken again."""

    def __init__(self, pair: Pair, checked: int) -> None:
        """Raises Stale if the curve was made from other pictures."""
        self.content, self.style = load(pair.content), load(pair.style)
        self.curve = curves.read(pair.name)
        self.curve.check_source(self.content, self.style)
        self.recipe = Recipe(self.content, self.style)
        self.opponent = Opponent(self.recipe, checked)
        self.opponent.step()
        self.opponent.step()


def measure(conditions: Conditions) -> Iterator[Result]:
    """Race over each pair to the nearer target, then to the farther one; in a hurry over one pair to the nearer."""
    network = VGG19(load_weights("original"), dtype=engine_precision())
    targets = TARGETS[:1] if conditions.quick else TARGETS
    checked = CHECKED_QUICKLY if conditions.quick else CHECKED
    raced = conditions.pairs[:1] if conditions.quick else conditions.pairs
    result: Result = {"targets": list(targets), "give_up": GIVE_UP, "pairs": {}}
    _warm_up(network)
    entrants: dict[str, Entrant] = {}
    for target in targets:
        for pair in raced:
            found = result["pairs"].setdefault(pair.name, {"targets": {}})
            if "failed" in found or conditions.left <= 0:
                continue
            try:
                entrant = entrants.get(pair.name) or Entrant(pair, checked)
                entrants[pair.name] = entrant
                picture = _race(pair.name, entrant, network, target, conditions, found)
                write_picture(picture, conditions.picture(pair.name, "equal"))
            except Stale as stale:
                result["pairs"][pair.name] = {"failed": str(stale)}
            yield result


def _warm_up(network: VGG19) -> None:
    """Make what is made once in a process, as a warm worker has: the recipe's first step does not count either."""
    tiny = torch.rand(1, 3, 64, 64)
    for _ in stylise(network, tiny, [(tiny, 1.0)], [Scale(64, 64, 1)], Settings(reduced=False)):
        pass


def _race(name: str, entrant: Entrant, network: VGG19, target: int, conditions: Conditions, found: Result) -> Tensor:
    """Add a race to a target to what was found of a pair; the last picture."""
    curve, opponent = entrant.curve, entrant.opponent
    say(f"  {name}, as good as {target} steps of the recipe: loss {curve.losses[target]:.4g}")
    points, steps, picture = _run(network, entrant, target, conditions)
    if (error := curve.error(opponent.losses[0])) > curves.TOLERANCE:
        raise Stale(f"The loss that the recipe starts from differs from the stored one by {error:.1%}.")
    found["targets"][str(target)] = _outcome(curve, opponent, points, target)
    last = _last(curve, points[-1])
    found |= {"steps": steps, "last": last, "curve_error": error, "recipe_seconds_per_step": opponent.seconds[0]}
    return picture


def _run(network: VGG19, entrant: Entrant, target: int, conditions: Conditions) -> tuple[list[Point], int, Tensor]:
    """How the loss fell in a race to a target, the steps, and the last picture."""
    content, style, opponent = entrant.content, entrant.style, entrant.opponent
    schedule, settings = entry(content, style, target)
    points: list[Point] = []
    watch = Stopwatch()
    iterates = stylise(network, content, [(style, 1.0)], schedule, settings, PLAN)
    while True:
        with watch:
            iterate = next(iterates)
        step = iterate.step
        if step % (JUDGED_AT_LAST if step > STEPS[target][0] else JUDGED):
            continue
        points.append(Point(watch.wall, watch.cpu, entrant.recipe.judge(iterate.picture())))
        opponent.step()
        say(f"    {watch.wall:.0f} s: {points[-1].loss:.4g}")
        late = watch.wall > target * opponent.seconds[0] / GIVE_UP or conditions.left <= 0
        over = points[-1].loss <= entrant.curve.losses[target] or iterate.steps - iterate.step < JUDGED_AT_LAST
        if late or over:
            return points, step, iterate.picture()


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
        "points": [[round(point.wall, 2), round(point.loss)] for point in points],
    }


def _last(curve: Curve, last: Point) -> Result:
    return {"seconds": last.wall, "loss": last.loss, "recipe_step": curve.step_at(last.loss)}
