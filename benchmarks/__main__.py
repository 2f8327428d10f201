"""`python -m benchmarks`: everything that is claimed about speed, memory and quality, measured in one run."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import curves, machine, parts, pastiche_peer, report, sheets
from benchmarks.conditions import Conditions, Result, say
from benchmarks.pictures import CHECKOUT, SHARED, Pair, pairs

TOTAL, TOTAL_QUICKLY = 29 * 60, 5 * 60
"""Seconds of a whole run and of a quick one; parts that come when they are over are left out."""
AGAIN = 60 * 60
"""Seconds of a part that is measured again on its own."""
REPORT = CHECKOUT / "docs"


def main() -> int:
    """Run the program and return its exit code."""
    options = _options()
    everything = pairs(options.pictures)
    found = tuple(pair for pair in everything if not pair.missing)
    if options.part:
        conditions = Conditions(found, options.quick, options.seconds, options.scratch)
        return parts.serve(options.part, conditions, options.result)
    if options.report or options.again:
        results = json.loads(_results(options.out).read_text("utf-8"))
        _measure_again(options, results)
    else:
        if options.full:
            _store(found)
        results = _measure(options, found, [pair.name for pair in everything if pair.missing])
    report.write(results, options.out)
    say(f"The report is in {options.out / 'BENCHMARKS.md'}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--quick", action="store_true", help="under 5 minutes instead of under 30, with less in it")
    kind.add_argument("--full", action="store_true", help="first make what is stored anew, which takes hours")
    kind.add_argument("--report", action="store_true", help="only write the report again from the last results")
    kind.add_argument("--again", nargs="+", default=[], choices=[part.name for part in parts.PARTS], metavar="PART",
                      help="measure only these parts, and put them into the last results")  # fmt: skip
    parser.add_argument("--pictures", type=Path, default=SHARED, metavar="DIR",
                        help="where tubingen.jpg, starry_night.jpg and shipwreck.jpg are")  # fmt: skip
    parser.add_argument("--out", type=Path, default=REPORT, metavar="DIR", help="where the report goes")
    for name, kind_of in (("part", str), ("seconds", float), ("result", Path), ("scratch", Path)):
        parser.add_argument(f"--{name}", type=kind_of, help=argparse.SUPPRESS)
    return parser.parse_args()


def _store(found: tuple[Pair, ...]) -> None:
    """Make the curves and pictures that a normal run takes from the repository."""
    for pair in found:
        curves.make(pair, _stored("recipe", pair))
        pastiche_peer.make(pair, _stored("pastiche", pair))


def _stored(what: str, pair: Pair) -> Path:
    """A picture that takes hours to make; like the curves it is part of the repository, wherever the report goes."""
    return REPORT / "benchmarks" / f"{what}-{pair.name}.jpg"


def _results(out: Path) -> Path:
    return out / "benchmarks" / "results.json"


def _measure(options: argparse.Namespace, found: tuple[Pair, ...], missing: list[str]) -> Result:
    began = time.monotonic()
    last = _results(options.out)
    earlier: Result = json.loads(last.read_text("utf-8"))["parts"] if last.exists() else {}
    results: Result = {"quick": options.quick, "missing": missing, "machine": machine.describe(), "parts": {}}
    with tempfile.TemporaryDirectory(prefix="ns-benchmarks-") as folder:
        scratch = Path(folder)
        forwarded = ["--scratch", folder, "--pictures", str(options.pictures), *(["--quick"] * options.quick)]
        for part in parts.PARTS:
            left = (TOTAL_QUICKLY if options.quick else TOTAL) - (time.monotonic() - began)
            seconds = min(left, part.quick_seconds if options.quick else part.seconds)
            if seconds <= 0:
                results["parts"][part.name] = {"failed": "There was no time left for this part."}
                continue
            say(f"{part.name}, at most {seconds:.0f} s")
            found_now = parts.run(part, forwarded, scratch / f"{part.name}.json", seconds)
            # Figures of a GPU tell which one they are of, and outlive a run on a machine that has none.
            results["parts"][part.name] = earlier.get(part.name, found_now) if "none" in found_now else found_now
            _save(results, options.out)
        results["sheets"] = [_sheet(pair, results, scratch, options.out) for pair in found]
    results["seconds"] = time.monotonic() - began
    _save(results, options.out)
    return results


def _measure_again(options: argparse.Namespace, results: Result) -> None:
    """Replace parts of some results; the pictures side by side stay those of the whole run."""
    for part in parts.PARTS:
        if part.name in options.again:
            with tempfile.TemporaryDirectory(prefix="ns-benchmarks-") as folder:
                say(f"{part.name}, at most {AGAIN} s")
                forwarded = ["--scratch", folder, "--pictures", str(options.pictures)]
                found = parts.run(part, forwarded, Path(folder) / f"{part.name}.json", AGAIN)
            results["parts"][part.name] = found
            results["again"] = sorted({*results.get("again", []), part.name})
            _save(results, options.out)


def _save(results: Result, out: Path) -> None:
    path = _results(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def _sheet(pair: Pair, results: Result, scratch: Path, out: Path) -> str:
    made = Conditions((pair,), False, 0, scratch)
    cells = [
        ("content", pair.content),
        ("style", pair.style),
        (f"the recipe after {curves.STEPS} steps", _stored("recipe", pair)),
        (report.entry_line(results, pair.name), made.picture(pair.name, "equal")),
        *((f"ours, preset {preset}", made.picture(pair.name, preset)) for preset in ("draft", "normal", "high")),
        (f"pastiche after {pastiche_peer.DEFAULT_STEPS} steps", _stored("pastiche", pair)),
    ]
    sheets.write_sheet(cells, out / "benchmarks" / f"{pair.name}.jpg")
    return pair.name


if __name__ == "__main__":
    sys.exit(main())
