"""Resampling of tensors (1, channels, height, width)."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

Size = tuple[int, int]
"""Height and width in pixels."""


def resize(picture: Tensor, size: Size) -> Tensor:
    """The picture at another size, bicubic, with an antialiasing filter where it shrinks."""
    if tuple(picture.shape[2:]) == size:
        return picture
    return F.interpolate(picture, size=size, mode="bicubic", antialias=True, align_corners=False)


def scaled(size: Size, factor: float, least: int = 1) -> Size:
    """A size times a factor, rounded, with no side under `least`."""
    return max(least, round(size[0] * factor)), max(least, round(size[1] * factor))


def factor_for_area(size: Size, pixels: float) -> float:
    """The factor that brings a size to an area of so many pixels."""
    return math.sqrt(pixels / (size[0] * size[1]))
