"""What a job takes, told beforehand: the arithmetic, what is remembered of a device, and who waits for an answer."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from backend.engine.cost import FORWARD, Line, Speed, fit, reads, seconds, timeline
from backend.engine.objective import Objective
from backend.engine.schedule import exact_steps
from backend.engine.settings import Scale
from backend.engine.stylise import stylise
from backend.engine.vgg import VGG19
from backend.imaging.resize import resize
from backend.protocol.errors import Failure
from backend.protocol.estimate import Estimate
from backend.protocol.job import Settings
from backend.service import calibration
from backend.service.estimates import MOST_WAITING, Estimates
from backend.service.plan import schedule_of
from backend.service.speeds import FORMAT, MOST, RANGE, Known, Speeds
from benchmarks import pictures

SPEED = Speed(Line(0.01, 4e-6), Line(0.02, 8e-6), 1e-7, 0.5, exact=1.4, reduction=0.3)
KNOWN = Known(SPEED, 4e8)
WHOLE = 1 << 30
ROOT = Path(__file__).parents[2]
sides = st.integers(16, 2000)
amounts = st.floats(1e-9, 10)


@given(st.floats(1e-4, 1), st.floats(1e-8, 1e-4))
def test_a_line_through_points_that_lie_on_one_is_found(fixed: float, rate: float) -> None:
    line = fit([(side**2, fixed + rate * side**2) for side in (128, 256, 512)])
    for pixels in (64**2, 300**2, 1000**2):
        assert line.at(pixels) == pytest.approx(fixed + rate * pixels, rel=1e-3)


@given(st.lists(st.tuples(st.integers(1, 10**6), amounts), min_size=2, max_size=5))
def test_a_line_is_never_negative(points: list[tuple[int, float]]) -> None:
    line = fit(points)
    assert line.fixed >= 0
    assert line.rate >= 0
    assert line.fixed + line.rate > 0


@given(sides, sides, st.integers(1, 500), st.integers(1, 500))
def test_more_steps_and_more_pixels_take_longer(height: int, width: int, steps: int, more: int) -> None:
    def told(height: int, steps: int, layer: int = 0) -> float:
        return seconds(SPEED, [Scale(height, width, steps)], WHOLE, layer)

    least = told(height, steps)
    assert told(height, steps + more) > least + 0.999 * more * SPEED.step.at(height * width)
    assert told(height + more, steps) > least
    assert told(height, steps, more) == pytest.approx(least + more * SPEED.layer)


def test_steps_of_both_kinds_and_what_comes_before_them_are_counted() -> None:
    schedule = [Scale(10, 10, 20), Scale(20, 20, 40)]
    step, setup = ([line.at(pixels) for pixels in (100, 400)] for line in (SPEED.step, SPEED.setup))
    exact = exact_steps(schedule, 1, WHOLE)
    last = 1 - FORWARD  # is not taken of the last step at each scale
    cheap = (20 - last) * step[0] + setup[0] + (40 - exact) * step[1] + setup[1]
    assert 0 < exact < 40
    assert seconds(SPEED, schedule, WHOLE, 0) == pytest.approx(
        0.6 + cheap + 1.4 * ((exact - last) * step[1] + setup[1])
    )
    assert seconds(SPEED, schedule, WHOLE, 0, [400] * 3) > seconds(SPEED, schedule, WHOLE, 0, [400])


@pytest.mark.parametrize("pair", ["measured", "real"])
@pytest.mark.parametrize("side", [128, 256])
def test_pictures_that_are_measured_begin_as_real_ones_do(
    network: VGG19, monkeypatch: pytest.MonkeyPatch, pair: str, side: int
) -> None:
    """With an evaluation for the start and one for the first step: more of them would be told for every scale."""
    content, style = (calibration._picture(side, seed) for seed in (1, 2))
    if pair == "real":
        content, style = (
            resize(pictures.load(ROOT / "demo" / name), (side, side)) for name in ("photo.jpg", "style.jpg")
        )
    evaluated: list[Tensor] = []
    evaluate = Objective.evaluate

    def counted(objective: Objective, picture: Tensor) -> tuple[float, Tensor]:
        evaluated.append(picture)
        return evaluate(objective, picture)

    monkeypatch.setattr(Objective, "evaluate", counted)
    next(stylise(network, content, [(style, 1.0)], [Scale(side, side, 2)], calibration.AS_IT_IS))
    assert len(evaluated) == 2


@given(sides, sides, st.integers(128, 1024))
def test_tiles_cost_more_than_the_whole(height: int, width: int, tile: int) -> None:
    count, read = reads((height, width), tile)
    whole, tiled = (seconds(SPEED, [Scale(height, width, 10)], side, 0) for side in (WHOLE, tile))
    if count == 1:
        assert (read, tiled) == (height * width, whole)
    else:
        assert height * width < read < (1 + 2 * 46 / 64) ** 2 * height * width
        assert tiled > 1.3 * whole * (1 - 0.27)


def test_tiles_cost_what_was_measured() -> None:
    steps = Speed(Line(0, 1), Line(0, 0), 0, 0)
    for height, measured in (512, (1.8, 3.2)), (341, (2.26, 3.63)):
        whole, *tiled = (_a_step(steps, height, tile) for tile in (512, 256, 128))
        assert [told / whole for told in tiled] == pytest.approx(measured, rel=0.1)


def test_tiles_take_the_direct_convolutions_time() -> None:
    speed = replace(SPEED, layer=0, reduction=0)
    for tile, times in ((WHOLE, 1), (256, 1.5)):
        usual, direct = (seconds(some, [Scale(500, 500, 10)], tile, 0) for some in (speed, replace(speed, direct=1.5)))
        assert direct == pytest.approx(times * usual)


def _a_step(speed: Speed, height: int, tile: int) -> float:
    """The seconds of a step that is not the last one."""
    two, one = (seconds(speed, [Scale(height, 512, steps)], tile, 0) for steps in (2, 1))
    return two - one


def test_styles_cost_their_pixels_up_to_what_is_wanted() -> None:
    def told(*styles: int, style_size: float = 1.0) -> float:
        return seconds(replace(SPEED, layer=0), [Scale(100, 100, 1)], WHOLE, 0, styles, style_size)

    assert told() == told(10_000) == told(90_000)
    assert told(5_000) < told(10_000) < told(10_000, 10_000)
    assert told(90_000, style_size=2.0) > told(90_000)
    assert told(10_000, style_size=2.0) == told(10_000)


def test_without_a_reduction_all_steps_are_alike_and_prepared_for_once() -> None:
    speed = Speed(Line(0.0, 1e-6), Line(5.0, 0.0), 0.0, 0.0, exact=3.0)
    ends = timeline(speed, (Scale(500, 1000, 20),), WHOLE, 500_000)
    taken = [after - before for before, after in itertools.pairwise([0.0, *ends])]
    assert taken[0] == pytest.approx(5.5)
    assert taken[1:19] == pytest.approx([0.5] * 18)
    assert 0 < taken[19] < 0.5  # the loss alone


def test_what_jobs_taught_multiplies_all() -> None:
    schedule = schedule_of((300, 400), Settings())
    slower = seconds(replace(SPEED, factor=1.5), schedule, WHOLE, 1000)
    assert slower == pytest.approx(1.5 * seconds(SPEED, schedule, WHOLE, 1000))


@given(st.floats(0.1, 10), st.floats(0.1, 1000))
def test_repeated_jobs_bring_the_estimate_to_the_truth(truth: float, told: float) -> None:
    known = KNOWN
    for _ in range(200 if told * truth < 5 else 40):
        known = known.after(told * known.speed.factor, told * truth)
    long_enough = told * truth > 1
    assert known.speed.factor == pytest.approx(truth, rel=0.1) or not long_enough
    assert 1 / RANGE <= known.speed.factor <= RANGE


def test_a_job_is_believed_in_part_and_a_short_one_hardly() -> None:
    assert 1 < KNOWN.after(100, 130).speed.factor < 1.3
    assert 1 < KNOWN.after(0.1, 0.13).speed.factor < 1.01
    assert KNOWN.after(10, 1e6).speed.factor < 1.5
    assert KNOWN.after(100, 70).speed.factor < 1


def test_what_is_known_survives_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    speeds = Speeds(path)
    assert speeds.get("cpu") is None
    speeds.put("cpu", KNOWN)
    speeds.put("gpu", replace(KNOWN, loaded=1.0))
    assert speeds.get("cpu") == KNOWN
    assert Speeds(path).get("cpu") == KNOWN
    assert Speeds(path).get("gpu") == replace(KNOWN, loaded=1.0)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["speed.json", "speed.lock"]


def test_workers_that_write_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    """Processes, as the workers are: each learns of its own device again and again."""
    path = tmp_path / "speed.json"
    program = (
        "import sys; from pathlib import Path; from tests.unit.test_estimates import KNOWN, Speeds\n"
        "speeds = Speeds(Path(sys.argv[1]))\n"
        "for _ in range(100): speeds.put(sys.argv[2], KNOWN)\n"
    )
    names = [f"gpu {number}" for number in range(4)]
    writers = [subprocess.Popen([sys.executable, "-c", program, path, name], cwd=ROOT) for name in names]
    assert [writer.wait(60) for writer in writers] == [0] * len(names)
    speeds = Speeds(path)
    assert [speeds.get(name) for name in names] == [KNOWN] * len(names)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["speed.json", "speed.lock"]


def test_devices_of_long_ago_are_forgotten(tmp_path: Path) -> None:
    speeds = Speeds(tmp_path / "speed.json")
    for number in range(MOST + 1):
        speeds.put(str(number), KNOWN)
        speeds.put("used", KNOWN)
    assert Speeds(tmp_path / "speed.json").get("used") == KNOWN
    assert speeds.get("0") is None
    assert speeds.get(str(MOST)) == KNOWN


@pytest.mark.parametrize(
    "damage",
    [lambda text: text[:40], lambda text: "", lambda text: "[]", lambda text: '{"format": 1, "devices": 1}',
     lambda text: text.replace("0.01", '"fast"'), lambda text: text.replace("0.01", "NaN"),
     lambda text: text.replace("0.01", "-1"), lambda text: text.replace("loaded", "lost"),
     lambda text: text.replace(f'"format": {FORMAT}', f'"format": {FORMAT + 1}')],
)  # fmt: skip
def test_a_damaged_file_counts_for_nothing(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "speed.json"
    Speeds(path).put("cpu", KNOWN)
    assert callable(damage)
    path.write_text(damage(path.read_text()))
    assert Speeds(path).get("cpu") is None
    Speeds(path).put("cpu", KNOWN)
    assert Speeds(path).get("cpu") == KNOWN


def test_bytes_that_are_no_text_count_for_nothing_and_a_missing_folder_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "speed.json").write_bytes(b"\xff\xfe")
    assert Speeds(tmp_path / "speed.json").get("cpu") is None
    speeds = Speeds(tmp_path / "none" / "speed.json")
    speeds.put("cpu", KNOWN)
    assert speeds.get("cpu") == KNOWN


HEADER = {"width": 80, "height": 60, "channels": 3, "depth": "u8"}


def request(name: object = "mine", **changes: object) -> dict[str, object]:
    return {"type": "estimate", "request": name, "content": HEADER, "settings": Settings().to_wire(), **changes}


def test_each_request_is_answered_once_under_the_clients_name() -> None:
    estimates = Estimates()
    first, second = (estimates.add(client, request()) for client in (b"a", b"b"))
    assert first["request"] != second["request"]
    assert json.loads(json.dumps(first))["styles"] == []
    answer = {"type": "estimated", "request": second["request"], "seconds": 1}
    assert estimates.answer(answer) == (b"b", {"type": "estimated", "request": "mine", "seconds": 1})
    assert estimates.answer(answer) is None
    [(client, refusal)] = estimates.refuse_all(Failure("stopping"))
    assert (client, refusal["type"], refusal["request"], refusal["code"]) == (b"a", "refused", "mine", "stopping")
    assert estimates.refuse_all(Failure("stopping")) == []


def test_a_client_that_has_gone_is_forgotten() -> None:
    estimates = Estimates()
    sent = estimates.add(b"a", request())
    estimates.drop(b"a")
    assert estimates.answer({"type": "estimated", "request": sent["request"]}) is None


@pytest.mark.parametrize(
    ("message", "code"),
    [(request(None), "bad-message"), (request(""), "bad-message"), (request("x" * 65), "bad-message"),
     (request(content=None), "bad-message"), (request(content={**HEADER, "width": 3}), "too-small"),
     (request(styles=[1]), "bad-message"), (request(styles=[HEADER] * 17), "bad-setting"),
     (request(settings={"preset": "best"}), "bad-setting")],
)  # fmt: skip
def test_requests_that_are_not_allowed_are_refused(message: dict[str, object], code: str) -> None:
    with pytest.raises(Failure) as caught:
        Estimates().add(b"a", message)
    assert caught.value.code == code


def test_not_everybody_can_wait() -> None:
    estimates = Estimates()
    for number in range(MOST_WAITING):
        estimates.add(b"a", request(str(number)))
    with pytest.raises(Failure, match="256 requests"):
        estimates.add(b"a", request())


@pytest.mark.parametrize(
    ("told", "text"),
    [(0.2, "about 1 s, 0.8 GB"), (8.4, "about 8 s, 0.8 GB"), (33, "about 35 s, 0.8 GB"), (58.2, "about 1 min, 0.8 GB"),
     (83, "about 1 min 20 s, 0.8 GB"), (3631, "about 1 h 1 min, 0.8 GB"), (86400, "about 24 h, 0.8 GB")],
)  # fmt: skip
def test_an_estimate_reads_well(told: float, text: str) -> None:
    assert Estimate(told, 812_000_000).text() == text
