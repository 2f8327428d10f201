"""Adam with the interface of our L-BFGS, for those who prefer its look (Kingma and Ba 2015)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from backend.engine.lbfgs import Diverged, Evaluate, Judge

LEARNING_RATE = 0.02
RESTARTS = 3


class Adam:
    """Adam on pixels 0..1, restarted from the best picture at half the rate when the loss is not finite."""

    def __init__(self, x: Tensor, evaluate: Evaluate) -> None:
        """Take the first picture, which the steps change in place."""
        self.x = x
        self.loss, _ = evaluate(x)
        if not math.isfinite(self.loss):
            raise Diverged("the first loss is not a number")
        self._evaluate = evaluate
        self._restarts = 0
        self._best = (self.loss, x.clone())
        self._start(LEARNING_RATE)

    def renew(self, evaluate: Evaluate, *, alike: bool = True) -> None:
        """Go on with another `evaluate`, or one that has changed; which picture was the best is forgotten."""
        self._evaluate = evaluate
        self.loss, _ = self._evaluate(self.x)
        self._best = (self.loss, self._best[1].copy_(self.x))

    def _start(self, rate: float) -> None:
        self._rate = rate
        self._optimiser = torch.optim.Adam([self.x], lr=rate, betas=(0.9, 0.99), foreach=False)

    def step(self, judge: Judge | None = None) -> float:
        """Move to another picture and return the loss at the one before; `Diverged` after too many restarts."""
        loss, gradient = self._evaluate(self.x)
        if not math.isfinite(loss) or not bool(torch.isfinite(gradient).all()):
            self._restart()
            return self.loss
        if loss < self._best[0]:
            self._best = (loss, self._best[1].copy_(self.x))
        self.x.grad = gradient
        self._optimiser.step()
        self._optimiser.zero_grad()
        self.x.clamp_(0, 1)
        self.loss = loss
        return loss

    def _restart(self) -> None:
        self._restarts += 1
        if self._restarts > RESTARTS:
            raise Diverged("the loss is not a number")
        self.x.copy_(self._best[1])
        self._start(self._rate / 2)
