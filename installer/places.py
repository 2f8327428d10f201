"""Where things lie on a machine: our own files, GIMP's settings folders, the user's programs."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
"""The folder with install.py: a clone, or the copy in the home folder."""
FLATPAKS = "org.gimp.GIMP*"
"""The names of GIMP's Flatpaks: the stable one and the nightly one."""


@dataclass(frozen=True)
class Gimp:
    """The settings folder of one version of GIMP 3, and the package it is known to belong to, if any."""

    folder: Path
    package: str = ""

    @property
    def plug_ins(self) -> Path:
        """Where this GIMP looks for a user's own plug-ins."""
        return self.folder / "plug-ins"


def venv_python(home: Path) -> Path:
    """The Python of the private environment in a home folder."""
    return home / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def venv_program(home: Path) -> Path:
    """The `neural-style` program in the private environment."""
    return venv_python(home).with_name("neural-style.exe" if sys.platform == "win32" else "neural-style")


def bin_folder() -> Path:
    """Where a user's own programs go."""
    if sys.platform == "win32":
        return _windows(Path.home(), os.environ, "LOCALAPPDATA", "AppData/Local") / "Microsoft" / "WindowsApps"
    return Path.home() / ".local" / "bin"


def find_gimps(
    system: str = sys.platform, user: Path | None = None, variables: Mapping[str, str] = os.environ
) -> list[Gimp]:
    """Each GIMP 3.x that has been started once by this user; one that two packages share comes once.

    `system` is a value of sys.platform. GIMP3_DIRECTORY names a settings folder as it does for GIMP itself.
    """
    user = user or Path.home()
    found = [Gimp(user / variables["GIMP3_DIRECTORY"])] if variables.get("GIMP3_DIRECTORY") else []
    for base, package in _bases(system, user, variables):
        versions = [path for path in _entries(base) if re.fullmatch(r"3\.\d+", path.name)]
        found += [Gimp(path, package) for path in sorted(versions, key=lambda path: int(path.name[2:]))]
    once: dict[Path, Gimp] = {}
    for gimp in found:
        if gimp.folder.is_dir():
            once.setdefault(gimp.folder.resolve(), gimp)
    return list(once.values())


def find_flatpaks(user: Path | None = None) -> list[str]:
    """The application names of the GIMP Flatpaks that this user has started once."""
    return [path.name for path in sorted(((user or Path.home()) / ".var" / "app").glob(FLATPAKS))]


def _bases(system: str, user: Path, variables: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """The folders in which GIMP has one settings folder for each of its versions."""
    if system == "win32":
        yield _windows(user, variables, "APPDATA", "AppData/Roaming") / "GIMP", ""
        store = _windows(user, variables, "LOCALAPPDATA", "AppData/Local") / "Packages"
        for path in sorted(store.glob("*GIMP*")):
            yield path / "LocalCache" / "Roaming" / "GIMP", "Microsoft Store"
    elif system == "darwin":
        yield user / "Library" / "Application Support" / "GIMP", ""
    else:
        # A distribution's package and the AppImage; a Flatpak may use it too, since it is let in there.
        yield Path(variables.get("XDG_CONFIG_HOME") or user / ".config") / "GIMP", ""
        for name in find_flatpaks(user):
            yield user / ".var" / "app" / name / "config" / "GIMP", "Flatpak"
        yield user / "snap" / "gimp" / "current" / ".config" / "GIMP", "Snap"


def _entries(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:  # not there, or not ours to read
        return []


def _windows(user: Path, variables: Mapping[str, str], name: str, fallback: str) -> Path:
    return Path(variables.get(name) or user / fallback)


def short(path: Path) -> str:
    """The path as people write it, with ~ for their own folder."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except ValueError:
        return str(path)
