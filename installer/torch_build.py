"""Which build of PyTorch fits a machine, and how to get it.

Plain pip gives a CPU build on macOS and Windows, on Linux gigabytes of CUDA. The other builds are on indexes
of PyTorch's own, which `uv` knows by name. Those can be out of reach: then plain pip's build has to do.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import commands, offline, say
from .target import Target

UV = "uv==0.13.8"
LOOK_SECONDS = 60
"""uv only looks in this time; what it then finds may take as long to download as it needs."""
IMPATIENT = {
    "UV_HTTP_TIMEOUT": "15",
    "UV_HTTP_CONNECT_TIMEOUT": "5",
    "UV_HTTP_RETRIES": "0",
    "UV_PYTHON_DOWNLOADS": "never",
}
PATIENT = {"UV_HTTP_TIMEOUT": "120", "UV_HTTP_RETRIES": "5"}
HURRIED_PIP = ["--retries", "1", "--timeout", "15"]
INDEX = re.compile(r"#\s*from\s+(\S+)")


def wanted() -> str:
    """`cuda` if this machine has an NVIDIA GPU with a working driver, else `cpu`."""
    try:
        seen = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "cpu"
    return "cuda" if seen.returncode == 0 and "GPU" in seen.stdout else "cpu"


def plain_pip_gives(python: Path, torch: str, log: Path, target: Target) -> str:
    """The build that plain pip would install: `cpu` or `cuda`."""
    if target.system != "linux":
        return "cpu"
    # A wheel at hand (pip's find-links) was put there on purpose, and is a CPU build if it says so.
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        look = ["install", "--no-index", "--no-deps", "--ignore-installed", "--dry-run", "--report", str(report)]
        look += ["--target", scratch, *target.selection(), torch]
        found, _ = commands.logged([str(python), "-m", "pip", *look], log)
        return "cpu" if found and "%2Bcpu" in report.read_text("utf-8") else "cuda"


def fetch_special(python: Path, requirements: list[str], build: str, log: Path) -> bool:
    """Install torch's packages from PyTorch's own indexes; False if that cannot be done from here."""
    with _uv(python, log) as uv:
        if uv is None:
            return False
        install = [uv, "pip", "install", "--no-cache", "--python", str(python), *_backend(build), *requirements]
        if not commands.logged([*install, "--dry-run"], log, IMPATIENT, LOOK_SECONDS)[0]:
            return False
        say.working("  downloading PyTorch (minutes on a slow line)")
        return commands.logged(install, log, PATIENT)[0]


def find_special_index(python: Path, torch: str, build: str, target: Target, log: Path) -> str | None:
    """The address of PyTorch's own index of that build, None if it cannot be reached from here."""
    with _uv(python, log) as uv:
        if uv is None:
            return None
        with tempfile.TemporaryDirectory() as scratch:
            asked, told = Path(scratch) / "torch.in", Path(scratch) / "torch.txt"
            asked.write_text(torch + "\n", "utf-8")
            options = ["--no-cache", "--no-deps", "--emit-index-annotation", "--python", str(python)]
            options += ["--python-version", target.python, "--output-file", str(told)]
            look = [uv, "pip", "compile", *options, *_backend(build), str(asked)]
            if not commands.logged(look, log, IMPATIENT, LOOK_SECONDS)[0]:
                return None
            match = INDEX.search(told.read_text("utf-8"))
            return match[1] if match else None


@contextmanager
def _uv(python: Path, log: Path) -> Iterator[str | None]:
    """The program uv for a while, None if it cannot be had."""
    if offline.in_use():
        yield None
        return
    with tempfile.TemporaryDirectory() as scratch:
        say.working("  looking for the build of PyTorch that fits")
        pip = [str(python), "-m", "pip", "install", "--target", scratch, "--no-deps", *HURRIED_PIP, UV]
        program = Path(scratch) / "bin" / ("uv.exe" if sys.platform == "win32" else "uv")
        yield str(program) if commands.logged(pip, log)[0] and program.exists() else None


def _backend(build: str) -> list[str]:
    return ["--torch-backend", "cpu" if build == "cpu" else "auto"]
