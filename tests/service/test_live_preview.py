"""Previews that a window shows while its user changes settings."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.protocol import client
from backend.protocol.errors import Failure
from backend.protocol.events import Done, Event, Preview, Progress
from backend.protocol.installation import Installation
from backend.protocol.live_preview import LivePreview
from tests.service.backends import FAST, LONG, bridges_of, job, texture, wait_until
from tests.service.conftest import home

both_transports = pytest.mark.usefixtures("transport")


@pytest.fixture(scope="module")
def warm() -> Iterator[Installation]:
    """A home whose backend has painted."""
    with home() as found:
        with client.connect(found) as backend:
            list(backend.submit(job()).events())
        yield found


@pytest.fixture
def live(warm: Installation) -> Iterator[LivePreview]:
    with LivePreview(lambda: client.connect(warm)) as found:
        yield found
    assert wait_until(lambda: not bridges_of(warm.home))
    assert not [thread for thread in threading.enumerate() if "LivePreview" in thread.name]


def polled(live: LivePreview, kind: type[Event]) -> list[Event]:
    """All events up to one of that kind, asked for as a window would: now and then."""
    events: list[Event] = []
    deadline = time.monotonic() + 60
    while not events or not isinstance(events[-1], kind):
        assert time.monotonic() < deadline, events
        if (event := live.poll()) is None:
            time.sleep(0.01)
        else:
            events.append(event)
    return events


def jobs_of(installation: Installation) -> list[str]:
    """What became of each job, as the backend's log has it, in the order of their ends."""
    lines = installation.log_file.read_text().splitlines()
    ends = ("done", "cancelled", "worker-died", "too-small")
    return [end for line in lines for end in ends if line.endswith(f": {end}")]


def is_idle(installation: Installation) -> bool:
    with client.connect(installation) as backend:
        status = backend.status()
        return not status["jobs"] and not status["queue"]


@both_transports
def test_it_paints_what_a_client_is_painted(live: LivePreview, warm: Installation) -> None:
    live.paint(job())
    *before, done = polled(live, Done)
    assert isinstance(done, Done)
    assert any(isinstance(event, Progress) and event.stage == "painting" for event in before)
    with client.connect(warm) as backend:
        *_, expected = backend.submit(job()).events()
    assert isinstance(expected, Done)
    assert bytes(done.picture.pixels) == bytes(expected.picture.pixels)
    assert live.poll() is None


def test_pictures_come_while_it_paints(live: LivePreview) -> None:
    live.paint(job(LONG))
    first = polled(live, Preview)[-1]
    assert isinstance(first, Preview)
    assert (first.picture.width, first.picture.height, first.picture.channels) == (64, 48, 3)


@both_transports
def test_a_superseded_job_is_cancelled_and_only_the_last_ones_pictures_come(
    live: LivePreview, warm: Installation
) -> None:
    before = len(jobs_of(warm))
    live.paint(job(LONG))
    polled(live, Progress)
    for size in range(16, 48):  # as a slider that is dragged
        live.paint(job(FAST, texture(size, 30)))
        time.sleep(0.002)
    *_, done = polled(live, Done)
    assert isinstance(done, Done)
    assert (done.picture.width, done.picture.height) == (47, 30)
    ends = jobs_of(warm)[before:]
    assert ends[0] == "cancelled"
    assert ends[-1] == "done"
    assert len(ends) < 32, "most were never sent"
    assert live.poll() is None


def test_nothing_wanted_is_nothing_painted(live: LivePreview, warm: Installation) -> None:
    live.paint(job(LONG))
    polled(live, Preview)
    live.paint(None)
    assert wait_until(lambda: is_idle(warm))
    assert live.poll() is None


def test_a_job_that_is_not_allowed_is_told_of_and_the_next_one_painted(live: LivePreview) -> None:
    live.paint(job(content=texture(1, 1)))
    with pytest.raises(Failure) as caught:
        polled(live, Done)
    assert caught.value.code == "too-small"
    live.paint(job())
    polled(live, Done)


def test_a_backend_that_is_killed_is_told_of_and_the_next_job_painted(live: LivePreview, warm: Installation) -> None:
    live.paint(job(LONG))
    polled(live, Preview)
    with client.connect(warm) as backend:
        os.kill(backend.status()["pid"], signal.SIGKILL)
    with pytest.raises(Failure) as caught:
        polled(live, Done)
    assert caught.value.code == "lost"
    live.paint(job())
    polled(live, Done)


@both_transports
def test_after_closing_the_next_client_waits_for_no_preview(warm: Installation) -> None:
    live = LivePreview(lambda: client.connect(warm))
    live.paint(job(LONG))
    polled(live, Preview)
    started = time.monotonic()
    live.close()
    assert time.monotonic() - started < 3
    with client.connect(warm) as backend:
        *_, last = backend.submit(job()).events()
    assert isinstance(last, Done)
    assert jobs_of(warm)[-2:] == ["cancelled", "done"]


def test_another_client_gets_its_turn_between_previews(live: LivePreview, warm: Installation) -> None:
    live.paint(job(LONG))
    polled(live, Preview)
    with client.connect(warm) as backend:
        run = backend.submit(job(replace(LONG, steps=20)))
        events = run.events()
        next(events)
        live.paint(job(LONG))  # this client's next turn, after the other one's first
        *_, last = events
    assert isinstance(last, Done)


def test_closing_waits_for_no_backend(warm: Installation) -> None:
    live = LivePreview(lambda: client.connect(warm))
    live.paint(job(LONG))
    polled(live, Preview)
    with client.connect(warm) as backend:
        pid = backend.status()["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        live.close()
        assert time.monotonic() - started < 3
    finally:
        os.kill(pid, signal.SIGCONT)
    assert wait_until(lambda: is_idle(warm) and not bridges_of(warm.home))


def test_a_backend_that_is_not_installed_is_told_of(warm: Installation) -> None:
    nowhere = Installation(warm.home / "nowhere", Path("/no/such/python"))
    with LivePreview(lambda: client.connect(nowhere)) as live:
        live.paint(job())
        with pytest.raises(Failure) as caught:
            polled(live, Done)
    assert caught.value.code == "not-installed"
