"""Between the protocol's pictures and tensors: bit depth, grey, alpha."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from backend.imaging.alpha import fill_transparent
from backend.imaging.arrays import DTYPES, TOPS, Array, array_of, picture_of
from backend.imaging.colour import LUMINANCE, luma, to_grey
from backend.imaging.keep_colours import recoloured
from backend.imaging.resize import resize
from backend.imaging.upsample import enlarge
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


def luminance(picture: Picture) -> Tensor:
    """The sRGB-encoded luma (1, 1, height, width), 0..1, with what is fully transparent filled in.

    Added up channel by channel: a large layer's colours would take four times the memory.
    """
    array, top = array_of(picture), TOPS[picture.depth]
    total = np.zeros(array.shape[:2], np.float32)
    for channel, share in enumerate(LUMINANCE if picture.channels >= 3 else (1.0,)):
        total += array[..., channel].astype(np.float32) * np.float32(share / top)
    values = _plane(total)
    if picture.has_alpha:
        values = fill_transparent(values, _plane(array[..., -1].astype(np.float32) / np.float32(top)))
    return values


def painted(result: Tensor, content: Picture, *, keep_colours: bool = False) -> Picture:
    """The result (1, 3, h, w) as a picture with the content's size, channels, depth and, bit for bit, alpha.

    A smaller result gets the content's detail; one that keeps the content's colours gets them at full size.
    """
    values = result.float().cpu()
    if keep_colours:
        values = luma(values)
    elif content.channels <= 2:
        values = to_grey(values)
    if values.shape[2] < content.height and values.shape[3] < content.width:
        values = enlarge(values, luminance(content))
    values = resize(values, (content.height, content.width))
    if keep_colours and content.channels >= 3:
        values = recoloured(values, colours(content).clamp(0, 1))
    array = _quantised(values, content.depth)
    if content.has_alpha:
        array = np.concatenate([array, array_of(content)[..., -1:]], axis=2)
    return picture_of(array)


def preview(result: Tensor) -> Picture:
    """A picture (1, 3, h, w) as 8-bit RGB."""
    return picture_of(_quantised(result.float().cpu(), "u8"))


def _unit(picture: Picture) -> Tensor:
    array = array_of(picture).astype(np.float32)
    if picture.depth == "f32":
        array = np.nan_to_num(array, nan=0.0, posinf=1.0, neginf=0.0)
    return torch.from_numpy(array / np.float32(TOPS[picture.depth])).permute(2, 0, 1)[None]


def _plane(array: npt.NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.nan_to_num(array).clip(0, 1))[None, None]


def _quantised(values: Tensor, depth: str) -> Array:
    array = values[0].clamp(0, 1).mul_(TOPS[depth])
    if depth != "f32":
        array.round_()
    return array.permute(1, 2, 0).numpy().astype(DTYPES[depth], order="C")
