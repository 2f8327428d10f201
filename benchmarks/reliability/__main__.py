"""`python -m benchmarks.reliability`: what the service promises, measured, into docs/RELIABILITY.md."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.conditions import say
from benchmarks.reliability import report
from benchmarks.reliability.home import CHECKOUT, new_home
from benchmarks.reliability.rows import ROWS, Row

MODULE = "benchmarks.reliability"
GRACE = 15.0
"""Seconds that a drill which is given up has to clean up."""
LONG_WAY = ROWS[0]
"""The drill that mostly waits for its link, and runs beside those in which milliseconds do not count."""


def main() -> int:
    """Run the program and return its exit code: 1 if a promise was not kept."""
    options = _options()
    if options.row:
        return _serve(next(row for row in ROWS if row.name == options.row), options.quick, options.result)
    if options.report or options.again:
        results = json.loads(_json(options.out).read_text("utf-8"))
        _measure_again(options.again, results)
    else:
        results = _measure(options.quick)
    _json(options.out).write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    (options.out / "RELIABILITY.md").write_text(report.render(results), "utf-8")
    say(f"The report is in {options.out / 'RELIABILITY.md'}")
    return 0 if all(_kept(row, results["rows"].get(row.name)) for row in ROWS) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about 3 minutes instead of about 8, with fewer rounds")
    parser.add_argument("--report", action="store_true", help="only write the report again from the last results")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs", metavar="DIR", help="where the report goes")
    parser.add_argument("--again", nargs="+", default=[], choices=[row.name for row in ROWS], metavar="PROMISE",
                        help="measure only these once more, and keep the rest of the last results")  # fmt: skip
    parser.add_argument("--row", help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _json(out: Path) -> Path:
    return out / "reliability.json"


def _kept(row: Row, found: dict[str, Any] | None) -> bool:
    return found is not None and "failed" not in found and row.keeps(found)


def _measure(quick: bool) -> dict[str, Any]:
    began, rows = time.monotonic(), {}
    about = machine.describe()
    with tempfile.TemporaryDirectory(prefix="ns-drills-") as folder:
        beside: _Drill | None = _Drill(LONG_WAY, quick, Path(folder))
        for row in sorted((row for row in ROWS if row is not LONG_WAY), key=lambda row: row.timed):
            if row.timed and beside is not None:
                rows[LONG_WAY.name] = beside.found()
                beside = None
            rows[row.name] = _Drill(row, quick, Path(folder)).found()
    return {"quick": quick, "machine": about, "rows": rows, "seconds": time.monotonic() - began}


def _measure_again(names: list[str], results: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="ns-drills-") as folder:
        for row in (row for row in ROWS if row.name in names):
            results["rows"][row.name] = _Drill(row, results["quick"], Path(folder)).found()
    if names:
        results["again"] = sorted({*results.get("again", []), *names})


class _Drill:
    """A drill in a process of its own, so that one that hangs or is killed loses nothing but itself."""

    def __init__(self, row: Row, quick: bool, folder: Path) -> None:
        self._row, self._began = row, time.monotonic()
        self._result = folder / f"{row.name}.json"
        command = [sys.executable, "-m", MODULE, "--row", row.name, "--result", str(self._result)]
        self._process = subprocess.Popen([*command, *["--quick"] * quick], cwd=CHECKOUT)

    def found(self) -> dict[str, Any]:
        """Wait for its figures, or for the sentence `failed`."""
        try:
            self._process.wait(max(1, self._row.seconds - (time.monotonic() - self._began)))
        except subprocess.TimeoutExpired:
            self._end()
        failed = {"failed": f"The drill was given up after {self._row.seconds:.0f} s."}
        found: dict[str, Any] = json.loads(self._result.read_text("utf-8")) if self._result.exists() else failed
        told = found.get("failed") or self._row.tell(found)
        kept = "kept" if _kept(self._row, found) else "NOT KEPT"
        say(f"{self._row.name}, {time.monotonic() - self._began:.0f} s, {kept}: {told}")
        return found

    def _end(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self._process.kill()
        self._process.wait()


def _serve(row: Row, quick: bool, result: Path) -> int:
    """The drill's own process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with new_home() as home:
        try:
            found = row.measure(home, quick)
        except Exception as error:
            found = {"failed": f"{type(error).__name__}: {error}"}
    result.write_text(json.dumps(found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
