"""Where things lie on this machine: our own files, GIMP's settings folders, the user's programs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
"""The folder with install.py: a clone, or the copy in the home folder."""


def venv_python(home: Path) -> Path:
    """The Python of the private environment in a home folder."""
    return home / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def venv_program(home: Path) -> Path:
    """The `neural-style` program in the private environment."""
    return venv_python(home).with_name("neural-style.exe" if sys.platform == "win32" else "neural-style")


def bin_folder() -> Path:
    """Where a user's own programs go."""
    if sys.platform == "win32":
        return _windows("LOCALAPPDATA", "AppData/Local") / "Microsoft" / "WindowsApps"
    return Path.home() / ".local" / "bin"


def gimp_folders() -> list[Path]:
    """The settings folder of each GIMP 3.x that has been started once by this user."""
    found = [Path(os.environ["GIMP3_DIRECTORY"])] if os.environ.get("GIMP3_DIRECTORY") else []
    for base in _gimp_bases():
        if base.is_dir():
            found += [p for p in sorted(base.iterdir()) if re.fullmatch(r"3\.\d+", p.name) and p.is_dir()]
    return list({path.resolve(): path for path in found if path.is_dir()}.values())


def _gimp_bases() -> Iterator[Path]:
    user = Path.home()
    if sys.platform == "win32":
        yield _windows("APPDATA", "AppData/Roaming") / "GIMP"
    elif sys.platform == "darwin":
        yield user / "Library" / "Application Support" / "GIMP"
    else:
        yield Path(os.environ.get("XDG_CONFIG_HOME") or user / ".config") / "GIMP"
        yield user / ".var" / "app" / "org.gimp.GIMP" / "config" / "GIMP"  # Flatpak
        yield user / "snap" / "gimp" / "current" / ".config" / "GIMP"


def _windows(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback)


def short(path: Path) -> str:
    """The path as people write it, with ~ for their own folder."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except ValueError:
        return str(path)
