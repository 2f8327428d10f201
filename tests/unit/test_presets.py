"""What can be chosen is the same everywhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from backend.engine.schedule import FINEST_STEPS
from backend.protocol import job
from backend.protocol.job import PRESETS

ARGUMENTS = Path(__file__).parents[2] / "gimp_plugin" / "neural-style" / "neuralstyle" / "arguments.py"
TAKEN = "CHLORS"
"""The letters of GIMP's own buttons in the dialog."""


def test_the_engine_and_gimp_know_every_preset() -> None:
    assert offered("PRESETS") == PRESETS == tuple(FINEST_STEPS)


@pytest.mark.parametrize("name", ["OPTIMISERS", "POOLINGS", "INITS", "DEVICES"])
def test_gimp_offers_what_the_protocol_knows(name: str) -> None:
    assert offered(name) == getattr(job, name)


def test_every_letter_leads_to_one_control() -> None:
    letters = list(TAKEN)
    for module in (ARGUMENTS, *(ARGUMENTS.parent / "dialog").glob("*.py")):
        if module.name != "file_dialog.py":  # a window of its own
            letters += re.findall(r'_\("[^"_]*_([A-Za-z])[^"_]*"\)', module.read_text("utf-8"))
    upper = [letter.upper() for letter in letters]
    assert len(upper) > len(TAKEN) + 15
    assert sorted(upper) == sorted(set(upper))


def offered(name: str) -> tuple[str, ...]:
    """The words of a choice in the plug-in, which only GIMP's own Python can import."""
    [table] = [
        node.value
        for node in ast.parse(ARGUMENTS.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    ]
    assert isinstance(table, ast.Tuple)
    return tuple(ast.literal_eval(option.elts[0]) for option in table.elts if isinstance(option, ast.Tuple))
