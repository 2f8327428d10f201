"""Installing: the backend's home, the plug-in in every GIMP found, the launcher."""

from __future__ import annotations

from pathlib import Path

from . import environment, launcher, plugin, say
from .places import find_flatpaks, find_gimps, short, venv_python
from .record import Record
from .tree import keep_copy


def install(home: Path, plug_ins: list[Path]) -> None:
    """Bring this machine to a whole, current installation, whatever state it is in.

    The plug-in goes into the given plug-ins folders, or, if there are none, into every GIMP 3 of this user.
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
        for folder in folders:
            _install_plug_in(record, folder)
        launcher.place(record)
    say.line(f"Later        python3 {short(kept / 'install.py')} check | uninstall   (this folder is no longer needed)")
    _advise_on_sandboxes()
    _farewell(bool(folders))


def _advise_on_sandboxes() -> None:
    """Say what the user alone may decide: what a GIMP in a sandbox is allowed."""
    for name in find_flatpaks():
        say.line("Flatpak      GIMP's sandbox lets it use a backend, but not start one. Allow that once and for all:")
        say.line(f"             flatpak override --user --talk-name=org.freedesktop.Flatpak {name}")
        say.line("             or start it yourself each time before you paint: neural-style serve")
    if any(gimp.package == "Snap" for gimp in find_gimps()):
        say.line(
            "Snap         its confinement keeps GIMP from the backend: use another package of GIMP for this filter"
        )


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


def _farewell(in_gimp: bool) -> None:
    if in_gimp:
        say.line("Done. Start GIMP (again) and open a picture: Filters > Artistic > Neural Style...")
    else:
        say.line("Done, but no settings folder of GIMP 3 was found, so the plug-in is in none yet.")
        say.line("Start GIMP 3 once and repeat this command, or name the folder: --plug-ins DIR")
