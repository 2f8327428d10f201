"""The benchmarks' arithmetic, the stored curves, and the report that is made of results."""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from backend.engine.layers import convolutions_to
from backend.engine.objective import Objective, style_grams
from backend.engine.settings import STYLE_LAYERS
from backend.engine.vgg import VGG19
from benchmarks import __main__ as program
from benchmarks import curves, machine, parts, pastiche_peer, race, report, sheets
from benchmarks.conditions import Conditions, Result
from benchmarks.efficiency import step_operations
from benchmarks.pictures import SHARED, load, pairs, pixel_hash, write_picture
from benchmarks.race import Point, crossing
from benchmarks.recipe import Recipe


def test_a_steps_operations_are_those_that_torch_counts(network: VGG19) -> None:
    names = convolutions_to(STYLE_LAYERS)
    filters = {name: (w.shape[0], w.shape[1]) for name in names for w in [network.convolutions[name].weight]}
    blocks: list[nn.Module] = []
    for name, (outputs, inputs) in filters.items():
        blocks += [nn.AvgPool2d(2)] if name.endswith("_1") and name != "1_1" else []
        blocks.append(nn.Conv2d(inputs, outputs, 3, padding=1).requires_grad_(False))
    picture = torch.rand(1, 3, 48, 80, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        nn.Sequential(*blocks)(picture).sum().backward()
    assert step_operations(48, 80, filters) == counter.get_total_flops()


falling = st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.01, 0.99)), min_size=2, max_size=8)


@given(falling, st.floats(0.01, 0.99))
def test_the_crossing_lies_on_the_line_between_the_points_around_it(
    steps: list[tuple[float, float]], at: float
) -> None:
    points, seconds, loss = [], 0.0, 1.0
    for more, factor in steps:
        seconds, loss = seconds + more, loss * factor
        points.append(Point(seconds, 2 * seconds, loss))
    before, after = points[-2:]
    found = crossing(points, before.loss + at * (after.loss - before.loss))
    assert found is not None
    assert found.wall == pytest.approx(before.wall + at * (after.wall - before.wall))
    assert found.cpu == pytest.approx(2 * found.wall)
    assert crossing(points, after.loss / 2) is None
    assert crossing(points, 1.0) == points[0]


@given(falling, st.floats(0.01, 0.99))
def test_a_curve_tells_after_how_many_steps_the_recipe_had_a_loss(steps: list[tuple[float, float]], at: float) -> None:
    losses = [1.0]
    for _, factor in steps:
        losses.append(losses[-1] * factor)
    curve = curves.Curve("", "", {}, tuple(losses))
    last = len(losses) - 1
    assert curve.step_at(losses[-2] + at * (losses[-1] - losses[-2])) == pytest.approx(last - 1 + at)
    assert (curve.step_at(2.0), curve.step_at(losses[-1] / 2)) == (0, last)


def test_stored_curves_are_whole_and_of_the_pictures_at_hand() -> None:
    for pair in pairs(SHARED):
        curve = curves.read(pair.name)
        assert len(curve.losses) == curves.STEPS + 1
        assert curve.losses[500] < curve.losses[200] < curve.losses[0]
        assert curve.settings == curves.SETTINGS
        if not pair.missing:
            curve.check_source(load(pair.content), load(pair.style))


def test_the_demos_curve_begins_where_the_recipe_begins() -> None:
    pair = pairs(SHARED)[0]
    content = load(pair.content)
    curve = curves.read(pair.name)
    assert curve.error(Recipe(content, load(pair.style)).judge(content)) < curves.TOLERANCE
    assert curve.error(1.1 * curve.losses[0]) == pytest.approx(0.1)


def test_a_curve_of_other_pictures_is_not_used() -> None:
    pair = pairs(SHARED)[0]
    content, style = load(pair.content), load(pair.style)
    with pytest.raises(curves.Stale, match="other pictures"):
        curves.read(pair.name).check_source(1 - content, style)


def test_a_curve_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "FOLDER", tmp_path)
    curve = curves.Curve("a", "b", curves.SETTINGS, (3.5, 2.25, 1.0))
    curves.write("some", curve)
    assert curves.read("some") == curve
    with pytest.raises(curves.Stale, match="--full"):
        curves.read("other")


def test_the_engine_races_with_the_recipes_loss(network: VGG19) -> None:
    # The style's area is the content's here, so that the engine has no reason to resample it. conv5_1, which the engine
    # leaves out, is a hundred-thousandth of the loss of noise; every other layer is enough to be missed.
    content, style, x = (torch.rand(1, 3, *size) for size in ((64, 96), (96, 64), (64, 96)))
    _, settings = race.entry(content, style)
    assert settings.style_size == pytest.approx(1)
    objective = Objective(network, content, style_grams(network, [(style, 1.0)], settings), settings)
    assert objective.evaluate(x)[0] == pytest.approx(Recipe(content, style).judge(x), rel=1e-4)


def test_one_race_leads_to_both_targets_and_tells_how_long_the_recipe_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = pairs(SHARED)[0]
    content, style = load(pair.content, 96), load(pair.style, 96)
    losses = tuple(step.loss for step in Recipe(content, style).run(41))
    curve = curves.Curve(pixel_hash(content), pixel_hash(style), curves.SETTINGS, losses)
    monkeypatch.setattr(curves, "FOLDER", tmp_path)
    curves.write(pair.name, curve)
    monkeypatch.setattr(race, "load", partial(load, long_side=96))
    monkeypatch.setattr(race, "TARGETS", (20, 40))
    monkeypatch.setattr(race, "GIVE_UP", 0.1)  # so small pictures take as long with each step's overhead
    (result,) = race.measure(Conditions((pair,), False, 600, tmp_path))
    found = result["pairs"][pair.name]
    near, far = (found["targets"][steps] for steps in ("20", "40"))
    assert 0 < near["seconds"] <= far["seconds"] <= found["last"]["seconds"]
    for steps, at in ((20, near), (40, far)):
        assert at["loss"] == pytest.approx(losses[steps])
        assert at["ratio"] == pytest.approx(steps * found["recipe_seconds_per_step"] / at["seconds"])
    assert found["last"]["recipe_step"] == 40
    assert found["last"]["loss"] <= losses[40] < found["points"][-2][1]
    picture = load(tmp_path / f"{pair.name}-equal.png", 96)
    assert Recipe(content, style).judge(picture) < 1.1 * losses[40]


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_half_precision_is_measured_where_the_engine_works_in_it(
    precision: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "engine_precision", lambda: precision)
    measured = machine.matrix_rate(torch.float32, side=32)
    monkeypatch.setattr(machine, "matrix_rate", lambda _: measured)
    assert machine.describe()["peaks"] == {machine.name_of(dtype): measured for dtype in {precision, torch.float32}}


def test_pastiches_output_tells_its_times() -> None:
    output = (
        "size: 512x341\n\nstep elapsed loss\n---- ------- ----\n0    8.1     30385368.00\n10   28.1    5017239.00\n"
    )
    assert pastiche_peer.times(pastiche_peer.parse(output)) == pytest.approx((8.1, 2.0))


RESULTS: Result = {
    "quick": False,
    "missing": ["shipwreck"],
    "seconds": 1500.0,
    "sheets": ["demo"],
    "machine": {
        "processor": "A Processor", "cores": 2, "threads": 2, "memory_bytes": 24 << 30, "system": "A System",
        "python": "3.11", "torch": "2.13", "precision": "bfloat16", "date": "2026-01-02", "load": 0.1,
        "peaks": {"bfloat16": 6e11, "float32": 2e11},
    },
    "parts": {
        "race": {
            "targets": [200, 500], "give_up": 4,
            "pairs": {
                "demo": {
                    "recipe_seconds_per_step": 2.0, "curve_error": 1e-6, "steps": 100,
                    "last": {"seconds": 250.0, "loss": 6e5, "recipe_step": 321.0},
                    "targets": {
                        "200": {"loss": 6e5, "recipe_seconds": 400.0, "seconds": 50.0, "ratio": 8.0,
                                "ratio_below": None, "cpu_ratio": 8.5},
                        "500": {"loss": 5e5, "recipe_seconds": 1000.0, "seconds": None, "ratio": None,
                                "ratio_below": 4.0, "cpu_ratio": None},
                    },
                },
                "starry_night": {"failed": "The stored curve was made from other pictures."},
            },
        },
        "pastiche": {"version": "1.6.0", "pair": "demo", "steps": 40, "startup": 8.0, "seconds_per_step": 1.7,
                     "default_steps": 1000, "default_seconds": 1708.0},
        "efficiency": {"side": 512, "seconds": 0.9, "rate": 4e11, "peak": 6e11, "share": 0.66,
                       "shares": [0.6, 0.7], "goal": 0.75},
        "memory": {"side": 512, "bound": 4e8, "loaded": 4.5e8, "peak": 8e8, "above": 3.5e8,
                   "predicted": 4.2e8},
        "large": {"width": 6000, "height": 4000, "steps": 3, "seconds": 300.0, "loaded": 4e8, "peak": 2.9e9,
                  "predicted": 2.95e9, "tile": 512, "history": 3, "bound": 3e9, "complete": True},
        "estimates": {"pair": "demo", "bound": 0.25, "answers": True, "left_out": [["high", 512]],
                      "jobs": [{"preset": "draft", "size": 192, "seconds": 2.0, "told": 2.2, "error": 0.1}]},
        "presets": {"preset": "normal", "seconds": {"starry_night": 61.0}},
    },
}  # fmt: skip


def test_the_report_has_every_table_and_the_verdicts() -> None:
    text = report.render(RESULTS)
    for expected in (
        "| processor | A Processor |",
        "| time to the recipe's loss after 200 steps | 1/10, failure above 1/5 | 1/8.0 (1/8.0 to 1/8.0): goal missed |",
        "1/4.0 (1/4.0 to 1/4.0); 1 of 1 did not reach it",
        "| demo | 200 | 6e+05 | 400 s | 50 s | 1/8.0 | 1/8.5 |",
        "| demo | 500 | 5e+05 | 1000 s | not reached | below 1/4.0 |  |",
        "starry_night: The stored curve was made from other pictures.",
        "| 8 s | 1.70 s | 28 min 28 s |",
        "| 512 x 512 | 0.90 s | 400 GFLOP/s | 600 GFLOP/s | 66% | 60% to 70% |",
        "| 512 x 512 | 350 MB | 420 MB | 400 MB | 800 MB |",
        "| 6000 x 4000 | 3 | 5 min 0 s | 2.90 GB | 0.40 GB | 2.95 GB | 3.00 GB | 512 px | at most 3 |",
        "| draft | 192 | 2.2 s | 2.0 s | +10% |",
        "Left out for lack of time: high at 512.",
        "| starry_night | normal | 61 s |",
        "not found: shipwreck.",
        "![demo](benchmarks/demo.jpg)",
    ):
        assert expected in text


def test_pairs_that_there_was_no_time_for_are_counted() -> None:
    results = copy.deepcopy(RESULTS)
    results["parts"]["race"]["pairs"]["starry_night"] = {"targets": {}}
    assert "(1/8.0 to 1/8.0); 1 of 2 pairs not raced: goal missed" in report.render(results)


def test_a_race_that_was_ended_too_early_for_a_verdict_says_so() -> None:
    results = copy.deepcopy(RESULTS)
    results["parts"]["race"]["pairs"]["demo"]["targets"]["500"]["ratio_below"] = 7.0
    assert "count as if then: goal missed, and the time was too short to tell" in report.render(results)
    assert "too short to tell" not in report.render(RESULTS)


@pytest.mark.parametrize("name", sorted(report.SECTIONS))
def test_a_part_that_failed_loses_no_other(name: str) -> None:
    results = copy.deepcopy(RESULTS)
    results["parts"][name] = {"failed": "The measurement was stopped after 9 s."}
    text = report.render(results)
    assert "Not whole: The measurement was stopped after 9 s." in text
    assert all(f"## {title}" in text for title, _ in report.SECTIONS.values())
    del results["parts"][name]
    assert "It was not measured." in report.render(results)


@pytest.mark.parametrize("earlier", [{}, {"gpu": {"device": "a GPU that was here"}}])
def test_figures_of_a_gpu_outlive_a_run_without_one(
    earlier: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "results.json").write_text(json.dumps({"parts": earlier}), "utf-8")
    monkeypatch.setattr(parts, "PARTS", tuple(part for part in parts.PARTS if part.name == "gpu"))
    monkeypatch.setattr(parts, "run", lambda *_: {"none": True})
    # Measured it would take minutes where half precision is slow.
    monkeypatch.setattr(machine, "describe", lambda: RESULTS["machine"])
    options = argparse.Namespace(quick=True, out=tmp_path, pictures=tmp_path)
    results = program._measure(options, (), [])
    assert results["parts"] == (earlier or {"gpu": {"none": True}})
    assert ("There was no GPU." in report.render(results)) == (not earlier)


@pytest.mark.parametrize("folder", ["", "avx2"])
def test_a_committed_report_is_made_of_the_committed_results(folder: str) -> None:
    docs = Path(__file__).parents[2] / "docs" / folder
    results = json.loads((docs / "benchmarks" / "results.json").read_text("utf-8"))
    assert report.render(results) == (docs / "BENCHMARKS.md").read_text("utf-8")
    for name in results["sheets"]:
        assert (docs / "benchmarks" / f"{name}.jpg").is_file()


def test_a_measurement_that_breaks_off_keeps_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(conditions: Conditions) -> Iterator[Result]:
        yield {"one": 1}
        raise ValueError("too bad")

    monkeypatch.setattr(parts, "PARTS", (parts.Part("some", measure, 1, 1),))
    result = tmp_path / "some.json"
    parts.serve("some", Conditions((), True, 1, tmp_path), result)
    assert json.loads(result.read_text()) == {"one": 1, "failed": "ValueError: too bad"}


def test_a_part_in_its_own_process_is_stopped_when_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "GRACE", 0.01)
    found = parts.run(parts.PARTS[0], ["--pictures", str(tmp_path)], tmp_path / "found.json", 0.01)
    assert found == {"failed": "The measurement was stopped after 0 s."}


def test_a_sheet_leaves_out_what_is_missing(tmp_path: Path) -> None:
    write_picture(torch.rand(1, 3, 40, 60), tmp_path / "there.jpg")
    there, missing = ("there", tmp_path / "there.jpg"), ("missing", tmp_path / "missing.jpg")
    sheets.write_sheet([there, missing, there], tmp_path / "sheet.jpg")
    sheet = load(tmp_path / "sheet.jpg", 1000)
    sheets.write_sheet([there, there], tmp_path / "other.jpg")
    assert torch.equal(sheet, load(tmp_path / "other.jpg", 1000))


def test_the_program_explains_itself() -> None:
    command = [sys.executable, "-m", "benchmarks", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
    assert all(option in shown for option in ("--quick", "--full", "--report", "--pictures"))
    assert "--part" not in shown
