"""L-BFGS for pictures: preconditioned, careful with its steps, and able to recover."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

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
BOLDNESS = 2.0
"""Times the usual scale of the first guess of the inverse Hessian, which the last pair alone sets too cautiously: the
pairs themselves hold back the stiff directions. A tenth fewer steps on the recipe's loss; 4 gained nothing more."""
HISTORY = 16
STORED = torch.bfloat16
"""Precision of steps and remembered pairs: half the memory, and steps and inner products use what is stored."""
PART = 1 << 20
"""Values that are brought to fp32 at a time."""


class Diverged(ArithmeticError):
    """No step leads to a finite and acceptable loss."""


@dataclass
class _Pair:
    s: Tensor
    y: Tensor
    rho: float


class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.5) around an `evaluate(x) -> (loss, gradient)`.

    Each `step` costs one evaluation, unless a step fails and is tried again at a quarter of its length. During an
    evaluation it holds the picture, the last gradient, the step in half precision and the pairs, and nothing else.
    """

    def __init__(
        self, x: Tensor, evaluate: Evaluate, precondition: Callable[[Tensor], Tensor], history: int = HISTORY
    ) -> None:
        """Take the first picture (1, channels, height, width), contiguous: the steps change it in place.

        `precondition` may change what it is given, and must treat each channel by itself.
        """
        self.x = x
        self._precondition = precondition
        self._pairs: deque[_Pair] = deque(maxlen=history)
        self.renew(evaluate)

    def renew(self, evaluate: Evaluate) -> None:
        """Go on with another `evaluate`, or one that has changed, if it differs little; the curvature is kept."""
        self._evaluate = evaluate
        self.loss, self._gradient = self._evaluate(self.x)
        if not _finite(self.loss, self._gradient):
            raise Diverged("the first loss is not a number")
        self._recent = deque([self.loss], maxlen=MEMORY)

    def step(self, judge: Judge | None = None) -> float:
        """Move to a better picture and return its loss; `Diverged` if none is found.

        With `judge` it is the last step: that tells the loss alone, since nobody goes on from the gradient.
        """
        if not self._try_steps(judge):
            # Curvature that misleads is worse than none: begin again along the gradient.
            self._pairs.clear()
            if not self._try_steps(judge):
                raise Diverged("no step lowers the loss")
        return self.loss

    def _try_steps(self, judge: Judge | None) -> bool:
        step = self._limited(self._direction())
        if not _finite(0, step):
            return False
        for _ in range(TRIES):
            _add(self.x, step, 1)
            loss, gradient = (judge(self.x), None) if judge else self._evaluate(self.x)
            if _finite(loss, gradient) and loss <= RISE * max(self._recent):
                self.loss = loss
                if gradient is not None:
                    self._remember(step, self._gradient.neg_().add_(gradient))
                    self._gradient = gradient
                    self._recent.append(loss)
                return True
            del gradient  # the next try makes another
            _add(self.x, step, -1)
            step /= 4
        return False

    def _limited(self, direction: Tensor) -> Tensor:
        change = float(torch.linalg.vector_norm(direction)) / math.sqrt(direction.numel())
        most = LARGEST_CHANGE if self._pairs else FIRST_CHANGE
        wanted = min(change, most) if self._pairs else most
        return direction.mul_(wanted / change if change > 0 else 1).to(STORED)

    def _direction(self) -> Tensor:
        q = -self._gradient
        alphas = []
        for pair in reversed(self._pairs):
            alpha = pair.rho * _dot(pair.s, q)
            _add(q, pair.y, -alpha)
            alphas.append(alpha)
        q = self._precondition(q)
        if self._pairs:
            last = self._pairs[-1]
            q *= BOLDNESS / (last.rho * self._squared_norm(last.y))
        for pair, alpha in zip(self._pairs, reversed(alphas), strict=True):
            _add(q, pair.s, alpha - pair.rho * _dot(pair.y, q))
        return q

    def _squared_norm(self, y: Tensor) -> float:
        """yᵀPy, channel by channel where y is large."""
        together = max(1, y.shape[1] * PART // y.numel())
        parts = torch.split(y, together, dim=1)
        return sum((_dot(channels, self._precondition(channels.float())) for channels in parts), 0.0)

    def _remember(self, s: Tensor, y: Tensor) -> None:
        y = y.to(STORED)
        curvature = _dot(s, y)
        # Pairs without positive curvature would make the inverse Hessian indefinite.
        if curvature > 1e-10 * _dot(y, y) ** 0.5 * _dot(s, s) ** 0.5:
            self._pairs.append(_Pair(s, y, 1 / curvature))


def _add(x: Tensor, change: Tensor, factor: float) -> None:
    """x += factor · change, without a copy of the change in the precision of x."""
    for part, addend in zip(_parts(x), _parts(change), strict=True):
        part.add_(addend, alpha=factor)


def _dot(a: Tensor, b: Tensor) -> float:
    return float(sum(torch.dot(x.float(), y.float()) for x, y in zip(_parts(a), _parts(b), strict=True)))


def _parts(x: Tensor) -> Sequence[Tensor]:
    return torch.split(x.view(-1), PART)


def _finite(loss: float, values: Tensor | None) -> bool:
    # A sum is finite if all its terms are, and takes no memory.
    return math.isfinite(loss) and (values is None or math.isfinite(float(values.sum())))
