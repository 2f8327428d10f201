"""Ending the backend that runs, before its files are replaced or removed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from backend.protocol.installation import Installation
from backend.protocol.lock import is_locked

from . import commands
from .places import venv_python
from .problems import Problem

STOP_SECONDS = 30


def stop_backend(home: Path) -> bool:
    """End the backend of this home folder, by asking it, else by its process; whether one ran.

    A Problem if it does not end, since its files must not be taken from under it.
    """
    installation = Installation(home, venv_python(home))
    if ran := is_locked(installation.lock_file):
        _ask_to_stop(installation)
        if is_locked(installation.lock_file):
            _terminate(installation)
        if is_locked(installation.lock_file):
            raise Problem(
                f"The Neural Style backend in {home} runs and does not end.",
                "Close GIMP, end the processes of that folder or restart the computer, and run this again.",
            )
    if not installation.socket.is_relative_to(home):
        shutil.rmtree(installation.socket.parent, ignore_errors=True)
    return ran


def _ask_to_stop(installation: Installation) -> None:
    """Run the installed version's own command, which speaks the running backend's protocol."""
    command = [str(installation.python), "-m", "backend", "stop"]
    environment = commands.environment(NEURAL_STYLE_HOME=str(installation.home))
    try:
        subprocess.run(command, env=environment, cwd=installation.home, capture_output=True, timeout=STOP_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return


def _terminate(installation: Installation) -> None:
    """End the process by its id, which the held lock proves to be the backend's."""
    try:
        process = int(json.loads(installation.connection_file.read_text("utf-8"))["pid"])
        os.kill(process, signal.SIGTERM)
    except (OSError, ValueError, KeyError, TypeError):
        return
    deadline = time.monotonic() + STOP_SECONDS
    while is_locked(installation.lock_file) and time.monotonic() < deadline:
        time.sleep(0.1)
