"""The recipe's loss after each step, stored once for each pair, because a run takes a third of an hour."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks import recipe
from benchmarks.pictures import LONG_SIDE, Pair, load, pixel_hash, write_picture

FOLDER = Path(__file__).parent / "curves"
STEPS = 500
TOLERANCE = 1e-2
"""By how much the loss of the start may differ, relative to it, from the stored one."""
SETTINGS: dict[str, Any] = {
    "long_side": LONG_SIDE,
    "precision": "float32",
    "pooling": "average",
    "weights": "original",
    "content": recipe.CONTENT,
    "style": list(recipe.STYLE),
    "content_weight": recipe.CONTENT_WEIGHT,
    "style_weight": recipe.STYLE_WEIGHT,
}


class Stale(Exception):
    """A stored curve does not belong to the pictures or the recipe at hand; the message says why."""


@dataclass(frozen=True)
class Curve:
    """The losses of steps 0, 1, … of a pair's recipe, and what they were computed from."""

    content: str
    style: str
    settings: dict[str, Any]
    losses: tuple[float, ...]

    def check_source(self, content: Tensor, style: Tensor) -> None:
        """Raise Stale unless the curve was made from these pictures with today's settings."""
        if (self.content, self.style) != (pixel_hash(content), pixel_hash(style)):
            raise Stale("The stored curve was made from other pictures.")
        if self.settings != SETTINGS:
            raise Stale("The stored curve was made with other settings of the recipe.")

    def error(self, start: float) -> float:
        """The relative difference of the loss of the start from the stored one.

        The losses of the steps are not compared. The recipe's first step is so short that L-BFGS has its first
        curvature from the rounding of fp32, and there processors part: on one with AVX2 alone the pair demo differed
        by a factor of 2 after 4 steps, and by 5 % after 50 to 80 and 3 % after 90.
        """
        return abs(start / self.losses[0] - 1)

    def step_at(self, loss: float) -> float:
        """After how many steps the recipe is as good as a loss, between steps in proportion; at most the last."""
        for step, (before, after) in enumerate(zip(self.losses, self.losses[1:], strict=False)):
            if after <= loss < before:
                return step + (before - loss) / (before - after)
        return 0.0 if loss >= self.losses[0] else float(len(self.losses) - 1)


def path_of(name: str) -> Path:
    """Where the curve of a pair is stored."""
    return FOLDER / f"{name}.json"


def read(name: str) -> Curve:
    """The stored curve of a pair; Stale if there is none."""
    try:
        values = json.loads(path_of(name).read_text("utf-8"))
    except FileNotFoundError:
        raise Stale("There is no stored curve; `python -m benchmarks --full` makes it.") from None
    losses = [loss for _, loss in values["losses"]]
    return Curve(values["content"], values["style"], values["settings"], tuple(losses))


def write(name: str, curve: Curve) -> None:
    """Store the curve of a pair."""
    FOLDER.mkdir(exist_ok=True)
    header = {"content": curve.content, "style": curve.style, "settings": curve.settings}
    losses = ", ".join(f"[{step}, {loss:.7g}]" for step, loss in enumerate(curve.losses))
    text = json.dumps(header, indent=1)[:-2] + f',\n "losses": [{losses}]\n}}\n'
    path_of(name).write_text(text, "utf-8")


def make(pair: Pair, picture: Path) -> Curve:
    """Run the recipe of a pair to the end, store its curve, and write its last picture; takes a third of an hour."""
    content, style = load(pair.content), load(pair.style)
    losses = []
    for step in recipe.Recipe(content, style).run(STEPS + 1):
        losses.append(step.loss)
        if step.number % 50 == 0:
            print(f"{pair.name}: the recipe's loss after {step.number} steps is {step.loss:.4g}", flush=True)
    write_picture(step.picture, picture)
    curve = Curve(pixel_hash(content), pixel_hash(style), SETTINGS, tuple(losses))
    write(pair.name, curve)
    return curve
