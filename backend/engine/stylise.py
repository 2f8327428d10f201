"""The optimisation as a generator of iterates, from the coarsest scale to the finest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from backend.engine.adam import Adam
from backend.engine.lbfgs import HISTORY, LBFGS, Evaluate, Judge
from backend.engine.memory import Plan
from backend.engine.objective import WHOLE, Objective, style_grams
from backend.engine.preconditioner import CosinePreconditioner
from backend.engine.reduction import pays, reduced
from backend.engine.schedule import LEAST_SIDE, exact_steps, wasserstein_steps, work
from backend.engine.settings import Scale, Settings
from backend.engine.vgg import VGG19
from backend.engine.wasserstein import AIMED
from backend.imaging.colour import luma
from backend.imaging.resize import resize
from backend.imaging.sizes import factor_for_area, scaled
from backend.imaging.upsample import enlarge

Styles = Sequence[tuple[Tensor, float]]
"""Style pictures (1, 3, H, W) in 0..1 with their weights."""
UNBOUNDED = Plan(WHOLE, HISTORY, 0)
"""The plan for which memory is no matter."""


@dataclass(frozen=True)
class Iterate:
    """Where the optimisation stands after a step.

    `scale` and `step` count from 1, `step` over all scales; `fraction` is the share of the work done, 0..1;
    `losses` has content, style and total; `picture()` gives the picture (1, 3, h, w) at this scale.
    """

    scale: int
    scales: int
    step: int
    steps: int
    fraction: float
    losses: dict[str, float]
    picture: Callable[[], Tensor]


class Pass(NamedTuple):
    """Steps at one scale with one network and the same settings."""

    network: VGG19
    steps: int
    settings: Settings


class Optimiser(Protocol):
    """What LBFGS and Adam have in common."""

    x: Tensor

    def step(self, judge: Judge | None = None) -> float:
        """Take one step and return the loss, for which `judge` is enough if it is the last before `renew`."""

    def renew(self, evaluate: Evaluate, *, alike: bool) -> None:
        """Go on with another objective, which is `alike` or has another curvature."""


def stylise(
    network: VGG19,
    content: Tensor,
    styles: Styles,
    schedule: Sequence[Scale],
    settings: Settings,
    plan: Plan = UNBOUNDED,
) -> Iterator[Iterate]:
    """Paint the content (1, 3, H, W) in the styles, yielding after every step.

    Values are 0..1, sRGB-encoded; they may leave that range slightly. `plan` bounds the memory. Raises
    `lbfgs.Diverged`.
    """
    steps = sum(scale.steps for scale in schedule)
    settings = replace(settings, reduced=settings.reduced and pays(network.device))
    exact = _exact(schedule, settings, plan)
    total = sum(map(work, schedule, exact))
    cheaper = _cheaper(network, content, styles, settings)
    step, done = 0, 0.0
    picture: Tensor | None = None
    for index, scale in enumerate(schedule):
        target = resize(content, (scale.height, scale.width)).to(network.device)
        picture = _start(target, settings) if picture is None else _refine(picture, target)
        here, finest = _at(scale, schedule, settings), index == len(schedule) - 1
        first = wasserstein_steps(settings.wasserstein_first, scale.steps, finest=finest)
        passes = _passes(cheaper, network, here, first, scale.steps - exact[index], scale.steps)
        make = partial(_objective, content=target, styles=styles, scale=scale, plan=plan)
        objectives = _objectives(passes, network, picture, make)
        if finest:
            # Large, and kept by the objectives for as long as they need them.
            del content, target, cheaper, passes, make
        optimiser: Optimiser | None = None
        number = 0
        for objective, count, alike in objectives:
            if optimiser is None:
                optimiser = _optimiser(picture, objective.evaluate, settings, plan)
            else:
                optimiser.renew(objective.evaluate, alike=alike)
            for left in reversed(range(count)):
                optimiser.step(None if left else objective.loss)
                step, number = step + 1, number + 1
                done += work(replace(scale, steps=1), int(number > scale.steps - exact[index]))
                yield Iterate(
                    index + 1,
                    len(schedule),
                    step,
                    steps,
                    done / total,
                    objective.losses,
                    partial(getattr, optimiser, "x"),
                )


def _exact(schedule: Sequence[Scale], settings: Settings, plan: Plan) -> list[int]:
    """How many of the last steps at each scale are taken with the whole network."""
    if not settings.reduced:
        return [scale.steps for scale in schedule]
    return [exact_steps(schedule, index, plan.tile, settings.exact) for index in range(len(schedule))]


def _cheaper(network: VGG19, content: Tensor, styles: Styles, settings: Settings) -> VGG19:
    """The network for the steps that need not be exact."""
    if not settings.reduced:
        return network
    pictures = [content, *(style for style, _ in styles)]
    return reduced(network, pictures, {*settings.content_layers, *settings.style_layers})


def _passes(
    cheaper: VGG19, network: VGG19, settings: Settings, wasserstein: int, reduced: int, steps: int
) -> Iterator[Pass]:
    """The steps at a scale, of which the first so many descend the Wasserstein distance, or have a reduced network.

    Exact steps after reduced ones descend the losses themselves.
    """
    first = min(wasserstein, reduced or steps)
    yield Pass(cheaper if reduced else network, first, replace(settings, wasserstein=True))
    yield Pass(cheaper, max(0, reduced - first), settings)
    yield Pass(network, steps - max(first, reduced), settings)


def _objectives(
    passes: Iterable[Pass], network: VGG19, picture: Tensor, make: Callable[[VGG19, Settings], Objective]
) -> Iterator[tuple[Objective, int, bool]]:
    """The objectives at a scale, for how many steps each, and whether it has the curvature of the one before.

    Wasserstein distances aim at what the losses of the whole `network` say at the `picture`, which the steps change.
    """
    before: Settings | None = None
    left = [some for some in passes if some.steps]
    while left:
        theirs, steps, settings = left.pop(0)
        objective = make(theirs, settings)
        aims = make(network, replace(settings, wasserstein=False)) if settings.wasserstein else None
        if not left:
            del make
        every = AIMED if aims else steps
        for taken in range(0, steps, every):
            if aims and taken:
                objective.aim(aims, picture)
            yield objective, min(every, steps - taken), bool(taken) or settings == before
        before = settings
        objective.drop_record()


def _objective(
    network: VGG19, settings: Settings, *, content: Tensor, styles: Styles, scale: Scale, plan: Plan
) -> Objective:
    grams = _grams(network, styles, scale, settings, plan.tile)
    return Objective(network, content, grams, settings, plan.tile, plan.half_content)


def _at(scale: Scale, schedule: Sequence[Scale], settings: Settings) -> Settings:
    """The settings at one scale."""
    if settings.relative:
        return settings
    # The paper's content loss is a sum over positions, and coarser scales have fewer.
    finest = schedule[-1]
    missing = finest.height * finest.width / (scale.height * scale.width)
    return replace(settings, content_weight=settings.content_weight * missing)


def _optimiser(picture: Tensor, evaluate: Evaluate, settings: Settings, plan: Plan) -> Optimiser:
    if settings.optimiser == "adam":
        return Adam(picture, evaluate)
    height, width = picture.shape[2:]
    return LBFGS(picture, evaluate, CosinePreconditioner(height, width, picture.device), plan.history)


def _start(content: Tensor, settings: Settings) -> Tensor:
    """The first picture of the coarsest scale."""
    if settings.init == "content":
        return content.clone()
    generator = torch.Generator().manual_seed(settings.seed)
    # Noise is drawn on the CPU so that a seed gives the same picture on every device.
    noise = 0.5 + 0.1 * torch.randn(content.shape, generator=generator)
    noise = noise.to(content.device).clamp(0, 1)
    return noise if settings.init == "noise" else (content + noise) / 2


def _refine(picture: Tensor, content: Tensor) -> Tensor:
    """The picture of a coarser scale brought to the content's size, with the content's detail where it was painted."""
    return enlarge(picture, luma(content)).clamp(0, 1)


def _grams(network: VGG19, styles: Styles, scale: Scale, settings: Settings, tile: int) -> dict[str, Tensor]:
    sized = [(_sized(style, scale, settings).to(network.device), weight) for style, weight in styles]
    return style_grams(network, sized, settings, tile)


def _sized(style: Tensor, scale: Scale, settings: Settings) -> Tensor:
    """The style at the scale's area times `style_size` squared; never enlarged, which would teach the blur."""
    size = (style.shape[2], style.shape[3])
    wanted = factor_for_area(size, scale.height * scale.width) * settings.style_size
    return resize(style, scaled(size, max(min(wanted, 1.0), LEAST_SIDE / min(size))))
