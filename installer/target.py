"""A machine to install on: this one, or another one that packages are downloaded for."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from .problem import Problem

SYSTEMS = {"linux": "linux", "macos": "darwin", "windows": "win32"}
"""The names that people use, and sys.platform's."""
PLATFORMS = ("linux-x86_64", "linux-aarch64", "macos-arm64", "windows-amd64")
"""What PyTorch is built for today."""
MARKER = re.compile(r"""(python_version|sys_platform) *(>=|<|==) *["']([^"']+)["']""")


@dataclass(frozen=True)
class Target:
    """An operating system (a value of sys.platform), a processor and a version of Python, such as `3.11`."""

    system: str
    machine: str
    python: str

    @classmethod
    def here(cls) -> Target:
        """This machine and this Python."""
        system = "linux" if sys.platform.startswith("linux") else sys.platform
        return cls(system, platform.machine().lower(), "{}.{}".format(*sys.version_info[:2]))

    @classmethod
    def named(cls, name: str = "", python: str = "") -> Target:
        """The target of those names, this machine's where one is not given; a Problem if there is none such."""
        here = cls.here()
        name = name or here.name
        if name not in (*PLATFORMS, here.name):
            raise Problem(f"{name} is not a platform that is served.", f"Use one of {', '.join(PLATFORMS)}.")
        if python and not re.fullmatch(r"3\.\d+", python):
            raise Problem(f"{python} is not a version of Python.", "Write it as 3.12.")
        if name == here.name:
            return cls(here.system, here.machine, python or here.python)
        system, _, machine = name.partition("-")
        return cls(SYSTEMS[system], machine, python or here.python)

    def __str__(self) -> str:
        return f"Python {self.python} on {self.name}"

    @property
    def name(self) -> str:
        """Such as `linux-x86_64`."""
        systems = {value: name for name, value in SYSTEMS.items()}
        return f"{systems.get(self.system, self.system)}-{self.machine}"

    @property
    def tags(self) -> list[str]:
        """The platforms of the wheels that run there, best first."""
        if self.system == "win32":
            return [f"win_{self.machine}"]
        if self.system == "darwin":
            kinds = (self.machine, "universal2")
            return [f"macosx_{version}_{kind}" for version in ("14_0", "11_0", "10_15") for kind in kinds]
        if self == Target.here() and platform.libc_ver()[0] != "glibc":
            return [f"musllinux_1_2_{self.machine}", f"musllinux_1_1_{self.machine}"]
        versions = [f"manylinux_2_{minor}_{self.machine}" for minor in range(28, 4, -1)]
        return [*versions, f"manylinux2014_{self.machine}", f"linux_{self.machine}"]

    def selection(self, python: str = "") -> list[str]:
        """The arguments by which pip downloads wheels for this target, for another of its Pythons if one is given."""
        if self == Target.here() and not python:
            return ["--only-binary=:all:"]  # pip knows best what runs here
        platforms = [argument for tag in self.tags for argument in ("--platform", tag)]
        version = ["--python-version", python or self.python, "--implementation", "cp"]
        return ["--only-binary=:all:", *version, *platforms]

    def requirements(self, file: Path) -> list[str]:
        """The requirements of a file that hold there, without their conditions, which pip would ask of itself."""
        lines = [line.split("#")[0].strip() for line in file.read_text("utf-8").splitlines()]
        split = [line.partition(";") for line in lines if line]
        return [requirement.strip() for requirement, _, marker in split if self._admits(marker)]

    def _admits(self, marker: str) -> bool:
        """Whether a condition of a requirements file holds; our files have only such simple ones, joined by `and`."""
        return all(self._holds(part) for part in marker.split(" and ") if part.strip())

    def _holds(self, condition: str) -> bool:
        match = MARKER.fullmatch(condition.strip())
        assert match, condition
        name, sign, value = match.groups()
        if name == "sys_platform":
            return sign == "==" and value == self.system
        there, wanted = (tuple(map(int, version.split("."))) for version in (self.python, value))
        return {">=": there >= wanted, "<": there < wanted, "==": there == wanted}[sign]
