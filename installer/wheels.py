"""pyzmq for the Python that GIMP uses, which is neither ours nor the private environment's.

Where there is none that fits, the plug-in does without (see backend/protocol/transport.py).
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from . import commands, say
from .environment import log_file, pinned
from .problems import from_pip, lacks_build

STABLE = "312"
"""CPython 3.12's wheel is built for the stable ABI: it fits 3.12 and everything newer."""
UNNEEDED = ("zmq/tests/", "zmq/devices/", "zmq/log/", "zmq/ssh/", "zmq/green/")


def fetch(python: Path, home: Path) -> list[Path]:
    """The wheels to unpack for GIMP, downloaded by `python`'s pip and kept in the home folder; none if none fits."""
    if not platform_tags():
        return []
    found = [_fetch_one(python, home, version) for version in gimp_pythons()]
    return [wheel for wheel in found if wheel is not None]


def unpack(wheels: list[Path], folder: Path) -> None:
    """Unpack wheels over one another: each Python picks the compiled module that is named after it."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if not name.startswith(UNNEEDED):
                    archive.extract(name, folder)


def gimp_pythons() -> list[str]:
    """The Python versions to serve, such as `312`: on Linux also the system's, if it is older."""
    versions = [STABLE]
    if sys.platform.startswith("linux"):
        command = ["/usr/bin/python3", "-c", "import sys; print('%d%02d' % sys.version_info[:2])"]
        try:
            system = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
        except (OSError, subprocess.TimeoutExpired):
            system = ""
        if "309" <= system < STABLE:
            versions.append(system[0] + system[1:].lstrip("0"))
    return versions


def platform_tags() -> list[str]:
    """The wheel platforms that run on this machine, best first; none where GIMP's Python can use no wheel."""
    machine = platform.machine().lower()
    if sys.platform == "win32":
        return []  # GIMP brings MinGW's Python; wheels are for that of python.org, and mixing the two can crash
    if sys.platform == "darwin":
        return [f"macosx_{version}_{kind}" for version in ("11_0", "10_15") for kind in (machine, "universal2")]
    if platform.libc_ver()[0] == "glibc":
        return [f"manylinux_{version}_{machine}" for version in ("2_28", "2_26", "2_17")] + [f"manylinux2014_{machine}"]
    return [f"musllinux_1_2_{machine}", f"musllinux_1_1_{machine}"]


def _fetch_one(python: Path, home: Path, version: str) -> Path | None:
    store, wanted = home / "wheels", pinned("pyzmq")
    pattern = f"{wanted.replace('==', '-')}-cp{version}-*.whl"
    if found := sorted(store.glob(pattern)):
        return found[0]
    say.working("  pyzmq for GIMP's Python")
    store.mkdir(parents=True, exist_ok=True)
    platforms = [argument for tag in platform_tags() for argument in ("--platform", tag)]
    with tempfile.TemporaryDirectory(dir=store) as scratch:
        select = ["--python-version", version, "--implementation", "cp", *platforms]
        download = ["download", "--no-deps", "--only-binary=:all:", *select, "--dest", scratch, wanted]
        log = log_file(home)
        well, output = commands.logged([str(python), "-m", "pip", *download], log)
        if not well:
            if lacks_build(output):
                return None
            raise from_pip(output, home, log)
        wheel = next(Path(scratch).glob("*.whl"))
        return wheel.rename(store / wheel.name)
