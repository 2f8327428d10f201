"""Removing an installation: all that it brought, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import launcher, plugin, say
from .places import bin_folder, find_gimps, short
from .record import NAME, Record
from .running import stop_backend


def uninstall(home: Path, plug_ins: list[Path]) -> None:
    """Stop the backend and remove the plug-ins, the launcher and the home folder."""
    record = Record.load(home)
    if record is None:
        say.line(f"Nothing is installed in {short(home)}.")
        record = Record(home)
    stop_backend(home)
    targets = [Path(target) for target in record.plug_ins]
    targets += [folder / plugin.NAME for folder in (*plug_ins, *(gimp.plug_ins for gimp in find_gimps()))]
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
