"""Clients in sandboxes: real namespaces, in which the system's files are others, and the real `flatpak-spawn`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend.protocol.client import connect
from backend.protocol.installation import Installation
from tests.service.backends import processes_of, wait_until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Flatpaks and Snaps are of Linux")
PROGRAMS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/libexec", "/usr/libexec/flatpak-xdg-utils"])
PACKAGES = ("flatpak", "flatpak-xdg-utils", "dbus-daemon")
# A root of its own with this system's folders, but without the one that the backend's Python lies in.
ENTER = """
set -e
root=$1; hidden=$2; shift 2
for entry in /*; do
    if [ -L "$entry" ]; then cp -P "$entry" "$root/"
    elif [ -d "$entry" ]; then mkdir "$root$entry"; mount --rbind "$entry" "$root$entry"; fi
done
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root$hidden"
exec chroot "$root" "$@"
"""
BUS = """<busconfig>
<type>session</type>
<listen>unix:path={path}</listen>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy>
</busconfig>
"""
CLIENT = """
import json, os, sys
from pathlib import Path
from backend.protocol.client import connect
from backend.protocol.errors import Failure
from backend.protocol.installation import Installation
if "--drop-rights" in sys.argv and os.getuid() == 0:
    os.setuid(65534)
try:
    with connect(Installation.load(Path(sys.argv[1])), "local") as backend:
        print(json.dumps({"own": os.getpid(), "backend": backend.status()["pid"]}))
except Failure as failure:
    print(json.dumps({"code": failure.code, "text": str(failure)}))
"""


@dataclass(frozen=True)
class Flatpak:
    """A client's sandbox, from which the backend's Python is a link to nowhere."""

    outside: Installation
    folder: Path

    def run(self, variables: dict[str, str] | None = None) -> dict[str, Any]:
        """What a client inside finds."""
        root = Path(tempfile.mkdtemp(dir=self.folder))
        (root / ".flatpak-info").write_text("[Application]\nname=org.gimp.GIMP\n")
        inside = [sys.executable, "-c", CLIENT, str(self.folder / "installation.json")]
        command = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", ENTER, "sh", str(root)]
        return _client([*command, str(self.outside.python.resolve().parent), *inside], variables or {})


@dataclass(frozen=True)
class Programs:
    """What runs programs outside of a Flatpak: the one inside that asks for it, and the one outside that does it."""

    spawn: Path
    helper: Path


@pytest.fixture(scope="session")
def programs() -> Programs:
    """The real ones; installed where that can be, else the test is skipped, in CI it fails."""
    if not _find("flatpak-spawn", "flatpak-session-helper", "dbus-daemon") and os.geteuid() == 0:
        for command in (("update",), ("install", "-y", "--no-install-recommends", *PACKAGES)):
            if shutil.which("apt-get"):
                subprocess.run(["apt-get", *command], stdin=subprocess.DEVNULL, capture_output=True)
    found = _find("flatpak-spawn", "flatpak-session-helper", "dbus-daemon")
    if not found:
        _cannot(f"the programs of {', '.join(PACKAGES)} are not there")
    return Programs(*found[:2])


def _find(*names: str) -> list[Path]:
    found = [shutil.which(name, path=PROGRAMS) for name in names]
    return [Path(path) for path in found if path] if all(found) else []


def _cannot(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def flatpak(installation: Installation) -> Iterator[Flatpak]:
    probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True)
    if probe.returncode:
        _cannot(f"this machine gives no namespaces: {probe.stderr.strip()}")
    folder = Path(tempfile.mkdtemp(prefix="fp-"))
    try:
        system = folder / "system"
        system.mkdir()
        (system / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (system / "python").chmod(0o755)
        link = folder / "python"
        link.symlink_to(system / "python")
        (folder / "installation.json").write_text(json.dumps({"home": str(installation.home), "python": str(link)}))
        yield Flatpak(Installation(installation.home, link), folder)
    finally:
        shutil.rmtree(folder)


def test_flatpak_uses_the_backend_that_runs_outside(flatpak: Flatpak) -> None:
    with connect(flatpak.outside) as backend:
        running = backend.status()["pid"]
    found = flatpak.run()
    assert found == {"own": 1, "backend": running}


def test_flatpak_that_may_not_start_a_backend_says_how_to_allow_it(flatpak: Flatpak, programs: Programs) -> None:
    with _session(flatpak.folder, programs, allowed=False) as variables:
        found = flatpak.run(variables)
    assert found["code"] == "flatpak-may-not-start"
    assert "--talk-name=org.freedesktop.Flatpak org.gimp.GIMP" in found["text"]
    assert not processes_of(flatpak.outside.home)


def test_flatpak_that_may_starts_a_backend_which_outlives_it(flatpak: Flatpak, programs: Programs) -> None:
    with _session(flatpak.folder, programs, allowed=True) as variables:
        first, second = flatpak.run(variables), flatpak.run(variables)
    assert first == second
    with connect(flatpak.outside) as backend:
        assert backend.status()["pid"] == first["backend"]


@pytest.mark.parametrize(("variables", "code"), [({"SNAP": "/snap/gimp/1"}, "snap-confined"), ({}, "folder")])
def test_home_that_may_not_be_entered_is_told_plainly(variables: dict[str, str], code: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="snap-"))
    try:
        folder.chmod(0o755)
        (folder / "home").mkdir(mode=0)
        note = folder / "installation.json"
        note.write_text(json.dumps({"home": str(folder / "home"), "python": sys.executable}))
        found = _client([sys.executable, "-c", CLIENT, str(note), "--drop-rights"], variables)
        assert found["code"] == code and str(folder / "home") in found["text"]
    finally:
        (folder / "home").chmod(0o700)
        shutil.rmtree(folder)


def _client(command: list[str], variables: dict[str, str]) -> dict[str, Any]:
    environment = {**os.environ, **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def _session(folder: Path, programs: Programs, allowed: bool) -> Iterator[dict[str, str]]:
    """A session bus, on which flatpak's helper can be talked to if that is allowed; the variables that lead to it."""
    bus = folder / "bus"
    path = f"{programs.spawn.parent}{os.pathsep}{os.environ['PATH']}"
    variables = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={bus}", "XDG_RUNTIME_DIR": str(folder), "PATH": path}
    environment = {**os.environ, **variables}
    # The system's own configuration would start an installed helper by itself.
    config = folder / "bus.conf"
    config.write_text(BUS.format(path=bus))
    daemon = ["dbus-daemon", "--nofork", f"--config-file={config}"]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes.append(subprocess.Popen(daemon, env=environment))
        assert wait_until(bus.exists)
        if allowed:
            processes.append(subprocess.Popen([programs.helper], env=environment))
            works = [str(programs.spawn), "--host", "true"]
            assert wait_until(lambda: subprocess.run(works, env=environment, capture_output=True).returncode == 0)
        yield variables
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()
