"""The measurements in their order, each in a process of its own with a limit on its time.

A measurement that fails, hangs or is killed for its memory so loses nothing but itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.protocol.errors import Failure
from backend.service.worker_process import LEAN_ON_GPU, PATIENT_THREADS
from benchmarks import efficiency, estimates, gpu, large, memory, pastiche_peer, presets, race
from benchmarks.conditions import Conditions, Measure, Result, say
from benchmarks.service import TooSlow

GRACE = 20.0
"""Seconds that a part whose time is over has to end by itself, and as many again to clean up."""


@dataclass(frozen=True)
class Part:
    """A measurement and the most seconds it gets, in a whole run and in a quick one."""

    name: str
    measure: Measure
    seconds: float
    quick_seconds: float


PARTS = (
    Part("efficiency", efficiency.measure, 60, 30),
    Part("memory", memory.measure, 120, 60),
    Part("pastiche", pastiche_peer.measure, 150, 60),
    Part("large", large.measure, 540, 70),
    Part("estimates", estimates.measure, 330, 60),
    Part("presets", presets.measure, 180, 10),
    Part("gpu", gpu.measure, 180, 60),
    # The last one, since it makes something of any time that is left.
    Part("race", race.measure, 1080, 150),
)


def run(part: Part, options: Sequence[str], result: Path, seconds: float) -> Result:
    """What a part found within its time, with `failed` and a sentence if that is not all."""
    command = [sys.executable, "-m", "benchmarks", "--part", part.name, "--seconds", str(seconds)]
    environment = {**PATIENT_THREADS, **LEAN_ON_GPU, **os.environ}
    process = subprocess.Popen([*command, "--result", str(result), *options], env=environment)
    failed = None
    try:
        if code := process.wait(seconds + GRACE):
            failed = f"The measurement ended with code {code}."
    except subprocess.TimeoutExpired:
        failed = f"The measurement was stopped after {seconds:.0f} s."
    finally:
        _end(process)
    found: Result = json.loads(result.read_text("utf-8")) if result.exists() else {}
    return {"failed": failed, **found} if failed else found


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def serve(name: str, conditions: Conditions, result: Path) -> int:
    """The part's own process: measure, and write what is known each time there is more."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    part = next(part for part in PARTS if part.name == name)
    found: Result = {}
    try:
        for found in part.measure(conditions):
            _write(found, result)
    except Exception as error:
        _write({**found, "failed": _sentence(error)}, result)
        say(f"  {_sentence(error)}")
    return 0


def _write(found: Result, result: Path) -> None:
    part = result.with_suffix(".part")
    part.write_text(json.dumps(found), "utf-8")
    os.replace(part, result)


def _sentence(error: Exception) -> str:
    if isinstance(error, (Failure, TooSlow)):
        return str(error)
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.stderr or "").strip().splitlines()
        return f"The program ended with code {error.returncode}: {lines[-1] if lines else 'it said nothing'}"
    return f"{type(error).__name__}: {error}"
