"""Estimates that a window asks for while its user changes settings, over both transports."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.protocol import client
from backend.protocol.errors import Failure
from backend.protocol.estimate import Estimate, Outline
from backend.protocol.installation import Installation
from backend.protocol.job import Settings
from backend.protocol.live_estimate import LiveEstimate
from tests.service.backends import bridges_of, processes_of, wait_until

pytestmark = pytest.mark.usefixtures("transport")


@pytest.fixture
def live(measured: Installation) -> Iterator[LiveEstimate]:
    with LiveEstimate(lambda: client.connect(measured)) as found:
        yield found
    assert wait_until(lambda: not bridges_of(measured.home))
    assert not [thread for thread in threading.enumerate() if "LiveEstimate" in thread.name]


def polled(live: LiveEstimate) -> Estimate:
    """The next answer, asked for as a window would: now and then."""
    deadline = time.monotonic() + 60
    while (answer := live.poll()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return answer


def worker_of(installation: Installation) -> int:
    with client.connect(installation) as backend:
        return int(backend.status()["worker"])


def test_it_tells_what_a_client_is_told(live: LiveEstimate, measured: Installation) -> None:
    live.ask(Outline(1000, 800, Settings(preset="draft"), channels=4, depth="u16"))
    with client.connect(measured) as backend:
        assert polled(live) == backend.estimate(Outline(1000, 800, Settings(preset="draft"), channels=4, depth="u16"))
    assert live.poll() is None


def test_only_the_last_question_is_answered_and_nothing_waits(live: LiveEstimate, measured: Installation) -> None:
    worker = worker_of(measured)
    os.kill(worker, signal.SIGSTOP)  # as slow as a backend that measures its device
    longest, answers = 0.0, []
    for size in range(64, 564):
        started = time.monotonic()
        live.ask(Outline(1000, 800, Settings(size=size)))
        answers.append(live.poll())
        longest = max(longest, time.monotonic() - started)
        time.sleep(0.001)
    os.kill(worker, signal.SIGCONT)
    last = polled(live)
    assert longest < 1
    assert not any(answers)
    with client.connect(measured) as backend:
        assert last == backend.estimate(Outline(1000, 800, Settings(size=563)))
    assert live.poll() is None


def test_a_refusal_is_raised_and_the_next_question_answered(live: LiveEstimate) -> None:
    live.ask(Outline(1, 1))
    with pytest.raises(Failure) as caught:
        polled(live)
    assert caught.value.code == "too-small"
    live.ask(Outline(1000, 800))
    assert polled(live).seconds > 0


def test_a_backend_that_left_meanwhile_is_started_again(live: LiveEstimate, measured: Installation) -> None:
    live.ask(Outline(1000, 800))
    before = polled(live)
    client.stop(measured)
    live.ask(Outline(1000, 800))
    assert polled(live).bytes == pytest.approx(before.bytes, rel=0.5)


def test_a_backend_that_dies_over_a_question_is_told_of(live: LiveEstimate, measured: Installation) -> None:
    worker = worker_of(measured)
    os.kill(worker, signal.SIGSTOP)
    live.ask(Outline(1000, 800))
    assert wait_until(lambda: live._backend is not None)
    with client.connect(measured) as backend:
        pid = backend.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Failure) as caught:
        polled(live)
    assert caught.value.code == "lost"
    os.kill(worker, signal.SIGCONT)  # it sees then that its pipe has ended
    live.ask(Outline(1000, 800))
    assert polled(live).seconds > 0
    assert wait_until(lambda: worker not in processes_of(measured.home))


def test_closing_waits_for_no_answer(measured: Installation) -> None:
    worker = worker_of(measured)
    os.kill(worker, signal.SIGSTOP)
    try:
        live = LiveEstimate(lambda: client.connect(measured))
        live.ask(Outline(1000, 800))
        assert wait_until(lambda: live._backend is not None)
        started = time.monotonic()
        live.close()
        assert time.monotonic() - started < 3
        assert wait_until(lambda: not bridges_of(measured.home))
    finally:
        os.kill(worker, signal.SIGCONT)


def test_a_backend_that_is_not_installed_is_told_of(measured: Installation) -> None:
    nowhere = Installation(measured.home / "nowhere", Path("/no/such/python"))
    with LiveEstimate(lambda: client.connect(nowhere)) as live:
        live.ask(Outline(1000, 800))
        with pytest.raises(Failure) as caught:
            polled(live)
    assert caught.value.code == "not-installed"
