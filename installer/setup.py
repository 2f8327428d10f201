"""Installing: the backend's home, the plug-in in every GIMP found, the launcher."""

from __future__ import annotations

from pathlib import Path

from . import environment, launcher, plugin, sandboxes, say
from .places import find_gimps, short, venv_python
from .problems import from_os_error
from .record import Record
from .tree import keep_copy


def install(home: Path, plug_ins: list[Path]) -> bool:
    """Bring this machine to a whole, current installation, whatever state it is in; whether all of it could be done.

    The plug-in goes into the given plug-ins folders, or, if there are none, into every GIMP 3 of this user. A folder
    that it cannot go into does not keep it from the others.
    """
    say.line(f"Home         {short(home)}")
    before = Record.load(home)
    if before and not before.complete:
        say.line("             the last installation was interrupted: mending it")
    record = before or Record.begin(home)
    with record.unfinished():
        kept = keep_copy(home)
        environment.prepare(record, environment.REQUIREMENTS)
        folders = plug_ins or [gimp.plug_ins for gimp in find_gimps()]
        served = [folder for folder in folders if _serve(record, folder)]
        launcher.place(record)
    say.line(f"Later        python3 {short(kept / 'install.py')} check | uninstall   (this folder is no longer needed)")
    for text in sandboxes.advice():
        say.line(text)
    _farewell(bool(folders), bool(served))
    return served == folders


def _serve(record: Record, folder: Path) -> bool:
    """Install the plug-in into one folder, or say why that cannot be; whether it could."""
    try:
        _install_plug_in(record, folder)
    except (plugin.InTheWay, OSError) as error:
        problem = from_os_error(error, folder) if isinstance(error, OSError) else error
        say.line(f"Plug-in      FAILED in {short(folder)}: {problem}")
        return False
    return True


def _install_plug_in(record: Record, folder: Path) -> None:
    target, python = folder / plugin.NAME, venv_python(record.home)
    record.add_plug_in(target)
    record.make_folder(folder)
    if plugin.is_current(target, record.home, python):
        say.line(f"Plug-in      unchanged, in {short(target)}")
    else:
        plugin.install(folder, record.home, python)
        say.line(f"Plug-in      {short(target)}")
    if not plugin.has_pyzmq(target):
        say.line("             (no pyzmq fits GIMP's Python here: a small helper process talks to the backend for it)")


def _farewell(found: bool, served: bool) -> None:
    if served:
        say.line("Done. Start GIMP (again) and open a picture: Filters > Artistic > Neural Style...")
    elif not found:
        say.line("Done, but no settings folder of GIMP 3 was found, so the plug-in is in none yet.")
        say.line("Start GIMP 3 once and repeat this command, or name the folder: --plug-ins DIR")
