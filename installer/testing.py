"""Every test of the project, in an environment of its own that leaves the user's installation alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from . import commands, environment, say
from .places import SOURCE, venv_python
from .problems import Problem
from .record import Record

CACHE_VARIABLE = "NEURAL_STYLE_TEST_CACHE"
READINGS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
"""Checks that need nothing but the source."""
COMPUTING = "tests/unit"
"""Tests that only compute. The others are of windows and processes: they mostly wait, but only for so long."""


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
    with _aside([python, "-m", "pytest", COMPUTING]) as aside:
        well = _run([python, "-m", "pytest", "--ignore", COMPUTING])
        well &= aside.ended_well()
    if failed:
        say.line(f"Failed: {', '.join(failed if well else [*failed, 'pytest'])}")
    return well and not failed


def cache_folder() -> Path:
    """Where test environments are kept between runs."""
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "neural-style-tests")


class _Aside:
    """A command that runs in the time that nothing else needs, and whose output waits."""

    def __init__(self, command: list[str], output: IO[bytes]) -> None:
        self._command, self._output = command, output
        patient = ["nice", "-n", "19"] if shutil.which("nice") else []
        self.process = _process([*patient, *command], output)
        # Linux shares time among sessions first, in which a nice process of another one has a full share.
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.process.pid}/autogroup").write_text("19")

    def ended_well(self) -> bool:
        """Wait for its end, say what it said, and tell whether it went well."""
        well = self.process.wait() == 0
        self._output.seek(0)
        _announce(self._command)
        say.line(self._output.read().decode(errors="replace"))
        return well


@contextlib.contextmanager
def _aside(command: list[str]) -> Iterator[_Aside]:
    with tempfile.TemporaryFile() as output:
        aside = _Aside(command, output)
        try:
            yield aside
        finally:
            aside.process.kill()
            aside.process.wait()


def _run(command: list[str]) -> bool:
    with _start(command) as process:
        return process.wait() == 0


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    _announce(command)
    return _process(command)


def _announce(command: list[str]) -> None:
    say.line(f"\n$ {' '.join(command[1:])}")


def _process(command: list[str], output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    variables = commands.environment()
    variables.pop("NEURAL_STYLE_HOME", None)  # the user's installation is not the tests' to touch
    errors, alone = (None, False) if output is None else (subprocess.STDOUT, True)
    return subprocess.Popen(command, cwd=SOURCE, env=variables, stdout=output, stderr=errors, start_new_session=alone)
