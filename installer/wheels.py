"""pyzmq for the Python that GIMP uses, which is neither ours nor the private environment's.

Where there is none that fits, the plug-in does without (see backend/protocol/transport.py).
"""

from __future__ import annotations

import subprocess
import tempfile
import zipfile
from pathlib import Path

from . import commands, say
from .environment import log_file, pinned
from .problems import from_pip, lacks_build
from .target import Target

STABLE = "312"
"""CPython 3.12's wheel is built for the stable ABI: it fits 3.12 and everything newer, a Flatpak's Python too."""
OLDER = ("310", "311")
UNNEEDED = ("zmq/tests/", "zmq/devices/", "zmq/log/", "zmq/ssh/", "zmq/green/")


def fetch(python: Path, home: Path) -> list[Path]:
    """The wheels to unpack for GIMP, downloaded by `python`'s pip and kept in the home folder; none if none fits."""
    target, store, log = Target.here(), home / "wheels", log_file(home)
    found = [_stored(store, version) or fetch_one(python, store, log, target, version) for version in gimp_pythons()]
    return [wheel for wheel in found if wheel is not None]


def _stored(store: Path, version: str) -> Path | None:
    return next(iter(sorted(store.glob(f"{pinned('pyzmq').replace('==', '-')}-cp{version}-*.whl"))), None)


def unpack(wheels: list[Path], folder: Path) -> None:
    """Unpack wheels over one another: each Python picks the compiled module that is named after it."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if not name.startswith(UNNEEDED):
                    archive.extract(name, folder)


def gimp_pythons() -> list[str]:
    """The Python versions of GIMPs on this machine, such as `312`: of a newer one, and of the system if it is older."""
    if not (possible := possible_pythons(Target.here())):
        return []
    command = ["/usr/bin/python3", "-c", "import sys; print('%d%d' % sys.version_info[:2])"]
    try:
        system = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        system = ""
    return [version for version in possible if version in (STABLE, system)]


def possible_pythons(target: Target) -> list[str]:
    """The Python versions that a GIMP may have there, as far as it can use wheels.

    Windows' GIMP has MinGW's Python, and wheels are for that of python.org; macOS' GIMP is signed, and may load no
    compiled module that someone else has signed.
    """
    return [STABLE, *OLDER] if target.system == "linux" else []


def fetch_one(python: Path, store: Path, log: Path, target: Target, version: str) -> Path | None:
    """Download pyzmq for one Python of the target's into the folder `store`; None if it is not built for it."""
    say.working("  pyzmq for GIMP's Python")
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store) as scratch:
        download = ["download", "--no-deps", *target.selection(version), "--dest", scratch, pinned("pyzmq")]
        well, output = commands.logged([str(python), "-m", "pip", *download], log)
        if not well:
            if lacks_build(output):
                return None
            raise from_pip(output, store, log, target)
        wheel = next(Path(scratch).glob("*.whl"))
        return wheel.replace(store / wheel.name)
