"""Transparency: colours under holes are filled from around them, so that no hidden colour leaks into a result."""

from __future__ import annotations

import torch
from torch import Tensor

from backend.imaging.resize import resize
from backend.imaging.sizes import scaled


def fill_transparent(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Colours (1, C, H, W) blended with their visible surroundings where alpha (1, 1, H, W) in 0..1 is low.

    Visible pixels keep their colour; nothing visible at all gives mid grey. The method is pull-push (Gortler et
    al., "The Lumigraph", 1996): average the visible colours over ever larger areas, then fill from the smallest
    area that has any.
    """
    if bool((alpha >= 1).all()):
        return rgb
    # A pixel that shows at all has a colour of its own; only its share in the averages depends on its alpha.
    return torch.where(alpha > 0, rgb, _surroundings(rgb * alpha, alpha))


def _surroundings(weighted: Tensor, weight: Tensor) -> Tensor:
    """Colours for every pixel from `weighted`, which is used up: at a large layer's size there is no room for more."""
    size = (weighted.shape[2], weighted.shape[3])
    if max(size) == 1:
        return torch.where(weight > 0, weighted / weight.clamp(min=1e-6), torch.full_like(weighted, 0.5))
    half = scaled(size, 0.5, least=1)
    coarse = _surroundings(_shrunk(weighted, half), _shrunk(weight, half))
    here = weighted.div_(weight.clamp(min=1e-6))
    return resize(coarse, size).lerp_(here, weight.clamp(0, 1))


def _shrunk(picture: Tensor, size: tuple[int, int]) -> Tensor:
    return torch.nn.functional.adaptive_avg_pool2d(picture, size)
