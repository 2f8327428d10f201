"""L-BFGS for pictures: preconditioned, careful with its steps, and able to recover."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Evaluate = Callable[[Tensor], tuple[float, Tensor]]

FIRST_CHANGE = 0.01
"""Root mean square change of the picture (values 0..1) in the first step, before any curvature is known."""
LARGEST_CHANGE = 0.08
"""Root mean square change that no step may pass."""
RISE = 1.1
"""How far above the worst of the recent losses a step may land (non-monotone: few steps need a second try)."""
MEMORY = 5
TRIES = 6
HISTORY = 20
STORED = torch.bfloat16
"""Precision of the remembered pairs: half the memory of everything, and the inner products use what is stored."""


class Diverged(ArithmeticError):
    """No step leads to a finite and acceptable loss."""


@dataclass
class _Pair:
    s: Tensor
    y: Tensor
    rho: float


class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.5) around an `evaluate(x) -> (loss, gradient)`.

    Each `step` costs one evaluation, unless a step fails and is tried again at a quarter of its length.
    """

    def __init__(
        self, x: Tensor, evaluate: Evaluate, precondition: Callable[[Tensor], Tensor], history: int = HISTORY
    ) -> None:
        self.x = x
        self._evaluate = evaluate
        self._precondition = precondition
        self._pairs: deque[_Pair] = deque(maxlen=history)
        self.loss, self._gradient = evaluate(x)
        if not _finite(self.loss, self._gradient):
            raise Diverged("the first loss is not a number")
        self._recent = deque([self.loss], maxlen=MEMORY)

    def step(self) -> float:
        """Move to a better picture and return its loss; `Diverged` if none is found."""
        if not self._try_steps():
            # Curvature that misleads is worse than none: begin again along the gradient.
            self._pairs.clear()
            if not self._try_steps():
                raise Diverged("no step lowers the loss")
        return self.loss

    def _try_steps(self) -> bool:
        direction = self._limited(self._direction())
        for _ in range(TRIES):
            x = self.x + direction
            loss, gradient = self._evaluate(x)
            if _finite(loss, gradient) and loss <= RISE * max(self._recent):
                self._remember(direction, gradient - self._gradient)
                self.x, self.loss, self._gradient = x, loss, gradient
                self._recent.append(loss)
                return True
            direction = direction / 4
        return False

    def _limited(self, direction: Tensor) -> Tensor:
        change = float(direction.square().mean().sqrt())
        most = LARGEST_CHANGE if self._pairs else FIRST_CHANGE
        wanted = min(change, most) if self._pairs else most
        return direction * (wanted / change) if change > 0 else direction

    def _direction(self) -> Tensor:
        q = -self._gradient
        alphas = []
        for pair in reversed(self._pairs):
            alpha = pair.rho * _dot(pair.s, q)
            q.sub_(pair.y, alpha=alpha)
            alphas.append(alpha)
        q = self._precondition(q)
        if self._pairs:
            last = self._pairs[-1]
            q *= 1 / (last.rho * _dot(last.y, self._precondition(last.y.float())))
        for pair, alpha in zip(self._pairs, reversed(alphas), strict=True):
            q.add_(pair.s, alpha=alpha - pair.rho * _dot(pair.y, q))
        return q

    def _remember(self, s: Tensor, y: Tensor) -> None:
        s, y = s.to(STORED), y.to(STORED)
        curvature = _dot(s, y)
        # Pairs without positive curvature would make the inverse Hessian indefinite.
        if curvature > 1e-10 * _dot(y, y) ** 0.5 * _dot(s, s) ** 0.5:
            self._pairs.append(_Pair(s, y, 1 / curvature))


def _dot(a: Tensor, b: Tensor) -> float:
    return float(torch.dot(a.float().flatten(), b.float().flatten()))


def _finite(loss: float, gradient: Tensor) -> bool:
    return bool(torch.isfinite(torch.tensor(loss))) and bool(torch.isfinite(gradient).all())
