"""What can be chosen is the same everywhere."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from backend.engine.schedule import FINEST_STEPS
from backend.protocol import job
from backend.protocol.job import PRESETS

ARGUMENTS = Path(__file__).parents[2] / "gimp_plugin" / "neural-style" / "neuralstyle" / "arguments.py"


def test_the_engine_and_gimp_know_every_preset() -> None:
    assert offered("PRESETS") == PRESETS == tuple(FINEST_STEPS)


@pytest.mark.parametrize("name", ["OPTIMISERS", "POOLINGS", "INITS", "DEVICES"])
def test_gimp_offers_what_the_protocol_knows(name: str) -> None:
    assert offered(name) == getattr(job, name)


def offered(name: str) -> tuple[str, ...]:
    """The words of a choice in the plug-in, which only GIMP's own Python can import."""
    [table] = [
        node.value
        for node in ast.parse(ARGUMENTS.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    ]
    assert isinstance(table, ast.Tuple)
    return tuple(ast.literal_eval(option.elts[0]) for option in table.elts if isinstance(option, ast.Tuple))
