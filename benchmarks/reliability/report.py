"""docs/RELIABILITY.md, made from the results of a run and nothing else."""

from __future__ import annotations

from typing import Any

from backend.protocol.events import duration
from benchmarks.reliability.rows import ROWS, Row


def render(results: dict[str, Any]) -> str:
    """The whole document; a promise whose drill failed says so."""
    machine = results["machine"]
    command = "python -m benchmarks.reliability" + " --quick" * results["quick"]
    lines = [
        "# Reliability",
        "",
        f"Made by `{command}` on {machine['date']} in {duration(results['seconds'])}, with real "
        f"processes, sockets and signals, on {machine['processor']}, {machine['cores']} cores, {machine['system']}; "
        f"load by other programs at the start: {machine['load']}. The tests in `tests/service/test_reliability_*.py` "
        "are the same drills with fewer rounds.",
        "",
        *_again(results),
        "| promise | target | measured | kept | how |",
        "|-|-|-|-|-|",
        *(_line(row, results["rows"].get(row.name)) for row in ROWS),
    ]
    return "\n".join(lines) + "\n"


def _again(results: dict[str, Any]) -> list[str]:
    again = results.get("again", [])
    return [f"Measured once more on their own afterwards: {', '.join(again)}.", ""] if again else []


def _line(row: Row, found: dict[str, Any] | None) -> str:
    if found is None:
        told, kept = "not measured", "?"
    elif "failed" in found:
        told, kept = found["failed"], "**no**"
    else:
        told, kept = row.tell(found), "yes" if row.keeps(found) else "**no**"
    return f"| {row.name} | {row.target} | {told} | {kept} | {row.how} |"
