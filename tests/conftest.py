"""Which tests run beside each other, when two run at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

GIMP = Path(__file__).parent / "gimp"
PATIENT = 10
"""The niceness of tests that run beside GIMP's, which press keys and wait for windows as a person would."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the marks
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Keep a file's tests together, which share what is slow to start, and all of GIMP's.

    GIMP's mostly wait, so that the others have the processor meanwhile.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group("gimp" if _with_gimp(item) else item.path.stem))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let GIMP's tests go first where both want the processor."""
    if "PYTEST_XDIST_WORKER" in os.environ and not _with_gimp(item) and os.nice(0) < PATIENT:
        os.nice(PATIENT)


def _with_gimp(item: pytest.Item) -> bool:
    return GIMP in item.path.parents
