"""What the installer prints: short lines, and on a terminal a last line that tells what goes on."""

from __future__ import annotations

import shutil
import sys


def line(text: str = "") -> None:
    """A line that stays."""
    _clear()
    print(text, flush=True)


def working(text: str) -> None:
    """A line that the next one replaces; nothing where nobody watches."""
    if sys.stdout.isatty():
        _clear()
        print(text[: shutil.get_terminal_size().columns - 1], end="\r", flush=True)


def _clear() -> None:
    if sys.stdout.isatty():
        print("\x1b[2K", end="\r")
