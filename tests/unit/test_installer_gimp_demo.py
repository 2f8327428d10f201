"""Which GIMP `install.py demo --gimp` starts, and how; that it paints is tested in tests/gimp."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from installer import gimp_demo
from installer.problems import Problem


def place(folder: Path, *names: str) -> None:
    """Programs of these names in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 3\n")
        (folder / name).chmod(0o755)


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a user who has no GIMP."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    return {"PATH": str(tmp_path / "bin"), "LOCALAPPDATA": str(tmp_path / "local")}


@pytest.mark.skipif(os.name == "nt", reason="programs are made as on Unix")
def test_the_newest_gimp_that_has_the_plug_in_is_started(tmp_path: Path, variables: dict[str, str]) -> None:
    place(
        tmp_path / "bin", "gimp-console", "gimp-console-3", "gimp-console-3.0", "gimp-console-3.2", "gimp-console-3.10"
    )

    def found(*settings: str) -> list[str]:
        return [Path(word).name for word in gimp_demo.find(settings, "linux", variables)]

    assert found("3.0") == ["gimp-console-3.0"]
    assert found("3.10", "3.0", "3.2", "settings") == ["gimp-console-3.10"]
    assert found("3.4") == found() == ["gimp-console-3"]


@pytest.mark.skipif(os.name == "nt", reason="programs are made as on Unix")
def test_a_gimp_off_the_path_is_found(tmp_path: Path, variables: dict[str, str]) -> None:
    place(tmp_path / "local/Programs/GIMP 3/bin", "gimp-console-3.2")
    place(tmp_path / "bin", "flatpak")
    found = gimp_demo.find(["3.2"], "win32", variables)
    assert found == [str(tmp_path / "local/Programs/GIMP 3/bin/gimp-console-3.2")]
    (tmp_path / "user/.var/app/org.gimp.GIMP").mkdir(parents=True)
    found = gimp_demo.find(["3.2"], "linux", variables)
    assert found == [str(tmp_path / "bin/flatpak"), "run", "--command=gimp-console", "org.gimp.GIMP"]


def test_without_a_gimp_there_is_a_remedy(variables: dict[str, str]) -> None:
    with pytest.raises(Problem, match=r"No GIMP 3 was found.*demo --gimp PROGRAM"):
        gimp_demo.find(["3.0"], "linux", variables)


def test_the_command_line_survives_quotes_and_backslashes_in_a_path(tmp_path: Path) -> None:
    play = gimp_demo.command(["gimp"], Path("C:\\it's here") / "a.xcf", 64)
    text = play[play.index("-b") + 1]
    shown = text.replace(f"runpy.run_path({str(gimp_demo.SCRIPT)!r})['paint']", "print")
    assert shown != text
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True)
    assert done.stdout.split()[-1] == "64" and str(Path("C:\\it's here") / "a.xcf") in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="programs are made as on Unix")
def test_a_program_that_does_not_paint_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place(tmp_path, "gimp")
    with pytest.raises(Problem, match="ended without having painted"):
        gimp_demo.paint(tmp_path / "home", [str(tmp_path / "gimp")])
    with pytest.raises(Problem, match="There is no program none"):
        gimp_demo.demo(tmp_path / "home", [], "none")
