"""The losses of Gatys, Ecker and Bethge (CVPR 2016), first as the paper writes them, then as the engine uses them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# --- The paper's equations, on activations of one layer: N filters, M positions ----------------------------------


def matrix(features: Tensor) -> Tensor:
    """Activations (1, N, height, width) as the transpose of the paper's matrix F: (M, N), a view if channels-last."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


class _Gram(torch.autograd.Function):
    """F Fᵀ, with its gradient (D + Dᵀ) F as one product in the activations' precision; autograd takes two."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        f = _at_least_fp32(matrix(features))
        return f.t() @ f

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        _, n, height, width = features.shape
        product = matrix(features) @ (grads[0] + grads[0].t()).to(features.dtype)
        return product.view(1, height, width, n).permute(0, 3, 1, 2)


def gram_matrix(features: Tensor) -> Tensor:
    """G = F Fᵀ (N, N), the paper's equation 3, in fp32 because sums over positions overflow half precision."""
    gram: Tensor = _Gram.apply(features)  # type: ignore[no-untyped-call]
    return gram


def _at_least_fp32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """½ Σ (F − P)², the paper's equation 1."""
    return 0.5 * (features.float() - target.float()).square().sum()


def style_layer_loss(gram: Tensor, target: Tensor, positions: int) -> Tensor:
    """E = 1/(4 N² M²) Σ (G − A)², the paper's equation 4, with N from the matrices and M given."""
    return (gram - target).square().sum() / (4 * gram.shape[0] ** 2 * positions**2)


def total_variation(picture: Tensor) -> Tensor:
    """The mean squared difference of neighbouring pixels (Mahendran and Vedaldi 2015, β = 2), for (1, 3, H, W)."""
    down = (picture[..., 1:, :] - picture[..., :-1, :]).square().mean()
    across = (picture[..., :, 1:] - picture[..., :, :-1]).square().mean()
    return down + across
