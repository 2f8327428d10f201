"""L-BFGS for pictures: preconditioned, careful with its steps, and able to recover."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from backend.engine.pairs import STORED, Pairs

Evaluate = Callable[[Tensor], tuple[float, Tensor]]
Judge = Callable[[Tensor], float]

FIRST_CHANGE = 0.02
"""Root mean square change of the picture (values 0..1) in the first step, before any curvature is known."""
LARGEST_CHANGE = 0.08
"""Root mean square change that no step may pass."""
RISE = 1.1
"""How far above the worst of the recent losses a step may land (non-monotone: few steps need a second try)."""
MEMORY = 5
TRIES = 6
SHORTER = 0.25
"""The length of a try, as a share of the failed one's."""
BOLDNESS = 2.0
"""Times the usual scale of the first guess of the inverse Hessian, which the last pair alone sets too cautiously: the
pairs themselves hold back the stiff directions. A tenth fewer steps on the recipe's loss; 4 gained nothing more."""
HISTORY = 16


class Diverged(ArithmeticError):
    """No step leads to a finite and acceptable loss."""


class Coordinates(Protocol):
    """A change of variables x = A z, such that the optimisation in z is easier; both ways work in place."""

    def change_of_picture(self, z: Tensor) -> Tensor:
        """A z, for a change z of the coordinates."""

    def gradient(self, gradient: Tensor) -> Tensor:
        """Aᵀ g, the gradient with respect to the coordinates."""


class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.5) around an `evaluate(x) -> (loss, gradient)`.

    Each `step` costs one evaluation, unless a step fails and is tried again at a quarter of its length. During an
    evaluation it holds the picture, the last gradient, the step in half precision and the pairs, and nothing else.
    """

    def __init__(self, x: Tensor, evaluate: Evaluate, coordinates: Coordinates, history: int = HISTORY) -> None:
        """Take the first picture (1, channels, height, width), contiguous: the steps change it in place."""
        self.x = x
        self._coordinates = coordinates
        self._pairs = Pairs(history, x.numel(), x.device)
        self.renew(evaluate)

    def renew(self, evaluate: Evaluate, *, alike: bool = True) -> None:
        """Go on with another `evaluate`, or one that has changed; if it is `alike` the curvature is kept."""
        self._evaluate = evaluate
        if not alike:
            self._pairs.clear()
        self.loss, gradient = self._evaluate(self.x)
        if not _finite(self.loss, gradient):
            raise Diverged("the first loss is not a number")
        self._gradient = self._in_coordinates(gradient)
        self._pairs.look(self._gradient)
        self._recent = deque([self.loss], maxlen=MEMORY)

    def step(self, judge: Judge | None = None) -> float:
        """Move to a better picture and return its loss; `Diverged` if none is found.

        With `judge`, before a `renew` or the end, that tells the loss alone, since nobody goes on from the gradient.
        """
        if not self._try_steps(judge):
            # Curvature that misleads is worse than none: begin again along the gradient.
            self._pairs.clear()
            if not self._try_steps(judge):
                raise Diverged("no step lowers the loss")
        return self.loss

    def _try_steps(self, judge: Judge | None) -> bool:
        step = self._pairs.direction(self._gradient, BOLDNESS).to(STORED)
        change = self._change(step)
        length = float(torch.linalg.vector_norm(change)) / math.sqrt(change.numel())
        if not math.isfinite(length):
            return False
        if (factor := self._limit(length)) != 1:
            change = self._change(step.mul_(factor))
        self.x += change
        del change  # as large as the picture, and soon made again if it is needed
        for _ in range(TRIES):
            loss, gradient = (judge(self.x), None) if judge else self._evaluate(self.x)
            if _finite(loss, gradient) and loss <= RISE * max(self._recent):
                self.loss = loss
                if gradient is not None:
                    self._go_on_from(self._in_coordinates(gradient), step)
                return True
            del gradient  # the next try makes another
            self.x.sub_(self._change(step), alpha=1 - SHORTER)
            step *= SHORTER
        self.x -= self._change(step)
        return False

    def _limit(self, length: float) -> float:
        """The factor that makes the first step of its length, and the others no longer than they may be."""
        wanted = min(length, LARGEST_CHANGE) if len(self._pairs) else FIRST_CHANGE
        return wanted / length if length > 0 else 1.0

    def _change(self, step: Tensor) -> Tensor:
        return self._coordinates.change_of_picture(step.view_as(self.x).float())

    def _in_coordinates(self, gradient: Tensor) -> Tensor:
        return self._coordinates.gradient(gradient).view(-1)

    def _go_on_from(self, gradient: Tensor, step: Tensor) -> None:
        self._pairs.add(step, self._gradient.neg_().add_(gradient), gradient)
        self._gradient = gradient
        self._recent.append(self.loss)


def _finite(loss: float, values: Tensor | None) -> bool:
    # A sum is finite if all its terms are, and takes no memory.
    return math.isfinite(loss) and (values is None or math.isfinite(float(values.sum())))
