"""Which build of PyTorch fits this machine, and how to get it.

Plain pip gives a CPU build on macOS and Windows, on Linux gigabytes of CUDA. The other builds are on indexes
of PyTorch's own, which `uv` knows by name. Those can be out of reach: then plain pip's build has to do.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from . import commands, say

UV = "uv==0.13.8"
LOOK_SECONDS = 60
"""uv only looks in this time; what it then finds may take as long to download as it needs."""
IMPATIENT = {"UV_HTTP_TIMEOUT": "15", "UV_HTTP_CONNECT_TIMEOUT": "5", "UV_HTTP_RETRIES": "0"}
PATIENT = {"UV_HTTP_TIMEOUT": "120", "UV_HTTP_RETRIES": "5"}


def wanted() -> str:
    """`cuda` if this machine has an NVIDIA GPU with a working driver, else `cpu`."""
    try:
        seen = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "cpu"
    return "cuda" if seen.returncode == 0 and "GPU" in seen.stdout else "cpu"


def plain_pip_gives(python: Path, torch: str, log: Path) -> str:
    """The build that plain pip would install: `cpu` or `cuda`."""
    if not sys.platform.startswith("linux"):
        return "cpu"
    # A wheel at hand (pip's find-links) was put there on purpose, and is a CPU build if it says so.
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        look = ["install", "--no-index", "--no-deps", "--ignore-installed", "--dry-run", "--report", str(report), torch]
        found, _ = commands.logged([str(python), "-m", "pip", *look], log)
        return "cpu" if found and "%2Bcpu" in report.read_text("utf-8") else "cuda"


def fetch_special(python: Path, requirements: list[str], build: str, log: Path) -> bool:
    """Install torch's packages from PyTorch's own indexes; False if that cannot be done from here."""
    with tempfile.TemporaryDirectory() as scratch:
        say.working("  looking for the build of PyTorch that fits this machine")
        pip = [str(python), "-m", "pip", "install", "--target", scratch, "--no-deps", UV]
        if not commands.logged(pip, log)[0]:
            return False
        uv = Path(scratch) / "bin" / ("uv.exe" if sys.platform == "win32" else "uv")
        install = [str(uv), "pip", "install", "--no-cache", "--python", str(python), "--torch-backend"]
        install += ["cpu" if build == "cpu" else "auto", *requirements]
        if not commands.logged([*install, "--dry-run"], log, IMPATIENT, LOOK_SECONDS)[0]:
            return False
        say.working("  downloading PyTorch (minutes on a slow line)")
        return commands.logged(install, log, PATIENT)[0]
