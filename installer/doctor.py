"""The doctor: looks at every part of an installation and says ok, or what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import commands, environment, launcher, plugin, sandboxes, say
from .places import SOURCE, find_flatpaks, find_gimps, short, venv_python
from .record import Record
from .tree import code_digest

AGAIN = "Run `python3 install.py` again."
PROBE_SECONDS = 180
PROBES = ("Libraries", "Weights", "Device", "Backend", "Bridge")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: a part, whether it is well, what was seen, and the remedy if it is not."""

    name: str
    ok: bool
    text: str
    remedy: str = AGAIN

    def __str__(self) -> str:
        line = f"{'ok' if self.ok else 'FAILED':7}{self.name:13}{self.text}"
        return line if self.ok else f"{line} {self.remedy}"


def check(home: Path, plug_ins: list[Path]) -> bool:
    """Print a line for each part; whether all are well."""
    well = True
    for finding in examine(home, plug_ins):
        say.line(str(finding))
        well = well and finding.ok
    say.line("All is well." if well else "Something is not as it should be: see the FAILED lines.")
    return well


def examine(home: Path, plug_ins: list[Path]) -> Iterator[Finding]:
    """The findings, in the order in which things depend on each other."""
    yield Finding("Python", True, f"{sys.version.split()[0]} ({sys.executable})")
    record = Record.load(home)
    if record is None:
        yield Finding("Home", False, f"nothing is installed in {short(home)}.", "Run `python3 install.py`.")
        return
    yield _home(record)
    works = environment.works(home)
    yield Finding("Environment", works, short(home / "venv") if works else f"{short(home / 'venv')} does not work.")
    if works:
        yield _packages(home)
        yield from _probe(home)
    yield from _plug_ins(record, plug_ins)
    for name in find_flatpaks():
        allowed = "may start a backend" if sandboxes.may_start(name) else "may use a backend, but not start one"
        yield Finding("Flatpak", True, f"{name} {allowed}")
    yield _launcher(record)


def _home(record: Record) -> Finding:
    if not record.complete:
        return Finding("Home", False, f"the installation in {short(record.home)} was interrupted.")
    if record.code != code_digest():
        return Finding("Home", False, f"{short(record.home)} was installed from other files than {short(SOURCE)}.")
    return Finding("Home", True, short(record.home))


def _packages(home: Path) -> Finding:
    """Ask pip, offline, whether it would install anything."""
    with_pip = [str(venv_python(home)), "-m", "pip", "install", "--dry-run", "--no-index", "--no-deps"]
    look = [*with_pip, "-r", str(environment.REQUIREMENTS)]
    done = subprocess.run(look, capture_output=True, text=True, env=commands.environment())
    if done.returncode == 0 and "Would install" not in done.stdout:
        return Finding("Packages", True, "all there, in the pinned versions")
    return Finding("Packages", False, "some are missing or of another version.", _mend(home))


def _mend(home: Path) -> str:
    return f"Run `python3 install.py uninstall`, then `python3 install.py` (home folder {short(home)})."


def _probe(home: Path) -> Iterator[Finding]:
    """What probe.py finds in the private environment: libraries, weights, device, ways to a backend that answers."""
    command = [str(venv_python(home)), "-I", str(Path(__file__).with_name("probe.py"))]
    variables = commands.environment(NEURAL_STYLE_HOME=str(home))
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=PROBE_SECONDS)
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    except subprocess.TimeoutExpired:
        found = []
    for values in found:
        sentence = values["text"] if values["ok"] else _without(values["text"], values["remedy"])
        yield Finding(values["name"], values["ok"], sentence, values.get("remedy") or _mend(home))
    for name in PROBES[len(found) :]:
        yield Finding(name, False, "did not answer.", _mend(home))


def _without(text: str, remedy: str) -> str:
    return text.removesuffix(remedy).rstrip(". ") + "."


def _plug_ins(record: Record, given: list[Path]) -> Iterator[Finding]:
    gimps = find_gimps()
    names = ", ".join(short(gimp.folder) for gimp in gimps)
    yield Finding("GIMP", True, names or "no settings folder of GIMP 3: start GIMP once, then run install.py again")
    targets = [Path(target) for target in record.plug_ins]
    targets += [folder / plugin.NAME for folder in (*given, *(gimp.plug_ins for gimp in gimps))]
    for target in dict.fromkeys(targets):
        yield _plug_in(record.home, target)


def _plug_in(home: Path, target: Path) -> Finding:
    values, where = plugin.note(target), short(target)
    if values is None:
        return Finding("Plug-in", False, f"is not in {where}.")
    if values.get("home") != str(home):
        return Finding("Plug-in", False, f"{where} leads to another installation, {values.get('home')}.")
    if values.get("code") != code_digest():
        return Finding("Plug-in", False, f"{where} is of another version than the backend.")
    if wrong := plugin.damaged(target):
        return Finding("Plug-in", False, f"{where}: {wrong[0]} is missing or changed ({len(wrong)} in all).")
    way = "with pyzmq" if plugin.has_pyzmq(target) else "through the bridge"
    return Finding("Plug-in", True, f"{where}, talks to the backend {way}")


def _launcher(record: Record) -> Finding:
    path = Path(record.launcher)
    if not record.launcher:
        return Finding("Launcher", True, "none: another program has its name")
    if not launcher.leads_to(path, record.home):
        return Finding("Launcher", False, f"{short(path)} is missing or changed.")
    on_path = str(path.parent) in os.environ.get("PATH", "").split(os.pathsep)
    return Finding("Launcher", True, short(path) + ("" if on_path else " (its folder is not on your PATH)"))
