"""The README and the settings page name what there is, and show pictures that are there."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from backend import cli
from backend.protocol.errors import ERRORS
from benchmarks.gallery import SHEETS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
SETTINGS = (ROOT / "docs" / "SETTINGS.md").read_text("utf-8")
ARGUMENTS = (ROOT / "gimp_plugin" / "neural-style" / "neuralstyle" / "arguments.py").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
ELSEWHERE = {"-h", "--help", "-o", "--output"}


def section(title: str) -> str:
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_failure_is_in_the_table_once() -> None:
    table = [row.split("|")[2] for row in section("When something is wrong").splitlines() if row.startswith("| ")]
    codes = re.findall(r"`([a-z-]+)`", " ".join(table))
    assert sorted(codes) == sorted(ERRORS)


def test_every_argument_and_option_is_in_the_table() -> None:
    cells = [row.split("|")[1:3] for row in section("For scripts").splitlines() if row.startswith("| ")]
    arguments, options = (set(re.findall(r"`([a-z-]+)`", " ".join(column))) for column in zip(*cells, strict=True))
    declared = re.findall(r'add_(?!\w*_aux_)(?:\w+_argument|choice)\(\s*(?:procedure,\s*)?"([a-z-]+)"', ARGUMENTS)
    assert arguments == set(declared)
    assert options == _options("stylize") - ELSEWHERE


def _options(command: str) -> set[str]:
    commands = next(a for a in cli._parser()._actions if isinstance(a, argparse._SubParsersAction))
    return {option for action in commands.choices[command]._actions for option in action.option_strings}


def test_every_example_is_shown() -> None:
    shown = re.findall(r"images/settings/([a-z-]+)\.jpg", SETTINGS)
    assert sorted(shown) == sorted(SHEETS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", text):
        path, _, anchor = (target[0] or target[1]).partition("#")
        if path.startswith("http"):
            continue
        there = page.parent / path if path else page
        assert there.exists(), f"{page.name} links to {path}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings}


def test_the_readmes_pictures_are_small() -> None:
    pictures = {ROOT / path for path in re.findall(r"docs/images/[\w/.-]+", README)}
    assert sum(path.stat().st_size for path in pictures if path.parent.name == "gallery") < 1_500_000
