"""Running other programs: their output to the log, its gist to the terminal."""

from __future__ import annotations

import os
import re
import subprocess
from collections import deque
from pathlib import Path

from . import say

STRAY = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PIP_TARGET", "PIP_USER", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
"""Settings of the user's that would lead packages out of, or into, the private environment."""
QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PYTHONUNBUFFERED": "1"}


def environment(**extra: str) -> dict[str, str]:
    """This process' environment, fit for pip and for Pythons other than ours."""
    return {**{name: value for name, value in os.environ.items() if name not in STRAY}, **QUIET, **extra}


def logged(
    command: list[str], log: Path, extra: dict[str, str] | None = None, timeout: float | None = None
) -> tuple[bool, str]:
    """Run a command with its output in the log; whether it went well, and the end of what it said."""
    log.parent.mkdir(parents=True, exist_ok=True)
    tail: deque[str] = deque(maxlen=200)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"\n$ {' '.join(command)}\n")
        file.flush()
        if timeout is not None:
            return _limited(command, file.fileno(), timeout, extra or {})
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=environment(**(extra or {})),
        ) as process:
            assert process.stdout is not None
            try:
                for text in process.stdout:
                    file.write(text)
                    tail.append(text)
                    _gist(text)
            except BaseException:
                process.kill()  # a Ctrl-C that reached only us must not leave pip at work
                raise
    return process.returncode == 0, "".join(tail)


def _limited(command: list[str], output: int, timeout: float, extra: dict[str, str]) -> tuple[bool, str]:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=timeout, env=environment(**extra)
        )
    except subprocess.TimeoutExpired:
        return False, "took too long"
    return done.returncode == 0, ""


def _gist(text: str) -> None:
    """Show what pip is at: which package it fetches and how large it is."""
    if match := re.match(r"\s*Downloading (\S+?)-\d\S* \(([^)]+)\)", text):
        say.working(f"  downloading {match[1].rsplit('/', 1)[-1]} ({match[2]})")
    elif match := re.match(r"(?:Collecting|Processing) (\S+)", text):
        say.working(f"  {match[1].rsplit('/', 1)[-1]}")
    elif text.startswith("Installing collected"):
        say.working("  unpacking")
