"""Between the protocol's pictures and tensors: bit depth, grey, alpha."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from backend.imaging.alpha import fill_transparent
from backend.imaging.arrays import DTYPES, TOPS, Array, array_of, picture_of
from backend.imaging.colour import to_grey
from backend.imaging.resize import resize
from backend.protocol.job import Picture


def colours(picture: Picture) -> Tensor:
    """The colours (1, 3, height, width) in fp32, 0..1, grey tripled, with what is fully transparent filled in.

    Float values outside 0..1 are kept; those that are no numbers become 0.
    """
    values = _unit(picture)
    rgb = values[:, : picture.channels - picture.has_alpha]
    if picture.has_alpha:
        rgb = fill_transparent(rgb, values[:, -1:].clamp(0, 1))
    return rgb.expand(-1, 3, -1, -1).contiguous()


def painted(result: Tensor, content: Picture) -> Picture:
    """The result (1, 3, h, w) as a picture with the content's size, channels, depth and, bit for bit, alpha."""
    values = resize(result.float().cpu(), (content.height, content.width)).clamp(0, 1)
    if content.channels <= 2:
        values = to_grey(values)
    array = _quantised(values, content.depth)
    if content.has_alpha:
        array = np.concatenate([array, array_of(content)[..., -1:]], axis=2)
    return picture_of(array)


def preview(result: Tensor) -> Picture:
    """A picture (1, 3, h, w) as 8-bit RGB."""
    return picture_of(_quantised(result.float().cpu().clamp(0, 1), "u8"))


def _unit(picture: Picture) -> Tensor:
    array = array_of(picture).astype(np.float32)
    if picture.depth == "f32":
        array = np.nan_to_num(array, nan=0.0, posinf=1.0, neginf=0.0)
    return torch.from_numpy(array / np.float32(TOPS[picture.depth])).permute(2, 0, 1)[None]


def _quantised(values: Tensor, depth: str) -> Array:
    array = values[0].permute(1, 2, 0).numpy() * TOPS[depth]
    return (array if depth == "f32" else np.rint(array)).astype(DTYPES[depth])
