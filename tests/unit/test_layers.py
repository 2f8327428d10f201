"""Layers by name: what settings may say, how they reach the engine, and what they cost in time and memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.engine import layers as engine
from backend.engine.cost import Line, Speed, reads, seconds
from backend.engine.layers import Taps, convolutions_to, halo, multiplications
from backend.engine.memory import peak, plan
from backend.engine.regions import operations, tiles
from backend.engine.settings import CONTENT_LAYER, STYLE_LAYERS, TAPS, Scale
from backend.protocol.errors import Failure
from backend.protocol.estimate import Outline
from backend.protocol.job import Job, Picture, Settings, Style
from backend.protocol.layers import LAYERS, layers_from_text, layers_to_text
from backend.service.estimator import Estimator, _device_of, _name
from backend.service.paint import Painter, engine_settings
from backend.service.plan import plan_of, schedule_of, taps_of
from backend.service.speeds import Known, Speeds

SPEED = Speed(Line(0.01, 4e-6), Line(0.02, 8e-6), 1e-7, 0.5, exact=1.4, reduction=0.3)
names = st.sampled_from(LAYERS)
weights = st.floats(0.001, 1000)
some_layers = st.dictionaries(names, weights, min_size=1, max_size=6)
SCALE = Scale(384, 512, 10)


def test_the_protocol_and_the_engine_know_the_same_layers() -> None:
    assert LAYERS == engine.LAYERS


@given(st.none() | some_layers, st.none() | some_layers)
def test_layers_travel(style: dict[str, float] | None, content: dict[str, float] | None) -> None:
    wanted = Settings(style_layers=style, content_layers=content)
    assert Settings.from_wire(json.loads(json.dumps(wanted.to_wire()))) == wanted
    assert isinstance(hash(wanted), int)
    assert layers_from_text("style_layers", layers_to_text(style)) == style


@pytest.mark.parametrize(
    ("text", "layers"),
    [("", None), (" ", None), ("conv1_1", {"conv1_1": 1}), ("conv1_1=1,conv2_1=0.5", {"conv1_1": 1, "conv2_1": 0.5}),
     (" relu4_2 = 2 , conv5_4 ", {"relu4_2": 2, "conv5_4": 1}), ("conv1_1=0,conv2_1=1", {"conv1_1": 0, "conv2_1": 1})],
)  # fmt: skip
def test_a_line_of_text_names_layers(text: str, layers: dict[str, float] | None) -> None:
    assert layers_from_text("style_layers", text) == layers


@pytest.mark.parametrize(
    "text",
    [",", "conv1_1=", "conv1_1=,", "conv6_1=1", "conv1_3", "conv1_1=a", "conv1_1=-1", "conv1_1=nan", "conv1_1=inf",
     "conv1_1=0", "conv1_1=1001", "conv1_1=1,conv1_1=2", "conv1_1=1;conv2_1=2", "{}", "x" * 10_000],
)  # fmt: skip
def test_a_text_that_names_no_layers_is_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(Failure, match="content_layers") as caught:
        layers_from_text("content_layers", text)
    assert caught.value.code == "bad-setting"
    assert "conv5_4" in caught.value.remedy
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "layers",
    [{}, [], "conv1_1", 1, {"conv1_1": 0}, {"conv1_1": True}, {"conv1_1": None}, {"conv1_1": "1"}, {"conv0_1": 1},
     {"conv1_1": float("nan")}, {"conv1_1": -1}, {"conv1_1": 10**400}, [["conv1_1", 1]]],
)  # fmt: skip
def test_a_message_that_names_no_layers_is_refused(layers: object) -> None:
    for name in ("style_layers", "content_layers"):
        with pytest.raises(Failure, match=name):
            Settings.from_wire({name: layers})


@given(st.none() | some_layers, st.none() | some_layers)
def test_weights_are_shares_and_leave_the_strength_alone(
    style: dict[str, float] | None, content: dict[str, float] | None
) -> None:
    found = engine_settings(Settings(style_layers=style, content_layers=content))
    assert sum(found.style_layers.values()) == pytest.approx(sum(STYLE_LAYERS.values()))
    assert sum(found.content_layers.values()) == pytest.approx(1)
    if style:
        first, *others = style
        for other in others:
            ratio = found.style_layers[other] / found.style_layers[first]
            assert ratio == pytest.approx(style[other] / style[first])


def test_layers_that_are_not_given_or_weigh_nothing_change_nothing() -> None:
    usual = engine_settings(Settings())
    assert (usual.style_layers, usual.content_layers) == (STYLE_LAYERS, {CONTENT_LAYER: 1.0})
    same = Settings(style_layers={**STYLE_LAYERS, "conv5_4": 0}, content_layers={CONTENT_LAYER: 7.0})
    assert taps_of(same) == taps_of(Settings()) == TAPS
    assert engine_settings(same).style_layers == pytest.approx(STYLE_LAYERS)


@given(some_layers, some_layers, names)
def test_another_layer_never_takes_less(style: dict[str, float], content: dict[str, float], more: str) -> None:
    few, many = Taps(list(style), list(content)), Taps(list({**style, more: 1}), list({**content, more: 1}))
    assert halo(few.all) <= halo(many.all)
    assert multiplications(few) <= multiplications(many)
    for tile in (128, 512):
        assert peak(SCALE, 0, 2, tile, 8, few) <= peak(SCALE, 0, 2, tile, 8, many)
        assert reads((384, 512), tile, few) <= reads((384, 512), tile, many)
        told = [seconds(SPEED, [SCALE], tile, 0, (), 1.0, taps) for taps in (few, many)]
        assert told[0] <= told[1]


@given(names, st.integers(100, 900), st.integers(32, 300))
def test_a_tile_reads_no_more_than_is_reckoned_with(layer: str, length: int, side: int) -> None:
    for tile in tiles((64, length), side):
        read = operations((64, length), tile, engine.path([layer]), engine.tapped([layer]))[0].reads.columns
        reach = halo([layer])
        assert read.start >= tile.columns.start - reach - 16
        assert read.stop <= tile.columns.stop + reach + 16


def test_the_usual_layers_reach_as_far_as_was_known() -> None:
    assert halo(TAPS.all) == 70
    assert halo(["conv1_1"]) == 1
    assert len(convolutions_to(LAYERS)) == 16


def test_the_deepest_layer_decides_what_a_job_takes() -> None:
    usual = Settings()
    shallow = replace(usual, style_layers={"conv1_1": 1, "conv2_1": 1}, content_layers={"conv2_2": 1})
    deep = replace(usual, style_layers={**STYLE_LAYERS, "conv5_4": 1})
    wide = replace(usual, content_layers={"conv1_2": 1})
    times = [seconds(SPEED, schedule_of((384, 512), s), 512, 0, (), 1.0, taps_of(s)) for s in (shallow, usual, deep)]
    assert times == sorted(times)
    assert times[0] < 0.6 * times[1]
    assert plan_of((384, 512), usual, 2, 1e10).bytes < plan_of((384, 512), deep, 2, 1e10).bytes
    # The responses of the first block are kept at the picture's own size.
    assert plan_of((384, 512), wide, 2, 1e10).bytes > plan_of((384, 512), usual, 2, 1e10).bytes + 200 * 384 * 512
    bound = plan_of((384, 512), usual, 2, 1e10).bytes
    smaller = plan(Scale(384, 512, 1), 384 * 512, 2, bound, taps_of(wide))
    assert smaller is not None
    assert smaller.tile < 512 or smaller.history < 16


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter()


def test_an_estimate_follows_the_layers(tmp_path: Path) -> None:
    wanted = Settings(device="cpu")
    shallow = replace(wanted, style_layers={"conv1_1": 1}, content_layers={"conv2_2": 1})
    speeds = Speeds(tmp_path / "speed.json")
    speeds.put(_name(*_device_of(wanted)), Known(SPEED, 4e8))
    estimator = Estimator(Painter(), speeds)
    told = [estimator.estimate(Outline(2000, 1500, settings).question()) for settings in (shallow, wanted)]
    assert told[0] is not None
    assert told[1] is not None
    assert told[0].seconds < told[1].seconds


def stripes(width: int, height: int, step: int) -> Picture:
    row = [(x * step + c * 40) % 256 for x in range(width) for c in range(3)]
    return Picture(width, height, 3, "u8", bytes(row) * height)


@pytest.mark.parametrize(
    ("style", "content"),
    [({"conv1_1": 1}, {"relu1_1": 1}), ({"relu5_4": 1.0, "conv5_4": 1.0}, None), (None, {"conv1_2": 1, "conv5_1": 1}),
     (dict.fromkeys(LAYERS, 1), dict.fromkeys(LAYERS, 1))],
)  # fmt: skip
def test_the_real_network_paints_with_any_layers(
    painter: Painter, style: dict[str, float] | None, content: dict[str, float] | None
) -> None:
    wanted = Settings(size=64, steps=12, style_layers=style, content_layers=content)
    job = Job(stripes(64, 48, 3), (Style(stripes(50, 60, 11)),), wanted)
    # Only the last steps are the whole network's, and can be compared.
    *_, first, _, _, last = painter.paint(job, lambda fraction: None)
    assert last.losses["total"] < first.losses["total"]
    assert torch.isfinite(last.picture()).all()


def test_a_shallow_style_is_another_picture_than_a_deep_one(painter: Painter) -> None:
    pictures = []
    for layers in (None, {"conv1_1": 1.0}, {"conv4_1": 1.0}):
        job = Job(stripes(64, 48, 3), (Style(stripes(50, 60, 11)),), Settings(size=64, steps=8, style_layers=layers))
        *_, last = painter.paint(job, lambda fraction: None)
        pictures.append(last.picture())
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert (pictures[a] - pictures[b]).abs().mean() > 0.01
