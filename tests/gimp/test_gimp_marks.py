"""Whether GIMP takes an image for changed during a run and after it, whatever the user does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from machine import INSIDE, Machine, machine

USUAL: dict[str, Any] = {"locked": False, "before": False, "meanwhile": "", "kept": False}
CASES: dict[str, tuple[dict[str, Any], dict[str, bool]]] = {
    "nothing": ({}, {"painting": False, "afterwards": False}),
    "a change before": ({"before": True}, {"painting": True, "afterwards": True}),
    "a change meanwhile": ({"meanwhile": "change"}, {"painting": False, "afterwards": True}),
    "saved with the layer": ({"meanwhile": "save"}, {"painting": False, "afterwards": True}),
    "saved elsewhere with the layer": ({"meanwhile": "save as"}, {"painting": False, "afterwards": True}),
    "changed, then saved": ({"before": True, "meanwhile": "save"}, {"painting": True, "afterwards": True}),
    "kept": ({"kept": True}, {"painting": False, "afterwards": True}),
    "kept in a locked group": ({"kept": True, "locked": True}, {"painting": False, "afterwards": True}),
    "kept, once saved": ({"kept": True, "meanwhile": "save"}, {"painting": False, "afterwards": True}),
    "kept, once changed and saved": (
        {"kept": True, "before": True, "meanwhile": "save"},
        {"painting": True, "afterwards": True},
    ),
}


@pytest.fixture(scope="module", params=["3.0", "3.2"])
def gimp(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with machine(request.param) as made:
        yield made


def test_only_what_the_user_did_and_what_stays_is_a_change(gimp: Machine) -> None:
    cases = [USUAL | {"name": name} | case for name, (case, _) in CASES.items()]
    played = gimp.play("marks", cases, program=INSIDE.with_name("marks_inside.py"))
    played.pop("output")
    assert played == {name: expected for name, (_, expected) in CASES.items()}
