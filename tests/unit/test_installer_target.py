"""What packages are downloaded for: the names of platforms, and which requirements and wheels fit."""

from __future__ import annotations

import subprocess
import sys

import pytest

from installer import environment
from installer.problems import Problem
from installer.target import PLATFORMS, Target


def test_this_machine_has_a_name_that_leads_back_to_it() -> None:
    here = Target.here()
    assert Target.named() == Target.named(here.name) == Target.named(here.name, here.python) == here


@pytest.mark.parametrize("name", PLATFORMS)
def test_every_platform_that_is_offered_has_its_own_wheels(name: str) -> None:
    target = Target.named(name, "3.12")
    assert target.name == name and str(target) == f"Python 3.12 on {name}"
    machine = name.partition("-")[2]
    assert target.tags and all(machine in tag or "universal2" in tag for tag in target.tags)


@pytest.mark.parametrize(
    ("name", "python"), [("amiga", ""), ("amiga-68k", ""), ("windows-x86_64", ""), ("", "2.7"), ("", "x")]
)
def test_unknown_names_are_a_problem(name: str, python: str) -> None:
    with pytest.raises(Problem, match=r"is not a"):
        Target.named(name, python)


def test_requirements_follow_the_targets_system_and_python() -> None:
    def packages(name: str, python: str) -> dict[str, str]:
        wanted = Target.named(name, python).requirements(environment.REQUIREMENTS)
        found = dict(one.split("==") for one in wanted)
        assert len(found) == len(wanted)
        return found

    new, old, windows = (
        packages("linux-x86_64", "3.12"),
        packages("linux-x86_64", "3.10"),
        packages(PLATFORMS[-1], "3.12"),
    )
    assert set(windows) - set(new) == {"colorama"}
    assert set(old) - set(new) == {"tomli"}
    assert new["numpy"] != old["numpy"]


def test_requirements_of_this_machine_are_those_that_pip_takes() -> None:
    look = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--no-deps"]
    look += ["-r", str(environment.REQUIREMENTS)]
    said = subprocess.run(look, capture_output=True, text=True).stdout
    taken = {line.split()[3].partition("==")[0] for line in said.splitlines() if line.startswith("Requirement already")}
    ours = {one.partition("==")[0] for one in Target.here().requirements(environment.REQUIREMENTS)}
    assert taken == ours
