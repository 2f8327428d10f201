"""Numbers out of many measurements, and into words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Figures = dict[str, Any]
"""What a drill measured, as JSON values; seconds, bytes and counts."""


def p99(values: Sequence[float]) -> float:
    """The value that 99 of 100 stay under or meet; of fewer, the largest."""
    ordered = sorted(values)
    return ordered[max(0, -(-99 * len(ordered) // 100) - 1)]


def median_within(values: Sequence[float]) -> tuple[float, float]:
    """The bounds that the median lies between with 95 % confidence, whatever the distribution; of few, the extremes."""
    ordered = sorted(values)
    index = max(0, int((len(ordered) - 1.96 * len(ordered) ** 0.5) / 2))
    return ordered[index], ordered[-1 - index]


def ms(seconds: float) -> str:
    """`12 ms`"""
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.1f} ms"


def s(seconds: float) -> str:
    """`1.2 s`"""
    return f"{seconds:.1f} s" if seconds < 99 else f"{seconds:.0f} s"


def mib(count: float) -> str:
    """`12 MiB`"""
    return f"{count / (1 << 20):.1f} MiB"
