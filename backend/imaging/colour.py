"""The sRGB transfer curve (IEC 61966-2-1) and luminance, on tensors whose values may leave 0..1."""

from __future__ import annotations

import torch
from torch import Tensor

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Shares of red, green and blue in the luminance Y of linear sRGB (ITU-R BT.709)."""


def to_linear(encoded: Tensor) -> Tensor:
    """Light intensities from sRGB-encoded values, odd around zero."""
    size = encoded.abs()
    return torch.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4) * encoded.sign()


def to_encoded(linear: Tensor) -> Tensor:
    """sRGB-encoded values from light intensities, odd around zero."""
    size = linear.abs()
    return torch.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055) * linear.sign()


def luma(encoded: Tensor) -> Tensor:
    """The weighted mean (1, 1, H, W) of sRGB-encoded colours (1, 3, H, W): lightness enough to compare pictures by."""
    return (encoded * torch.tensor(LUMINANCE, device=encoded.device).view(1, 3, 1, 1)).sum(1, keepdim=True)


def to_grey(encoded: Tensor) -> Tensor:
    """The sRGB-encoded luminance (1, 1, H, W) of sRGB-encoded colours (1, 3, H, W)."""
    shares = torch.tensor(LUMINANCE, device=encoded.device).view(1, 3, 1, 1)
    return to_encoded((to_linear(encoded) * shares).sum(1, keepdim=True))
