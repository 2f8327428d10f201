"""Which tests may run beside each other, when two run at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

GIMP = Path(__file__).parent / "gimp"


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Keep a file's tests together, which share what is slow to start, and all of GIMP's, which wait for its windows.

    GIMP's mostly wait, so that the others have the processor meanwhile.
    """
    for item in items:
        inside = GIMP in item.path.parents
        item.add_marker(pytest.mark.xdist_group("gimp" if inside else item.path.stem))
