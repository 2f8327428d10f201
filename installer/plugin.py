"""The plug-in's folder in a GIMP's plug-ins folder: assembled aside, then swapped in whole."""

from __future__ import annotations

import json
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from . import wheels
from .places import SOURCE
from .problems import Problem
from .tree import code_digest, copy, file_digests, swap_in

NAME = "neural-style"
NOTE = "installation.json"
VENDOR = "vendor"
SCRATCH = f".{NAME}-"


class InTheWay(Problem):
    """Something that is not ours has the plug-in's place."""


def install(plug_ins: Path, home: Path, python: Path) -> Path:
    """Put the plug-in into a plug-ins folder, in place of an older one, and return its folder.

    `home` and `python` are the backend's, noted for the plug-in to find it by; `python`'s pip also downloads
    pyzmq for GIMP's own Python. InTheWay if something that is not ours is.
    """
    target = plug_ins / NAME
    if (target.exists() or target.is_symlink()) and note(target) is None:
        raise InTheWay(f"{target} is there already and is not ours.", "Move it away and run this again.")
    libraries = wheels.fetch(python, home)
    plug_ins.mkdir(parents=True, exist_ok=True)
    remove_scratch(plug_ins)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=plug_ins) as scratch:
        new = Path(scratch) / "new"
        _assemble(new, libraries)
        values = {"home": str(home), "python": str(python), "code": code_digest(), "files": file_digests(new)}
        (new / NOTE).write_text(json.dumps(values, indent=1) + "\n", "utf-8")
        swap_in(new, target)
    return target


def is_current(target: Path, home: Path, python: Path) -> bool:
    """Whether the plug-in in `target` is today's, whole, and leads to this backend."""
    values = note(target) or {}
    same = (values.get("home"), values.get("python"), values.get("code")) == (str(home), str(python), code_digest())
    return same and not damaged(target)


def note(target: Path) -> dict[str, Any] | None:
    """What `install` noted in a plug-in folder, or None if the folder is not ours."""
    if target.is_symlink():
        return None
    try:
        values = json.loads((target / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) and "home" in values else None


def has_pyzmq(target: Path) -> bool:
    """Whether a plug-in has pyzmq beside it; one without talks to the backend through a bridge process."""
    return (target / VENDOR / "zmq").is_dir()


def damaged(target: Path) -> list[str]:
    """The files of a plug-in folder that are missing, changed, or lack the right to be run."""
    expected: dict[str, str] = (note(target) or {}).get("files", {})
    found = file_digests(target)
    wrong = [name for name, digest in expected.items() if found.get(name) != digest]
    script = target / f"{NAME}.py"
    if script.exists() and not script.stat().st_mode & stat.S_IXUSR:
        wrong.append(f"{NAME}.py (not executable)")
    return wrong


def remove(target: Path, home: Path) -> bool:
    """Remove a plug-in folder if it belongs to this home folder; whether it did."""
    remove_scratch(target.parent)
    if (note(target) or {}).get("home") != str(home):
        return False
    shutil.rmtree(target)
    return True


def remove_scratch(plug_ins: Path) -> None:
    """Remove what an interrupted installation left."""
    for leftover in plug_ins.glob(f"{SCRATCH}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _assemble(folder: Path, libraries: list[Path]) -> None:
    copy(SOURCE / "gimp_plugin" / NAME, folder)
    copy(SOURCE / "backend" / "protocol", folder / "protocol")
    wheels.unpack(libraries, folder / VENDOR)
    script = folder / f"{NAME}.py"
    script.chmod(script.stat().st_mode | 0o755)
