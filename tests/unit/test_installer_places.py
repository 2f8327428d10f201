"""Where GIMP 3 keeps its settings: every system's and every package's way, on real folders on this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.places import Gimp, find_flatpaks, find_gimps
from installer.sandboxes import may_start

LINUX = {
    ".config/GIMP": "",  # a distribution's package and the AppImage
    ".var/app/org.gimp.GIMP/config/GIMP": "Flatpak",
    ".var/app/org.gimp.GIMP.Nightly/config/GIMP": "Flatpak",
    "snap/gimp/current/.config/GIMP": "Snap",
}
MACOS = {"Library/Application Support/GIMP": ""}
WINDOWS = {
    "AppData/Roaming/GIMP": "",
    "AppData/Local/Packages/GIMP.43237F745622F_adfzxgs6h1p2j/LocalCache/Roaming/GIMP": "Microsoft Store",
}


@pytest.mark.parametrize(("system", "bases"), [("linux", LINUX), ("darwin", MACOS), ("win32", WINDOWS)])
def test_every_version_of_every_package_is_found(tmp_path: Path, system: str, bases: dict[str, str]) -> None:
    for base in bases:
        for version in ("3.0", "3.2", "3.10", "2.10", "4.0", "3.0-backup"):
            (tmp_path / base / version).mkdir(parents=True)
        (tmp_path / base / "3.4").write_text("not a folder")
    found = find_gimps(system, tmp_path, {})
    expected = [Gimp(tmp_path / base / v, package) for base, package in bases.items() for v in ("3.0", "3.2", "3.10")]
    assert found == expected
    assert found[0].plug_ins == tmp_path / next(iter(bases)) / "3.0" / "plug-ins"


@pytest.mark.parametrize(
    ("system", "variable", "base"),
    [
        ("linux", "XDG_CONFIG_HOME", "elsewhere/GIMP"),
        ("win32", "APPDATA", "elsewhere/GIMP"),
        ("win32", "LOCALAPPDATA", "elsewhere/Packages/GIMP_x/LocalCache/Roaming/GIMP"),
    ],
)
def test_folders_that_the_user_has_moved_are_found(tmp_path: Path, system: str, variable: str, base: str) -> None:
    (tmp_path / base / "3.2").mkdir(parents=True)
    assert find_gimps(system, tmp_path, {}) == []
    variables = {variable: str(tmp_path / "elsewhere")}
    assert [gimp.folder for gimp in find_gimps(system, tmp_path, variables)] == [tmp_path / base / "3.2"]


def test_folder_named_by_the_environment_comes_first_and_once(tmp_path: Path) -> None:
    for version in ("3.0", "3.2"):
        (tmp_path / ".config/GIMP" / version).mkdir(parents=True)
    chosen = tmp_path / ".config/GIMP/3.2"
    for value in (str(chosen), ".config/GIMP/3.2"):  # GIMP takes one that is not absolute from the user's folder
        found = find_gimps("linux", tmp_path, {"GIMP3_DIRECTORY": value})
        assert [gimp.folder for gimp in found] == [chosen, tmp_path / ".config/GIMP/3.0"]


def test_folder_that_two_packages_share_comes_once(tmp_path: Path) -> None:
    (tmp_path / ".config/GIMP/3.0").mkdir(parents=True)
    shared = tmp_path / ".var/app/org.gimp.GIMP/config"
    shared.mkdir(parents=True)
    (shared / "GIMP").symlink_to(tmp_path / ".config/GIMP")
    assert find_gimps("linux", tmp_path, {}) == [Gimp(tmp_path / ".config/GIMP/3.0")]
    assert find_flatpaks(tmp_path) == ["org.gimp.GIMP"]


def test_snaps_folder_is_the_one_that_stays_the_same_after_a_refresh(tmp_path: Path) -> None:
    (tmp_path / "snap/gimp/512/.config/GIMP/3.0").mkdir(parents=True)
    (tmp_path / "snap/gimp/current").symlink_to("512")
    assert find_gimps("linux", tmp_path, {}) == [Gimp(tmp_path / "snap/gimp/current/.config/GIMP/3.0", "Snap")]


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_no_gimp_no_folders(tmp_path: Path, system: str) -> None:
    assert find_gimps(system, tmp_path, {}) == []
    assert find_flatpaks(tmp_path) == []


def test_flatpak_may_start_a_backend_once_its_user_has_allowed_it(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert not may_start("org.gimp.GIMP", tmp_path, nowhere)
    overrides = tmp_path / ".local/share/flatpak/overrides"
    overrides.mkdir(parents=True)
    # What `flatpak override --user --filesystem=/data` and `--talk-name=org.freedesktop.Flatpak` leave.
    (overrides / "org.gimp.GIMP").write_text("[Context]\nfilesystems=/data;\n")
    assert not may_start("org.gimp.GIMP", tmp_path, nowhere)
    with (overrides / "org.gimp.GIMP").open("a") as file:
        file.write("\n[Session Bus Policy]\norg.freedesktop.Flatpak=talk\n")
    assert may_start("org.gimp.GIMP", tmp_path, nowhere)
    assert not may_start("org.gimp.GIMP.Nightly", tmp_path, nowhere)
    assert may_start("org.gimp.GIMP", nowhere, overrides)
