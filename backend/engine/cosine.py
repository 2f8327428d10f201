"""The discrete cosine transform: orthonormal DCT-II of tensors (..., n) along their last axis, and its inverse."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

SHORT = 512
"""Length up to which a matrix is faster where the length has large prime factors, and on a GPU, as one kernel."""
LARGEST_FACTOR = 13
"""The largest prime factor with which Fourier's transform is at its best: a sixth of the matrix's time at 512, a
quarter at 384, but more than the matrix's at 341 = 11 · 31."""


class CosineTransform(Protocol):
    """The transform of one length."""

    def forward(self, x: Tensor) -> Tensor:
        """The coefficients, lowest frequency first."""

    def inverse(self, coefficients: Tensor) -> Tensor:
        """The samples that have these coefficients."""


def cosine_transform(n: int, device: torch.device) -> CosineTransform:
    """The fastest transform of length n on a device."""
    suits_fourier = n > SHORT or (device.type == "cpu" and _is_smooth(n))
    return ByFourier(n, device) if suits_fourier else ByMatrix(n, device)


def _is_smooth(n: int) -> bool:
    """Whether no prime factor is above `LARGEST_FACTOR`."""
    for factor in range(2, LARGEST_FACTOR + 1):
        while n % factor == 0:
            n //= factor
    return n == 1


class ByMatrix:
    """The transform as a product with the matrix of all cosines."""

    def __init__(self, n: int, device: torch.device) -> None:
        k, x = torch.arange(n, dtype=torch.float64)[:, None], torch.arange(n, dtype=torch.float64)[None, :]
        matrix = torch.cos(math.pi / n * (x + 0.5) * k) * math.sqrt(2 / n)
        matrix[0] /= math.sqrt(2)
        self._matrix = matrix.float().to(device)

    def forward(self, x: Tensor) -> Tensor:
        """The coefficients, lowest frequency first."""
        return x @ self._matrix.t()

    def inverse(self, coefficients: Tensor) -> Tensor:
        """The samples that have these coefficients."""
        return coefficients @ self._matrix


class ByFourier:
    """The transform by one real Fourier transform of the even samples, followed by the odd ones backwards.

    Makhoul, "A Fast Cosine Transform in One and Two Dimensions" (1980).
    """

    def __init__(self, n: int, device: torch.device) -> None:
        self._n = n
        k = torch.arange(n // 2 + 1, dtype=torch.float64)
        scale = torch.full_like(k, math.sqrt(2 / n))
        scale[0] /= math.sqrt(2)
        self._turn = torch.polar(scale, -math.pi * k / (2 * n)).to(torch.complex64).to(device)
        self._back = torch.polar(1 / scale, math.pi * k / (2 * n)).to(torch.complex64).to(device)

    def forward(self, x: Tensor) -> Tensor:
        """The coefficients, lowest frequency first."""
        spectrum = torch.fft.rfft(torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1)).mul_(self._turn)
        # The upper half is minus the imaginary part of the lower one, read backwards.
        upper = spectrum.imag[..., 1 : (self._n + 1) // 2].flip(-1).neg_()
        return torch.cat([spectrum.real, upper], -1)

    def inverse(self, coefficients: Tensor) -> Tensor:
        """The samples that have these coefficients."""
        lower, upper = coefficients[..., : self._n // 2 + 1], coefficients[..., (self._n + 1) // 2 :].flip(-1)
        # The lowest frequency has no partner: its imaginary part is 0.
        spectrum = torch.complex(lower, torch.nn.functional.pad(upper, (1, 0)).neg_()).mul_(self._back)
        samples = torch.fft.irfft(spectrum, n=self._n)
        evens = (self._n + 1) // 2
        x = torch.empty_like(samples)
        x[..., ::2], x[..., 1::2] = samples[..., :evens], samples[..., evens:].flip(-1)
        return x
