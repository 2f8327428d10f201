"""Removing an installation: all that it brought, and nothing else."""

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

from . import commands, launcher, plugin, say
from .places import bin_folder, gimp_folders, short, venv_python
from .record import NAME, Record

STOP_SECONDS = 30


def uninstall(home: Path, plug_ins: list[Path]) -> None:
    """Stop the backend and remove the plug-ins, the launcher and the home folder."""
    record = Record.load(home)
    if record is None:
        say.line(f"Nothing is installed in {short(home)}.")
        record = Record(home)
    stop_backend(home)
    targets = [Path(target) for target in record.plug_ins]
    targets += [folder / plugin.NAME for folder in (*plug_ins, *(gimp / "plug-ins" for gimp in gimp_folders()))]
    for target in dict.fromkeys(targets):
        if plugin.remove(target, home):
            _forget_settings(target)
            say.line(f"Removed      {short(target)}")
    for path in {Path(record.launcher), bin_folder() / "neural-style", bin_folder() / "neural-style.cmd"}:
        if launcher.leads_to(path, home):
            path.unlink()
            say.line(f"Removed      {short(path)}")
    if (home / NAME).exists():
        _remove_home(home)
        say.line(f"Removed      {short(home)}")
    _remove_made_folders(record)


def stop_backend(home: Path) -> None:
    """End the backend of this home folder, if one runs: by asking it, else by its process."""
    installation = Installation(home, venv_python(home))
    if is_locked(installation.lock_file):
        _ask_to_stop(installation)
    if is_locked(installation.lock_file):
        _terminate(installation)
    if not installation.socket.is_relative_to(home):
        shutil.rmtree(installation.socket.parent, ignore_errors=True)


def _ask_to_stop(installation: Installation) -> None:
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


def _forget_settings(target: Path) -> None:
    """Remove the last values that GIMP stored for the plug-in."""
    for path in (target.parent.parent / "plug-in-settings").glob("*-plug-in-neural-style.*"):
        path.unlink()


def _remove_home(home: Path) -> None:
    """Remove what is in the home folder, the record last, so that an interrupted removal can be repeated."""
    for entry in sorted(home.iterdir(), key=lambda path: path.name == NAME):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _remove_made_folders(record: Record) -> None:
    """Remove the folders that the installation made, unless someone has put something into them."""
    for folder in sorted(map(Path, record.made_folders), key=lambda path: -len(path.parts)):
        try:
            folder.rmdir()
        except OSError:
            continue
