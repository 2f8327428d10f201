"""Filling a folder with all that an installation needs, for a machine that has no network."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import commands, environment, say, torch_build, wheels
from .places import SOURCE
from .problems import Problem, disk_full, from_pip
from .target import Target

FROM_SOURCE = ("pyvips",)
"""Packages that come without a wheel; one is built here, in pure Python, so that it runs anywhere."""
SIZES = {"cpu": 1e9, "cuda": 8e9}


def download(folder: Path, target: Target, build: str = "") -> None:
    """Put every wheel that installing on the target needs into the folder, PyTorch's in that build.

    The weights are in one of them. Without `build`, it is the one for this machine, or `cpu` for another one.
    """
    build = build or (torch_build.wanted() if target == Target.here() else "cpu")
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < SIZES[build]:
        raise disk_full(folder)
    say.line(f"Wheels       for {target}, into {folder}; this takes some minutes")
    with tempfile.TemporaryDirectory() as scratch:
        python = Path(scratch) / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        environment.make_venv(python.parent.parent, folder, folder / "download.log")
        pip = Pip(python, folder, target)
        _torch(pip, build)
        _others(pip)
        _for_gimp(pip)
    (folder / "download.log").unlink()
    say.line(f"Done. Copy {SOURCE} and {folder} to that machine, and run there, in the first:")
    say.line("python3 install.py --wheels DIR    (DIR is where the second one lies)")


@dataclass(frozen=True)
class Pip:
    """A pip that downloads into a folder, for a target."""

    python: Path
    folder: Path
    target: Target

    @property
    def log(self) -> Path:
        """What it says; removed when all has gone well."""
        return self.folder / "download.log"

    def download(self, *arguments: str) -> None:
        """Download; a Problem if that fails."""
        self._run("download", "--dest", str(self.folder), *self.target.selection(), *arguments)

    def build(self, requirement: str) -> None:
        """Build the wheel of a package, without a thing of this machine's compiled into it."""
        none = {"PKG_CONFIG_PATH": "", "PKG_CONFIG_LIBDIR": os.devnull}
        self._run("wheel", "--no-deps", "--wheel-dir", str(self.folder), requirement, extra=none)

    def _run(self, *arguments: str, extra: dict[str, str] | None = None) -> None:
        well, output = commands.logged([str(self.python), "-m", "pip", *arguments], self.log, extra)
        if not well:
            raise from_pip(output, self.folder, self.log, self.target)


def _torch(pip: Pip, build: str) -> None:
    torch, torchvision = environment.pinned("torch"), environment.pinned("torchvision")
    plain = torch_build.plain_pip_gives(pip.python, torch, pip.log, pip.target)
    if plain != build:
        if build == "cuda" and torch_build.wanted() != "cuda":
            raise Problem(
                "Which CUDA build of PyTorch is needed cannot be seen on a machine without an NVIDIA GPU.",
                "Run this on a machine with such a GPU, or leave out `--torch cuda`.",
            )
        index = torch_build.find_special_index(pip.python, torch, build, pip.target, pip.log)
        if index is not None:
            return pip.download("--no-deps", "--index-url", index, torch, torchvision)
        say.line(f"             PyTorch's own index is out of reach: its {plain.upper()} build is taken instead")
    if plain == "cuda":
        _cuda_libraries(pip, torch)
    pip.download("--no-deps", torch, torchvision)


def _cuda_libraries(pip: Pip, torch: str) -> None:
    """The CUDA build with what it names itself, on conditions that pip asks of the machine that it runs on."""
    if Target.here().system != pip.target.system:
        raise Problem(
            f"PyTorch's CPU build for {pip.target} cannot be had from here, and its CUDA build only on Linux.",
            "Check the network connection, or run this on a machine with Linux.",
        )
    pip.download("-c", str(environment.REQUIREMENTS), torch)


def _others(pip: Pip) -> None:
    wanted = pip.target.requirements(environment.REQUIREMENTS)
    source = [requirement for requirement in wanted if requirement.partition("==")[0] in FROM_SOURCE]
    torch = ("torch==", "torchvision==")
    pip.download("--no-deps", *(one for one in wanted if one not in source and not one.startswith(torch)))
    for requirement in source:
        pip.build(requirement)


def _for_gimp(pip: Pip) -> None:
    """pyzmq for each Python that GIMP may use there."""
    for version in wheels.possible_pythons(pip.target):
        wheels.fetch_one(pip.python, pip.folder, pip.log, pip.target, version)
