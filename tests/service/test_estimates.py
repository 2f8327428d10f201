"""What a job takes, told by a real backend before it starts."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.errors import Failure
from backend.protocol.estimate import Outline
from backend.protocol.events import Cancelled, Done, Progress
from backend.protocol.installation import Installation
from backend.protocol.job import Job, Picture, Settings, Style
from backend.protocol.messages import Message
from tests.service.backends import FAST, LONG, job, processes_of, run_cli, texture, wait_until
from tests.speed import know_the_speed

HEADER = {"width": 80, "height": 60, "channels": 3, "depth": "u8"}


@pytest.fixture
def knowing(installation: Installation) -> Installation:
    """A home where the machine's speed is known already."""
    know_the_speed(installation)
    return installation


def request(name: str = "x", **settings: object) -> Message:
    wanted = {**Settings().to_wire(), **settings}
    return {"type": "estimate", "request": name, "content": HEADER, "settings": wanted}


def answer(backend: Backend) -> Message:
    """The next answer to an estimate."""
    while True:
        received = backend.receive(60)
        assert received is not None
        if received[0].get("request") is not None:
            return received[0]


def factor(installation: Installation) -> Any:
    """What the jobs have taught about the one device that is known."""
    [known] = json.loads(installation.speed_file.read_text())["devices"].values()
    return known["speed"]["factor"]


def test_a_fresh_backend_measures_the_device_once_and_tells_what_a_job_takes(installation: Installation) -> None:
    usual = Outline(1000, 800, Settings())
    with client.connect(installation) as backend:
        small, large = (backend.estimate(Outline(1000, 800, Settings(size=size))) for size in (256, 512))
        told = backend.estimate(usual)
        draft = backend.estimate(Outline(1000, 800, Settings(preset="draft")))
        styled = backend.estimate(Outline(1000, 800, Settings(), [{**HEADER, "width": 4000, "height": 3000}]))
        deep = backend.estimate(Outline(1000, 800, Settings(), channels=4, depth="f32"))
    assert 0 < small.seconds < large.seconds
    assert draft.seconds < large.seconds < styled.seconds
    assert 100e6 < small.bytes < large.bytes < styled.bytes
    assert deep.bytes - large.bytes == 1000 * 800 * (16 - 3)
    measured = installation.speed_file.read_bytes(), installation.speed_file.stat().st_mtime_ns
    client.stop(installation)
    with client.connect(installation) as another:
        assert another.estimate(usual) == told
    assert (installation.speed_file.read_bytes(), installation.speed_file.stat().st_mtime_ns) == measured


def test_a_damaged_file_is_measured_again(installation: Installation) -> None:
    installation.speed_file.write_text("{")
    with client.connect(installation) as backend:
        assert backend.estimate(Outline(1000, 800)).seconds > 0
    assert factor(installation) == 1


def test_estimates_are_answered_while_a_job_runs_even_the_first(installation: Installation) -> None:
    with client.connect(installation) as painter, client.connect(installation) as other:
        run = painter.submit(job(LONG))
        events = run.events()
        assert any(isinstance(event, Progress) and event.step > 1 for event in events)
        told = [other.estimate(Outline(1000, 800)) for _ in range(2)]
        assert other.status()["running"] == 1
        step = next(event.step for event in events if isinstance(event, Progress))
        assert any(isinstance(event, Progress) and event.step > step for event in events)
        run.cancel()
        assert isinstance([event for event in events if event][-1], Cancelled)
    assert told[0].seconds == pytest.approx(told[1].seconds)


def test_a_job_teaches_how_fast_the_machine_is_now(knowing: Installation) -> None:
    with client.connect(knowing) as backend:
        backend.estimate(Outline(80, 60, FAST))
        assert factor(knowing) == 1
        assert isinstance([event for event in backend.submit(job(FAST)).events() if event][-1], Done)
        assert wait_until(lambda: factor(knowing) != 1)
        told = backend.estimate(Outline(80, 60, FAST)).seconds
        known = json.loads(knowing.speed_file.read_text())
        [device] = known["devices"].values()
        device["speed"]["factor"] *= 2
        knowing.speed_file.write_text(json.dumps(known))
        client.stop(knowing)
    with client.connect(knowing) as backend:
        assert backend.estimate(Outline(80, 60, FAST)).seconds > 2 * told  # and the network is not loaded yet


def test_a_job_that_is_cancelled_teaches_nothing(knowing: Installation) -> None:
    with client.connect(knowing) as backend:
        backend.estimate(Outline(80, 60, FAST))
        run = backend.submit(job(LONG))
        for event in run.events():
            if isinstance(event, Progress) and event.step > 1:
                run.cancel()
        backend.estimate(Outline(80, 60, Settings()))
        assert factor(knowing) == 1


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (request(preset="best"), "bad-setting"),
        (request(size=1), "bad-setting"),
        (request(device="mps"), "no-device"),
        ({**request(), "content": {**HEADER, "width": 1}}, "too-small"),
        ({**request(), "styles": "none"}, "bad-message"),
    ],
)
def test_what_no_job_may_be_is_refused(measured: Installation, message: Message, code: str) -> None:
    if code == "no-device":
        import torch

        if torch.backends.mps.is_available():
            pytest.skip("this machine has every device")
    with client.connect(measured) as backend:
        backend.send(message)
        refusal = answer(backend)
        assert (refusal["type"], refusal["request"], refusal["code"]) == ("refused", "x", code)


def test_a_job_that_would_be_refused_for_its_memory_is_refused_beforehand(measured: Installation) -> None:
    content = Picture(6000, 4000, 1, "u8", bytes(6000 * 4000))
    wanted = Settings(size=6000, memory_limit=2.2)
    with client.connect(measured) as backend:
        with pytest.raises(Failure) as beforehand:
            backend.estimate(Outline(6000, 4000, wanted, [HEADER], channels=1))
        assert backend.estimate(Outline(6000, 4000, Settings(size=512, memory_limit=3.0), channels=1)).bytes < 3e9
        with pytest.raises(Failure) as refusal:
            list(backend.submit(Job(content, (Style(texture(80, 60)),), wanted)).events())
    assert beforehand.value.code == refusal.value.code
    assert refusal.value.code in ("too-little-memory", "no-size-fits")  # a processor in fp32 has less left of it


def test_a_worker_that_dies_leaves_no_request_hanging(knowing: Installation) -> None:
    with client.connect(knowing) as backend:
        worker = backend.status()["worker"]
        os.kill(worker, signal.SIGSTOP)
        backend.send(request("first"))
        backend.send(request("second"))
        backend.status()  # both have come
        os.kill(worker, signal.SIGKILL)
        refusals = [answer(backend) for _ in range(2)]
        assert {(r["type"], r["code"]) for r in refusals} == {("refused", "worker-died")}
        assert {r["request"] for r in refusals} == {"first", "second"}
        assert backend.estimate(Outline(80, 60)).seconds > 0  # by a new worker
        assert backend.status()["worker"] != worker


def test_a_backend_that_stops_leaves_no_request_hanging(installation: Installation) -> None:
    with client.connect(installation) as backend:
        os.kill(backend.status()["worker"], signal.SIGSTOP)
        backend.send(request())
        backend.send({"type": "stop"})
        assert answer(backend)["code"] == "stopping"
    assert wait_until(lambda: not processes_of(installation.home))


def test_a_client_that_vanishes_with_a_request_harms_nobody(installation: Installation) -> None:
    with client.connect(installation) as backend:
        backend.send(request())
    with client.connect(installation) as other:
        assert other.estimate(Outline(80, 60)).seconds > 0


def test_a_late_answer_is_not_taken_for_one_of_a_job_or_of_another_request(measured: Installation) -> None:
    with client.connect(measured) as backend:
        backend.estimate(Outline(80, 60))
        backend.send(request("late"))
        backend.send(request("bad", preset="best"))
        assert backend.estimate(Outline(1000, 800)).seconds > 5 * backend.estimate(Outline(80, 60, FAST)).seconds
        backend.send(request("late"))
        backend.send(request("bad", preset="best"))
        assert isinstance([event for event in backend.submit(job(FAST)).events() if event][-1], Done)


def test_the_command_line_tells_before_it_paints(measured: Installation, tmp_path: Path) -> None:
    from backend.imaging import files

    for name in ("content.png", "style.png"):
        files.write(texture(90, 70), tmp_path / name)
    arguments = ("content.png", "style.png", "-o", "out.png", "--size", 64, "--steps", 3)
    painted = run_cli(measured.home, "stylize", *arguments, cwd=tmp_path)
    assert painted.returncode == 0, painted.stderr
    first = painted.stderr.splitlines()[0]
    assert first.startswith("About ")
    assert first.endswith("GB of memory.")
    told = run_cli(measured.home, "estimate", 4000, 3000, "--preset", "high")
    assert (told.returncode, told.stderr) == (0, "")
    assert "min" in told.stdout
    assert "GB of memory." in told.stdout
    refused = run_cli(measured.home, "estimate", 4000, 3000, "--preset", "best")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "draft, normal, high" in refused.stderr


def test_the_command_line_paints_where_nothing_can_be_told(measured: Installation, tmp_path: Path) -> None:
    from backend.imaging import files

    for name in ("content.png", "style.png"):
        files.write(texture(90, 70), tmp_path / name)
    arguments = ("content.png", "style.png", "-o", "out.png", "--weights", "none.pth")
    failed = run_cli(measured.home, "stylize", *arguments, cwd=tmp_path)
    assert failed.returncode == 1
    assert "weights were not found" in failed.stderr.splitlines()[-1]
