"""The losses of Gatys, Ecker and Bethge (CVPR 2016) as the paper writes them, on activations of one layer."""

from __future__ import annotations

import torch
from torch import Tensor


def matrix(features: Tensor) -> Tensor:
    """Activations (1, N, height, width) as the transpose of the paper's matrix F: (M, N), a view if channels-last."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def gram_matrix(features: Tensor) -> Tensor:
    """G = F Fᵀ (N, N), the paper's equation 3, in fp32 because sums over positions overflow half precision."""
    f = at_least_fp32(matrix(features))
    return f.t() @ f


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """½ Σ (F − P)², the paper's equation 1, summed in fp32 or better."""
    difference = features - target
    precision = torch.promote_types(difference.dtype, torch.float32)
    norm: Tensor = torch.linalg.vector_norm(difference, dtype=precision)
    return 0.5 * norm.square()


def style_layer_loss(gram: Tensor, target: Tensor, positions: int) -> Tensor:
    """E = 1/(4 N² M²) Σ (G − A)², the paper's equation 4, with N from the matrices and M given."""
    return (gram - target).square().sum() / (4 * gram.shape[0] ** 2 * positions**2)


def total_variation(picture: Tensor) -> Tensor:
    """The mean squared difference of neighbouring pixels (Mahendran and Vedaldi 2015, β = 2), for (1, 3, H, W)."""
    down = (picture[..., 1:, :] - picture[..., :-1, :]).square().mean()
    across = (picture[..., :, 1:] - picture[..., :, :-1]).square().mean()
    return down + across


def at_least_fp32(tensor: Tensor) -> Tensor:
    """The tensor, in fp32 if it was in half precision."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
