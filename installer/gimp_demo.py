"""The demo in GIMP: the same picture, painted by the plug-in in a GIMP without its window, and kept as its image."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import commands, plugin, say
from .environment import log_file
from .places import SOURCE, find_flatpaks, find_gimps
from .problems import Problem

RESULT = "neural-style-demo.xcf"
SCRIPT = SOURCE / "demo" / "paint_in_gimp.py"
SAYS = re.compile(r"^neural-style-demo: (.+)", re.M)
"""How the script tells why it could not be done."""
SIZE = 512


def demo(home: Path, plug_ins: list[Path], program: str = "") -> bool:
    """Have a GIMP stylise the photograph and leave its image in the current folder; whether it went well.

    The GIMP is `program`, or the newest one that has the plug-in. A Problem if there is none.
    """
    if program:
        found = [_named(program)]
    else:
        folders = plug_ins or [gimp.plug_ins for gimp in find_gimps()]
        served = [folder for folder in folders if plugin.note(folder / plugin.NAME) is not None]
        found = find([folder.parent.name for folder in served])
    paint(home, found)
    return True


def find(settings: Iterable[str], system: str = sys.platform, variables: Mapping[str, str] = os.environ) -> list[str]:
    """The command that starts the newest GIMP without its window; a Problem if there is none.

    `settings` are the names of the settings folders that have the plug-in: GIMP calls them by its version.
    """
    numbers = {int(name[2:]) for name in settings if re.fullmatch(r"3\.\d+", name)}
    versions = [f"-3.{number}" for number in sorted(numbers, reverse=True)]
    path = os.pathsep.join([variables.get("PATH", ""), *map(str, _folders(system, variables))])
    for version in (*versions, "-3", ""):
        if found := shutil.which(f"gimp-console{version}", path=path):
            return [found]
    for app in find_flatpaks():
        if flatpak := shutil.which("flatpak", path=path):
            return [flatpak, "run", "--command=gimp-console", app]
    raise Problem(
        "No GIMP 3 was found that can be started without its window (gimp-console).",
        "Install GIMP 3, start it once and repeat the command, or name its program: `demo --gimp PROGRAM`.",
    )


def paint(home: Path, program: list[str], size: int = SIZE) -> None:
    """Have that GIMP paint the demo into the current folder; a Problem if it cannot."""
    result, log = Path.cwd() / RESULT, log_file(home)
    say.line(f"\nPainting photo.jpg in the style of style.jpg in GIMP ({' '.join(program)})")
    say.working("  this takes about a minute")
    result.unlink(missing_ok=True)
    well, output = commands.logged(command(program, result, size), log)
    if said := SAYS.search(output):
        raise Problem("GIMP did not paint the picture.", said[1])
    if not well or not result.exists():
        raise Problem(
            "GIMP ended without having painted the picture.",
            f"What it said is at the end of {log}; another GIMP 3 can be named: `demo --gimp PROGRAM`.",
        )
    say.line(f"{result}\nOpen it in GIMP: the painted layer lies above the photograph.")


def command(program: list[str], result: Path, size: int = SIZE) -> list[str]:
    """The command line with which a GIMP without its window plays the demo's script."""
    pictures = [str(SOURCE / "demo" / name) for name in ("photo.jpg", "style.jpg")]
    arguments = ", ".join(map(repr, (*pictures, str(result), size)))
    play = f"import runpy; runpy.run_path({str(SCRIPT)!r})['paint']({arguments})"
    return [*program, "-i", "-d", "--batch-interpreter=python-fu-eval", "-b", play, "--quit"]


def _named(program: str) -> str:
    if found := shutil.which(os.path.expanduser(program)):
        return found
    raise Problem(
        f"There is no program {program} that can be started.", "Name the program of a GIMP 3, such as gimp-console-3.0."
    )


def _folders(system: str, variables: Mapping[str, str]) -> list[Path]:
    """Where the packages of gimp.org keep GIMP's programs off the PATH."""
    if system == "win32":
        bases = [Path(variables.get("ProgramFiles", "C:/Program Files"))]
        if local := variables.get("LOCALAPPDATA"):
            bases.append(Path(local) / "Programs")
        return [base / "GIMP 3" / "bin" for base in bases]
    return [Path("/Applications/GIMP.app/Contents/MacOS")] if system == "darwin" else []
