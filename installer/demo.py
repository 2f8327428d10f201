"""The demo: the shipped photograph in the shipped style, through the installed program and its service."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import commands, say
from .places import SOURCE, venv_program

RESULT = "neural-style-demo.png"


def demo(home: Path) -> bool:
    """Stylise the photograph into the current folder; whether it went well."""
    photo, style, result = SOURCE / "demo" / "photo.jpg", SOURCE / "demo" / "style.jpg", Path.cwd() / RESULT
    say.line(f"\nPainting {photo.name} in the style of {style.name}")
    command = [str(venv_program(home)), "stylize", str(photo), str(style), "-o", str(result), "--size", "512"]
    # The program itself says at the end where the picture is.
    return subprocess.run(command, env=commands.environment(NEURAL_STYLE_HOME=str(home))).returncode == 0
