"""The report in Markdown, made from the results of a run and nothing else."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from backend.protocol.events import duration
from benchmarks.conditions import Result
from benchmarks.race import FAILURE, GOAL

WIDTH = 140
"""Characters of a line of prose."""
Section = Callable[[Result], list[str]]


def write(results: Result, out: Path) -> None:
    """Write BENCHMARKS.md into a folder."""
    (out / "BENCHMARKS.md").write_text(render(results), "utf-8")


def render(results: Result) -> str:
    """The whole report; a part without results is a sentence that says why."""
    lines = ["# Benchmarks", "", *_preface(results), *_glance(results)]
    for name, (title, section) in SECTIONS.items():
        found = results["parts"].get(name, {"failed": "It was not measured."})
        lines += ["", f"## {title}", ""]
        if failed := found.get("failed"):
            lines += [f"Not whole: {failed}", ""]
        try:
            lines += section(found)
        except (KeyError, IndexError, ValueError):
            # Nothing of it, or not enough for its table, was measured before it failed.
            lines += [] if found.get("failed") else ["There are no results."]
    lines += ["", *_sheets(results)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def entry_line(results: Result, pair: str) -> str:
    """What the engine's picture from the race is, in a few words."""
    raced = results["parts"].get("race", {}).get("pairs", {}).get(pair, {})
    if "last" not in raced:
        return "ours, from the race"
    last = raced["last"]
    return f"ours after {last['seconds']:.0f} s, as good as the recipe after {last['recipe_step']:.0f} steps"


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """A table in Markdown."""
    lines = [header, ["-"] * len(header), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), WIDTH)


def _in_one_run(results: Result) -> str:
    again = [name for name in results.get("again", []) if name != "gpu"]
    return f"in one run; {', '.join(again)} once more on their own afterwards" if again else "all of it in one run"


def _preface(results: Result) -> list[str]:
    m = results["machine"]
    command = "python -m benchmarks" + " --quick" * results["quick"]
    peaks = ", ".join(f"{rate / 1e9:.0f} GFLOP/s in {name}" for name, rate in m["peaks"].items())
    took = f" in {duration(results['seconds'])}" if "seconds" in results else ""
    lines = [
        f"Made by `{command}` on {m['date']}{took}, {_in_one_run(results)}.",
        "",
        *table(
            ("machine", ""),
            [
                ("processor", m["processor"]),
                *([("its instructions", ", ".join(m["instructions"]))] if m.get("instructions") else []),
                ("cores, threads used", f"{m['cores']}, {m['threads']}"),
                ("memory", f"{m['memory_bytes'] / 2**30:.0f} GiB"),
                ("system", m["system"]),
                ("Python, PyTorch", f"{m['python']}, {m['torch']}"),
                ("the engine's precision", m["precision"]),
                ("product of matrices", peaks),
                ("load by other programs at the start", m["load"]),
            ],
        ),
        "",
    ]
    if results["quick"]:
        lines += ["This was a quick run: one pair, the nearer target, a smaller large layer, one preset.", ""]
    if results["missing"]:
        lines += [f"Left out, because their pictures were not found: {', '.join(results['missing'])}.", ""]
    return lines


def _glance(results: Result) -> list[str]:
    rows: list[Sequence[Any]] = []
    parts = results["parts"]
    for target in parts.get("race", {}).get("targets", []):
        goal = f"1/{GOAL}, failure above 1/{FAILURE}"
        rows.append((f"time to the recipe's loss after {target} steps", goal, _summary(parts["race"], target)))
    if "share" in (part := parts.get("efficiency", {})):
        rows.append(("share of the machine's peak", f"{part['goal']:.0%}", f"{part['share']:.0%}"))
    if "above" in (part := parts.get("memory", {})):
        rows.append(("memory above the model, 512 x 512", _mb(part["bound"]), _mb(part["above"])))
    if "peak" in (part := parts.get("large", {})):
        size = f"{part['width']} x {part['height']}"
        rows.append((f"the worker's memory in all, {size}", _gb(part["bound"]), _gb(part["peak"])))
    if errors := [job["error"] for job in parts.get("estimates", {}).get("jobs", []) if job["error"] is not None]:
        worst = max(errors, key=abs)
        rows.append(("largest error of an estimate", f"{parts['estimates']['bound']:.0%}", f"{worst:+.0%}"))
    return ["## At a glance", "", *table(("", "goal", "reached"), rows)] if rows else []


def _summary(race: Result, target: int) -> str:
    """The median ratio and its spread over pairs; one that did not get there counts as if it had at its end."""
    pairs = [pair for pair in race["pairs"].values() if "failed" not in pair]
    outcomes = [pair["targets"][str(target)] for pair in pairs if str(target) in pair.get("targets", {})]
    if not outcomes:
        return "not measured"
    ratios = sorted(at["ratio"] or at["ratio_below"] for at in outcomes)
    middle, missed = median(ratios), sum(at["ratio"] is None for at in outcomes)
    text = f"1/{middle:.1f} (1/{ratios[0]:.1f} to 1/{ratios[-1]:.1f})"
    if missed:
        text += f"; {missed} of {len(outcomes)} did not reach it before the race was ended, and count as if then"
    if left_out := len(pairs) - len(outcomes):
        text += f"; {left_out} of {len(pairs)} pairs not raced"
    verdict = "goal reached" if middle >= GOAL else "goal missed" if middle >= FAILURE else "failure"
    if middle >= FAILURE and 2 * missed > len(outcomes):
        verdict = "goal missed, and the time was too short to tell whether it is a failure"
    return f"{text}: {verdict}"


def _race(race: Result) -> list[str]:
    rows = []
    for name, pair in race["pairs"].items():
        for target, at in pair.get("targets", {}).items():
            reached = at["seconds"] is not None
            rows.append(
                (
                    name,
                    target,
                    f"{at['loss']:.4g}",
                    f"{at['recipe_seconds']:.0f} s",
                    f"{at['seconds']:.0f} s" if reached else "not reached",
                    f"1/{at['ratio']:.1f}" if reached else f"below 1/{at['ratio_below']:.1f}",
                    f"1/{at['cpu_ratio']:.1f}" if reached else "",
                )
            )
    raced = {name: pair for name, pair in race["pairs"].items() if "last" in pair}
    return [
        *_paragraph(f"""
            The time until the engine's picture, judged by the same fp32 loss at the same settings, is as good as
            that of the paper's recipe (`benchmarks/recipe.py`: fp32, one scale, 512 px, from the content, L-BFGS on
            pixels). The recipe's time is its steps times the seconds of one, measured between the engine's steps;
            its losses are stored, and the one that it starts from is computed again to see that they still hold.
            Judging is not counted, nor is loading on either side. One race leads to all targets. It ends at
            1/{race["give_up"]:g} of the recipe's time, or when the benchmark has no more time.
        """),
        "",
        *table(("pair", "steps", "loss", "recipe", "engine", "ratio", "ratio of processor time"), rows),
        "",
        *table(
            (
                "pair",
                "a step of the recipe",
                "curve off by",
                "the engine's last picture",
                "as good as the recipe after",
            ),
            [
                (
                    name,
                    f"{pair['recipe_seconds_per_step']:.2f} s",
                    f"{pair['curve_error']:.1e}",
                    f"{pair['steps']} steps at the finest scale, {pair['last']['seconds']:.0f} s",
                    f"{pair['last']['recipe_step']:.0f} steps",
                )
                for name, pair in raced.items()
            ],
        ),
        "",
        *(f"{name}: {pair['failed']}" for name, pair in race["pairs"].items() if "failed" in pair),
    ]


def _pastiche(peer: Result) -> list[str]:
    return [
        *_paragraph(f"""
            pastiche {peer["version"]} from PyPI by its own command, with `--size 512` and its defaults (fp32, max
            pooling, L-BFGS), on the pair {peer["pair"]}. {peer["steps"]} steps were taken; the time of its default
            steps is extrapolated from them. It minimises another loss, so it is not in the race.
        """),
        "",
        *table(
            ("start", "a step", f"{peer['default_steps']} steps, extrapolated"),
            [
                (
                    f"{peer['startup']:.0f} s",
                    f"{peer['seconds_per_step']:.2f} s",
                    duration(peer["default_seconds"]),
                )
            ],
        ),
    ]


def _memory(found: Result) -> list[str]:
    header = ("", "above the loaded model", "predicted", "bound", "in all")
    row = (f"{found['side']} x {found['side']}", *(_mb(found[key]) for key in ("above", "predicted", "bound", "peak")))
    return ["The worker's peak resident memory, with the optimiser's memory full.", "", *table(header, [row])]


def _efficiency(found: Result) -> list[str]:
    low, high = found["shares"]
    return [
        *_paragraph("""
            A step's convolutions, forward and back to the picture, over the time of the whole step, as a share of a
            plain product of matrices in the same precision, measured after each step. In fp32 Winograd's algorithm
            leaves out multiplications that are counted, so the share can be above one.
        """),
        "",
        *table(
            ("", "a step", "rate", "peak", "share", "lowest to highest"),
            [
                (
                    f"{found['side']} x {found['side']}",
                    f"{found['seconds']:.2f} s",
                    f"{found['rate'] / 1e9:.0f} GFLOP/s",
                    f"{found['peak'] / 1e9:.0f} GFLOP/s",
                    f"{found['share']:.0%}",
                    f"{low:.0%} to {high:.0%}",
                )
            ],
        ),
    ]


def _large(found: Result) -> list[str]:
    header = (
        "",
        "steps",
        "time",
        "the worker's peak in all",
        "of it loaded",
        "predicted",
        "bound",
        "tile",
        "pairs remembered",
    )
    row = (
        f"{found['width']} x {found['height']}",
        found["steps"],
        duration(found["seconds"]),
        *(_gb(found[key]) for key in ("peak", "loaded", "predicted", "bound")),
        f"{found['tile']} px",
        f"at most {found['history']}",
    )
    note = "" if found["complete"] else " The layer of 6000 x 4000 is measured by a whole run only."
    return [f"At its full resolution, end to end through the backend, with few steps.{note}", "", *table(header, [row])]


def _estimates(found: Result) -> list[str]:
    rows = [
        (
            job["preset"],
            job["size"],
            "" if job["told"] is None else f"{job['told']:.1f} s",
            f"{job['seconds']:.1f} s",
            "" if job["error"] is None else f"{job['error']:+.0%}",
        )
        for job in found["jobs"]
    ]
    lines = table(("preset", "working size", "estimate", "truth", "error"), rows)
    if not found["answers"]:
        lines += ["", "This version of the backend does not answer estimates; the times are those of the jobs."]
    if found["left_out"]:
        names = ", ".join(f"{preset} at {size}" for preset, size in found["left_out"])
        lines += ["", f"Left out for lack of time: {names}."]
    return [f"Through the warm backend, on the pair {found['pair']}.", "", *lines]


def _presets(found: Result) -> list[str]:
    if not found["seconds"]:
        return ["Only the first pair was painted with presets; see the estimates."]
    rows = [(name, found["preset"], f"{seconds:.0f} s") for name, seconds in found["seconds"].items()]
    return table(("pair", "preset", "time"), rows)


def _gpu(found: Result) -> list[str]:
    if found.get("none"):
        return ["There was no GPU."]
    rows = [
        (
            f"{at['side']} x {at['side']}",
            f"{1000 * at['seconds']:.1f} ms",
            f"{at['rate'] / 1e12:.0f} TFLOP/s",
            f"{at['share']:.0%}",
            f"{1000 * at['recipe_seconds']:.1f} ms",
            _mb(at["bytes"]),
            _mb(at["predicted"]),
        )
        for at in found["steps"]
    ]
    header = ("", "a step", "rate", "share of the peak", "a step of the recipe", "memory", "predicted")
    took = [(job["size"], *(f"{job[key]:.1f} s" for key in ("seconds", "told"))) for job in found["jobs"]]
    return [
        *_paragraph(f"""
            On a machine of its own on {found["date"]}: {found["device"]}, PyTorch {found["torch"]},
            {found["precision"]}. Its peak, a product of matrices, is {found["peak"] / 1e12:.0f} TFLOP/s; the rate
            counts a step's convolutions over all of its time. The recipe is computed as PyTorch does it there by
            default, in TF32. Memory is that of the GPU beside the network.
        """),
        "",
        *table(header, rows),
        "",
        f"Whole jobs through the backend, in the preset {found['jobs'][0]['preset']}:",
        "",
        *table(("", "time", "told in advance"), took),
    ]


def _sheets(results: Result) -> list[str]:
    lines = ["## Side by side", ""]
    lines += ["The recipe's pictures are stored: `python -m benchmarks --full` makes them, and pastiche's.", ""]
    for name in results.get("sheets", []):
        lines += [f"![{name}](benchmarks/{name}.jpg)", ""]
    return lines


def _mb(count: float) -> str:
    return f"{count / 1e6:.0f} MB"


def _gb(count: float) -> str:
    return f"{count / 1e9:.2f} GB"


SECTIONS: dict[str, tuple[str, Section]] = {
    "race": ("Time to the recipe's loss", _race),
    "pastiche": ("pastiche", _pastiche),
    "efficiency": ("Efficiency", _efficiency),
    "memory": ("Memory", _memory),
    "large": ("A large layer", _large),
    "estimates": ("Time told in advance", _estimates),
    "presets": ("Other pairs in a preset", _presets),
    "gpu": ("On a GPU", _gpu),
}
