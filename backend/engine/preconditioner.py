"""A preconditioner that knows how pictures are: strong in low frequencies, weak in high ones."""

from __future__ import annotations

import torch
from torch import Tensor

from backend.engine.cosine import cosine_transform

LINES = 256
"""Rows or columns that are transformed at a time, so that no second picture is needed."""


class CosinePreconditioner:
    """P = |f|^-½ over the spatial frequencies f of the discrete cosine transform.

    P½ is the change of variables from pixels to Fourier coefficients weighted by |f|^-¼ (after Olah, Mordvintsev
    and Schubert, "Feature Visualization", 2017); giving P to L-BFGS as its initial inverse Hessian is the same
    optimisation without leaving pixel space. Of the exponents 0, ½, 0.7, 1 and 1½ this one lowered the loss
    fastest, early and late. The cosine transform takes the picture as mirrored at its borders, where Fourier's
    takes it as periodic and lets the colours of one edge bleed into the opposite one.
    """

    def __init__(self, height: int, width: int, device: torch.device) -> None:
        self._rows = cosine_transform(width, device)
        self._columns = cosine_transform(height, device)
        # Number k of the transform has k half waves over its length: k / (2 n) cycles a pixel.
        self._down = (torch.arange(height, device=device) / (2 * height)).square()
        self._across = (torch.arange(width, device=device) / (2 * width)).square()
        self._least = 1 / (2 * max(height, width)) ** 2

    def __call__(self, picture: Tensor) -> Tensor:
        """P applied in place to (1, channels, height, width), which is returned."""
        for rows in torch.split(picture, LINES, dim=2):
            rows.copy_(self._rows.forward(rows))
        for columns, across in zip(
            torch.split(picture.mT, LINES, dim=2), torch.split(self._across, LINES), strict=True
        ):
            spectrum = self._columns.forward(columns).mul_(self._gain(across))
            columns.copy_(self._columns.inverse(spectrum))
        for rows in torch.split(picture, LINES, dim=2):
            rows.copy_(self._rows.inverse(rows))
        return picture

    def _gain(self, across: Tensor) -> Tensor:
        """|f|^-½ for some columns (n, height) of the spectrum, of which the square frequencies across are given."""
        return (across[:, None] + self._down).clamp_(min=self._least).rsqrt_().sqrt_()
