"""A style loss that is easier to descend than the paper's, and leads to where the paper's does.

The paper's loss is stiff: the change of a Gram matrix with the activations is as large as the activations are, so in
VGG-19's few directions of large variance it bends thousands of times more than in the others, where a descent creeps.
This one bends alike in all of them. Both are least at the same Gram matrices, but not beside a content: that wins more
from this loss in the large directions and less in the small ones. So its target is moved now and then, until its slope
where the descent has come to is that of the paper's loss, as the method of multipliers moves the targets of a penalty
(Hestenes, "Multiplier and gradient methods", 1969; Nocedal and Wright 2006, section 17.3).
"""

from __future__ import annotations

import torch
from torch import Tensor

from backend.engine.terms import GramTerm, StyleTerm

RIDGE = 3e-3
"""Added to the variance in all directions, times the style's largest: what is below is left alone, as the paper's loss
hardly sees it. With less the content gives way to directions that do not count, with more too little is done. Of 3·10⁻⁴
to 3·10⁻² this led the recipe's loss furthest after 150 steps of an unmoved target (starry_night at 512 px)."""
LEAST_VARIANCE = 3e-6
"""Of the style's largest. Axes of less are left out: half of them, where a reduced network answers along no more. They
hold nothing that the ridge would not hide, and eigenvectors cost the cube of their number."""
AIMED = 20
"""Steps between two moves of the target, which take about as long as one and a half. 10 and 15 led about as far in as
many steps, and 30 less far (demo and starry_night at 512 px)."""


class WassersteinTerm(GramTerm):
    """The squared 2-Wasserstein distance of normal distributions whose covariances are the Gram matrices G and A.

    W = tr(G + A − 2 (A^½ G A^½)^½) per position (Bures' metric; Olkin and Pukelsheim, "The distance between two random
    vectors with given dispersion matrices", 1982), over tr A. It is the mean squared way of activations to ones with
    the style's Gram matrix, so in each direction its gradient is as long as the way, where that of ‖G − A‖² has the
    variance as a factor. ∂W/∂G = 1 − A^½ (A^½ G A^½)^-½ A^½. All along the principal axes of A, where it is diagonal.
    """

    def __init__(self, layer: str, target: Tensor, positions: int) -> None:
        """Take A per position (N, N), and the number of positions M of the whole layer."""
        super().__init__(layer, target, positions)
        variances, axes = torch.linalg.eigh(target.double())
        kept = variances >= LEAST_VARIANCE * variances[-1]
        self._axes = axes[:, kept].float()
        self._ridge = max(RIDGE * float(variances[-1]), torch.finfo(torch.float32).tiny ** 0.5)
        self._variances = variances[kept].clamp_(min=0) + self._ridge
        self._energy = float(self._variances.sum())
        self._solution: tuple[Tensor, Tensor] | None = None

    def reset(self) -> None:
        """Forget what was seen."""
        super().reset()
        self._solution = None

    def value(self) -> Tensor:
        """The loss of all that was seen."""
        return self._solved()[0]

    def derivative(self) -> Tensor:
        """∂W/∂G (N, N) over tr A, after all parts were seen."""
        return self._solved()[1]

    def aim(self, loss: StyleTerm, weight: float) -> None:
        """Move the target so that W descends to where `weight` times `loss` does; both have seen all parts.

        Where W bends more than the loss, its derivative at the G that was seen becomes the loss's. Where the loss bends
        more, its derivative falls as G moves, and the target moves as far as G has to until that is W's present one.
        """
        lack = self._along_axes(weight * loss.derivative() - self.derivative())
        # Of Bures' metric at the target, whose axes these are.
        curvature = 1 / (self._energy * (self._variances[:, None] + self._variances))
        target = torch.diag(self._variances) - lack / curvature.clamp(min=weight * loss.curvature)
        variances, turn = torch.linalg.eigh(target)
        self._variances = variances.clamp(min=self._ridge)
        self._axes = (self._axes.double() @ turn).float()
        self._solution = None

    def _along_axes(self, matrix: Tensor) -> Tensor:
        found: Tensor = self._axes.mT @ matrix @ self._axes
        return found.double()

    def _solved(self) -> tuple[Tensor, Tensor]:
        """W and ∂W/∂G, of which the tiles need the same one after another."""
        if self._solution is None:
            gram = self._along_axes(self._gram / self._positions)
            gram.diagonal().add_(self._ridge)
            spreads = self._variances.sqrt()
            squares, directions = torch.linalg.eigh(spreads[:, None] * gram * spreads)
            # Neither matrix has a variance below the ridge, but for rounding.
            roots = squares.clamp_(min=self._ridge**2).sqrt_()
            distance = gram.trace() + self._variances.sum() - 2 * roots.sum()
            half = spreads[:, None] * directions * roots.rsqrt()
            slope = (half @ half.mT).neg_()
            slope.diagonal().add_(1)
            slope = self._axes @ (slope / self._energy).float() @ self._axes.mT
            self._solution = (distance / self._energy).float(), slope
        return self._solution
