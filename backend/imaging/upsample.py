"""Enlarging a painted picture with the detail of the layer that it was painted from."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from backend.imaging.resize import resize

RADIUS = 2
"""Pixels on each side over which the painting is compared with the layer, at the painting's size."""
NOISE = 1e-3
"""The variance of values in 0..1 from which a layer's detail counts: less is the grain of a clear sky."""


def enlarge(painting: Tensor, guide: Tensor) -> Tensor:
    """A painting (1, C, h, w) at the larger size of its guide (1, 1, H, W), the layer's luminance, with its detail.

    Values are 0..1, sRGB-encoded; the result may leave that range slightly. Each channel gets what the guide has
    beyond the painting's size, times the slope of the channel over the guide nearby: the linear model of the guided
    filter (He, Sun and Tang, "Guided Image Filtering", 2010, computed small as in He and Sun, "Fast Guided Filter",
    2015), but only for what the painting lacks. So an edge that was painted becomes sharp, with the contrast it
    was given, and where strokes went their own way the layer does not show through.
    """
    size = (guide.shape[2], guide.shape[3])
    coarse = resize(guide, (painting.shape[2], painting.shape[3]))
    slope = _slope(painting, coarse)
    detail = guide - resize(coarse, size)
    result = resize(painting, size)
    for channel in range(result.shape[1]):  # one by one: a large layer's slopes need not all be there at once
        part = slice(channel, channel + 1)
        result[:, part].addcmul_(resize(slope[:, part], size), detail)
    return result


def _slope(painting: Tensor, guide: Tensor) -> Tensor:
    """How much each channel changes with the guide around every pixel, -1..1."""
    means, mean = _mean(painting), _mean(guide)
    covariance = _mean(painting * guide) - means * mean
    variance = _mean(guide * guide) - mean * mean
    return _mean((covariance / (variance + NOISE)).clamp(-1, 1))


def _mean(values: Tensor) -> Tensor:
    return F.avg_pool2d(values, 2 * RADIUS + 1, stride=1, padding=RADIUS, count_include_pad=False)
