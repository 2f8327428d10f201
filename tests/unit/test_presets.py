"""What can be chosen is the same everywhere."""

from __future__ import annotations

import ast
from pathlib import Path

from backend.engine.schedule import FINEST_STEPS
from backend.protocol.job import PRESETS

PROCEDURE = Path(__file__).parents[2] / "gimp_plugin" / "neural-style" / "neuralstyle" / "procedure.py"


def test_the_engine_and_gimp_know_every_preset() -> None:
    assigned = {
        node.targets[0].id: node.value
        for node in ast.parse(PROCEDURE.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    # Only GIMP's own Python can import the procedure.
    offered = ast.literal_eval(assigned["PRESETS"])
    assert tuple(name for name, _, _ in offered) == PRESETS == tuple(FINEST_STEPS)
