"""The losses against the paper's equations, written out in numpy, and their gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backend.engine.losses import content_loss, gram_matrix, style_layer_loss, total_variation
from backend.engine.terms import CHUNK, add_gram

shapes = st.tuples(st.integers(1, 6), st.integers(2, 7), st.integers(2, 7))


def random(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(1, *shape)))


@pytest.mark.parametrize("size", [(5, 6), (70, 90), (128, 64), (CHUNK, 3)], ids=["rest", "both", "chunks", "more"])
def test_gram_matrices_in_chunks_and_a_rest_are_the_whole_one(size: tuple[int, int]) -> None:
    features = random((3, *size), 7)
    begun = torch.ones(3, 3, dtype=features.dtype)
    add_gram(begun, features)
    torch.testing.assert_close(begun, 1 + gram_matrix(features))


@given(shapes, st.integers(0, 1000))
def test_gram_matrix_is_f_times_f_transposed(shape: tuple[int, int, int], seed: int) -> None:
    features = random(shape, seed)
    f = features.numpy().reshape(shape[0], -1)
    expected = [[sum(f[i, k] * f[j, k] for k in range(f.shape[1])) for j in range(shape[0])] for i in range(shape[0])]
    np.testing.assert_allclose(gram_matrix(features), expected, rtol=1e-10, atol=1e-10)


@given(shapes, st.integers(0, 1000))
def test_content_loss_is_half_the_squared_distance(shape: tuple[int, int, int], seed: int) -> None:
    f, p = random(shape, seed).float(), random(shape, seed + 1).float()
    expected = 0.5 * sum((a - b) ** 2 for a, b in zip(f.numpy().flat, p.numpy().flat, strict=True))
    assert content_loss(f, p).item() == pytest.approx(expected, rel=1e-5)


@given(shapes, st.integers(0, 1000))
def test_style_layer_loss_is_equation_4(shape: tuple[int, int, int], seed: int) -> None:
    n, m = shape[0], shape[1] * shape[2]
    f, a = random(shape, seed).numpy().reshape(n, m), random(shape, seed + 1).numpy().reshape(n, m)
    expected = ((f @ f.T - a @ a.T) ** 2).sum() / (4 * n**2 * m**2)
    grams = (gram_matrix(random(shape, seed)), gram_matrix(random(shape, seed + 1)))
    assert style_layer_loss(*grams, m).item() == pytest.approx(expected, rel=1e-6)


def test_total_variation_is_the_mean_squared_difference_of_neighbours() -> None:
    picture = random((3, 4, 5), 0)
    x = picture.numpy()[0]
    expected = np.mean(np.diff(x, axis=1) ** 2) + np.mean(np.diff(x, axis=2) ** 2)
    assert total_variation(picture).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: content_loss(x, torch.ones_like(x)).double(),
        lambda x: style_layer_loss(gram_matrix(x), torch.ones(x.shape[1], x.shape[1], dtype=x.dtype), 12),
        total_variation,
    ],
    ids=["content", "style", "total variation"],
)
def test_gradients_equal_finite_differences(loss: Callable[[Tensor], Tensor]) -> None:
    x = random((3, 3, 4), 1).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(x), x)
    step = 1e-3  # content_loss works in fp32
    for index in np.ndindex(*x.shape):
        up, down = x.detach().clone(), x.detach().clone()
        up[index] += step
        down[index] -= step
        expected = (loss(up) - loss(down)).item() / (2 * step)
        assert gradient[index].item() == pytest.approx(expected, rel=1e-2, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_a_gram_matrix_does_not_know_where_things_are(seed: int) -> None:
    features = random((4, 5, 6), seed)
    shuffled = features.flatten(2)[..., torch.from_numpy(np.random.default_rng(seed).permutation(30))].view_as(features)
    torch.testing.assert_close(gram_matrix(features), gram_matrix(shuffled))


def test_statistics_of_half_precision_activations_are_in_fp32() -> None:
    features = torch.full((1, 2, 300, 300), 30.0, dtype=torch.float16)
    gram = gram_matrix(features)  # 8.1e7: fp16 ends at 65504
    assert gram.dtype == torch.float32
    assert gram[0, 0].item() == pytest.approx(300 * 300 * 900)
