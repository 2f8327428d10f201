"""The `neural-style` program in the user's bin folder: a few lines that start the one in the private environment."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from . import say
from .places import bin_folder, short, venv_program
from .record import Record

MARK = "Neural Style for GIMP: placed by install.py"


def place(record: Record) -> None:
    """Write the launcher, unless a program of someone else's has that name."""
    path = bin_folder() / ("neural-style.cmd" if sys.platform == "win32" else "neural-style")
    if (path.exists() or path.is_symlink()) and not is_ours(path):
        say.line(f"Launcher     {short(path)} is another program: left alone. Ours is {venv_program(record.home)}")
        return
    record.make_folder(path.parent)
    record.launcher = str(path)
    record.save()
    part = path.with_name(f".{path.name}.part")
    part.write_text(_text(record.home), "utf-8")
    part.chmod(0o755)
    os.replace(part, path)
    say.line(f"Launcher     {short(path)}")
    if str(path.parent) not in os.environ.get("PATH", "").split(os.pathsep):
        say.line(
            f"             {short(path.parent)} is not on your PATH: add it, or call the launcher by its whole path"
        )


def is_ours(path: Path) -> bool:
    """Whether a program is a launcher that we placed."""
    try:
        return path.is_file() and MARK in path.read_text("utf-8", errors="replace")
    except OSError:
        return False


def leads_to(path: Path, home: Path) -> bool:
    """Whether a launcher of ours starts the backend of this home folder."""
    return is_ours(path) and path.read_text("utf-8", errors="replace") == _text(home)


def _text(home: Path) -> str:
    program = str(venv_program(home))
    if sys.platform == "win32":
        return f'@rem {MARK}\n@set "NEURAL_STYLE_HOME={home}"\n@"{program}" %*\n'
    return f'#!/bin/sh\n# {MARK}\nexport NEURAL_STYLE_HOME={shlex.quote(str(home))}\nexec {shlex.quote(program)} "$@"\n'
