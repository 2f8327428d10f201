"""Every test of the project, in an environment of its own that leaves the user's installation alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from . import commands, environment, say
from .places import SOURCE, venv_python
from .problems import Problem
from .record import Record

CACHE_VARIABLE = "NEURAL_STYLE_TEST_CACHE"
READINGS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
"""Checks that need nothing but the source."""
SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
"""Two files of tests at a time, in their order: GIMP's take longest, mostly wait for its windows, and come first."""
PATIENT_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}
"""PyTorch's threads do not spin while they wait, which would take the processor from the other tests."""


def test() -> bool:
    """Set up the test environment and a real GIMP, then run ruff, mypy and pytest; whether all are green."""
    if not (SOURCE / "tests").is_dir():
        raise Problem("The tests are not here.", "Run this in a clone of Neural Style.")
    home = cache_folder() / "home"
    record = Record.load(home) or Record.begin(home)
    python = str(venv_python(home))
    # A GIMP that cannot be had is no failure here: its tests say so, and fail where they must (in CI).
    with _start([sys.executable, str(SOURCE / "tests" / "gimp" / "provision.py")]):
        with record.unfinished():
            environment.prepare(record, environment.REQUIREMENTS, environment.TEST_REQUIREMENTS)
        failed = [" ".join(check) for check in READINGS if not _run([python, "-m", *check])]
    well = _run([python, "-m", "pytest", *SIDE_BY_SIDE])
    if failed:
        say.line(f"Failed: {', '.join(failed if well else [*failed, 'pytest'])}")
    return well and not failed


def cache_folder() -> Path:
    """Where test environments are kept between runs."""
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "neural-style-tests")


def _run(command: list[str]) -> bool:
    with _start(command) as process:
        return process.wait() == 0


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    say.line(f"\n$ {' '.join(command[1:])}")
    variables = {**PATIENT_THREADS, **commands.environment()}
    variables.pop("NEURAL_STYLE_HOME", None)  # the user's installation is not the tests' to touch
    return subprocess.Popen(command, cwd=SOURCE, env=variables)
