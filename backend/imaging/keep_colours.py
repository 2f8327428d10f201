"""Light and dark from a painting, colours from a photograph.

Luminance-only transfer (Gatys, Bethge, Hertzmann and Shechtman, "Preserving Color in Neural Artistic Style Transfer",
2016, section 4; Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017, section 5).
"""

from __future__ import annotations

import torch
from torch import Tensor

from backend.imaging.colour import luma


def matched(style: Tensor, content: Tensor) -> Tensor:
    """The luma (1, 1, H, W) of a style with the mean and the spread of the content's, of any size."""
    spread = content.std() / style.std().clamp(min=1e-6)
    return (style - style.mean()) * spread + content.mean()


def recoloured(brightness: Tensor, colours: Tensor) -> Tensor:
    """The colours (1, 3, H, W) with the luma `brightness` (1, 1, H, W), all in 0..1, sRGB-encoded.

    Hue and chroma stay as they are; where light or dark leaves no room for so much chroma there is less of it, so that
    no channel has to be cut off, which would change the hue and lose the stroke.
    """
    brightness = brightness.clamp(0, 1)
    chroma = colours - luma(colours)
    share = torch.ones_like(brightness)
    for number in range(chroma.shape[1]):
        channel = chroma[:, number : number + 1]
        room = torch.where(channel > 0, 1 - brightness, brightness)
        share = torch.minimum(share, room / channel.abs().clamp(min=1e-6))
    return chroma.mul_(share).add_(brightness)
