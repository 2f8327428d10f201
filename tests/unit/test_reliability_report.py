"""docs/RELIABILITY.md is made of the committed figures."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.reliability import report
from benchmarks.reliability.figures import mib, ms, p99, s
from benchmarks.reliability.rows import ROWS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_committed_report_is_made_of_the_committed_figures() -> None:
    results = json.loads((DOCS / "reliability.json").read_text("utf-8"))
    assert report.render(results) == (DOCS / "RELIABILITY.md").read_text("utf-8")
    assert set(results["rows"]) == {row.name for row in ROWS}


def test_a_drill_that_failed_or_was_left_out_is_told() -> None:
    machine = {"date": "2026-01-02", "processor": "P", "cores": 2, "system": "S", "load": 0.1}
    failed = {"orphans": {}, "end": {"failed": "The drill was given up after 1 s."}}
    text = report.render({"quick": True, "seconds": 5.0, "machine": machine, "rows": failed})
    assert "--quick" in text
    assert "| The drill was given up after 1 s. | **no** |" in text
    assert text.count("| not measured | ? |") == len(ROWS) - 1


def test_figures_in_words() -> None:
    assert p99(list(range(1, 101))) == 99
    assert p99([3.0, 1.0]) == 3.0
    assert [ms(0.0123), ms(0.00123), s(1.26), s(120.4), mib(3 << 20)] == [
        "12 ms",
        "1.2 ms",
        "1.3 s",
        "120 s",
        "3.0 MiB",
    ]
