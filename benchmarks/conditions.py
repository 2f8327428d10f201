"""What every measurement is told, and how it tells what it found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.pictures import Pair

Result = dict[str, Any]
"""What a measurement found, as JSON values."""


@dataclass(frozen=True)
class Conditions:
    """The pairs to measure on, whether in a hurry, how many seconds there are, and a folder for finished pictures."""

    pairs: tuple[Pair, ...]
    quick: bool
    seconds: float
    folder: Path
    began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - (time.monotonic() - self.began)

    def picture(self, pair: str, what: str) -> Path:
        """Where a finished picture of a pair is written, for the sheets."""
        return self.folder / f"{pair}-{what}.png"


Measure = Callable[[Conditions], Iterator[Result]]
"""A measurement: it yields what it knows so far now and then, and last all, so that an end in between loses little."""


def say(text: str) -> None:
    """A line of progress."""
    print(text, flush=True)
