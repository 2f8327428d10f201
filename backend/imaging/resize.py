"""Resampling of tensors (1, channels, height, width)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from backend.imaging.sizes import Size


def resize(picture: Tensor, size: Size) -> Tensor:
    """The picture at another size, bicubic, with an antialiasing filter where it shrinks."""
    if tuple(picture.shape[2:]) == size:
        return picture
    return F.interpolate(picture, size=size, mode="bicubic", antialias=True, align_corners=False)
