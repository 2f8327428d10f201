"""The private Python environment in the home folder: made, filled with the pinned packages, and mended."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import commands, offline, say, torch_build
from .places import SOURCE, short, venv_program, venv_python
from .problems import Problem, disk_full, from_pip
from .record import Record
from .running import stop_backend
from .target import Target
from .tree import code_digest

REQUIREMENTS = SOURCE / "installer" / "requirements.txt"
TEST_REQUIREMENTS = SOURCE / "installer" / "requirements-test.txt"
LEAST_DISK = {"cpu": 2.7e9, "cuda": 9e9}


def log_file(home: Path) -> Path:
    """What pip and the others said."""
    return home / "log" / "install.log"


def prepare(record: Record, *requirements: Path) -> None:
    """Bring the environment to the pinned packages and today's backend; quick if it is there already.

    A backend that runs from what will be replaced is ended first.
    """
    home, code = record.home, code_digest()
    pins = _digest(requirements)
    usable = works(home)
    if not (usable and record.pins == pins and record.code == code) and stop_backend(home):
        say.line("Backend      the one that ran has ended, to be replaced")
    if usable and record.pins == pins:
        say.line(f"Packages     unchanged, in {short(home / 'venv')}")
    else:
        fresh = not usable or not record.pins  # half-installed packages cannot be told from whole ones
        record.pins = record.code = ""
        record.save()
        if fresh:
            _create(home)
        _install_packages(home, requirements)
        record.pins = pins
        record.save()
    if record.code != code or not venv_program(home).exists():
        record.code = ""
        record.save()
        _install_backend(home)
        record.code = code
        record.save()


def works(home: Path) -> bool:
    """Whether the environment's Python starts and has pip (an upgrade of the system's Python can break it)."""
    try:
        probe = [str(venv_python(home)), "-c", "import pip"]
        return subprocess.run(probe, capture_output=True, env=commands.environment(), timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def pinned(name: str) -> str:
    """The exact requirement for a package, as in `pyzmq==27.3.0`."""
    found = re.search(rf"^{re.escape(name)}==[^;\s]+", REQUIREMENTS.read_text("utf-8"), re.M)
    assert found, f"{name} is not in {REQUIREMENTS}"
    return found[0]


def pip(home: Path, *arguments: str) -> None:
    """Run the environment's pip; a Problem if it fails."""
    log = log_file(home)
    well, output = commands.logged([str(venv_python(home)), "-m", "pip", *arguments], log)
    if not well:
        raise from_pip(output, home, log)


def _digest(requirements: tuple[Path, ...]) -> str:
    python = f"{sys.implementation.cache_tag} {sys.platform}"
    return hashlib.sha256(b"\n".join([python.encode(), *(path.read_bytes() for path in requirements)])).hexdigest()


def _create(home: Path) -> None:
    if (home / "venv").exists():
        shutil.rmtree(home / "venv")
    say.line(f"Environment  {short(home / 'venv')} (Python {sys.version_info.major}.{sys.version_info.minor})")
    make_venv(home / "venv", home, log_file(home))


def make_venv(folder: Path, home: Path, log: Path) -> None:
    """A new environment of this Python, with the pip that comes with it; a Problem about `home` if that fails."""
    if not importlib.util.find_spec("venv") or not importlib.util.find_spec("ensurepip"):
        raise Problem(
            "This Python cannot make a private environment: its venv module is missing.",
            "On Debian and Ubuntu run `sudo apt install python3-venv`; then run this again.",
        )
    well, output = commands.logged([sys.executable, "-m", "venv", str(folder)], log)
    if not well:
        raise from_pip(output, home, log)


def _install_packages(home: Path, requirements: tuple[Path, ...]) -> None:
    build = torch_build.wanted()
    if offline.in_use():
        build = torch_build.plain_pip_gives(venv_python(home), pinned("torch"), log_file(home), Target.here())
    if shutil.disk_usage(home).free < LEAST_DISK[build]:
        raise disk_full(home)
    device = "the NVIDIA GPU" if build == "cuda" else "the CPU"
    say.line(f"Packages     PyTorch for {device} and others; this takes some minutes")
    _install_torch(home, build)
    pip(home, "install", "--no-deps", *(part for path in requirements for part in ("-r", str(path))))


def _install_torch(home: Path, build: str) -> None:
    python, log = venv_python(home), log_file(home)
    torch = pinned("torch")
    plain = torch_build.plain_pip_gives(python, torch, log, Target.here())
    if plain != build:
        if torch_build.fetch_special(python, [torch, pinned("torchvision")], build, log):
            return
        say.line(f"             PyTorch's own index is out of reach: its {plain.upper()} build is used instead")
    if plain == "cuda":  # with the CUDA libraries that it names itself
        pip(home, "install", "-c", str(REQUIREMENTS), torch)


def _install_backend(home: Path) -> None:
    say.working("  the backend")
    # Built with the pinned hatchling of the environment, not with whatever is newest today.
    pip(home, "install", "--no-deps", "--no-build-isolation", "--force-reinstall", str(SOURCE))
    say.line(f"Backend      {short(venv_program(home))}")
