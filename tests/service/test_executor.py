"""Two workers side by side, and workers that die one after another: real processes, no GPU needed."""

from __future__ import annotations

import os
import signal

import pytest

from backend.protocol import client
from backend.protocol.client import Backend, Run
from backend.protocol.errors import Failure
from backend.protocol.estimate import Outline
from backend.protocol.events import Cancelled, Done, Event, Progress, Queued
from backend.protocol.installation import Installation
from backend.service.crashes import MOST, PAUSE_SECONDS, Crashes
from backend.service.local_executor import LocalExecutor
from tests.service.backends import FAST, LONG, job, wait_until


def rest(run: Run) -> list[Event]:
    return [event for event in run.events() if event is not None]


def until_painting(run: Run) -> None:
    assert any(isinstance(event, Progress) and event.step > 1 for event in run.events())


def test_two_jobs_are_painted_at_once_and_a_third_waits(two_workers: Installation) -> None:
    with client.connect(two_workers) as backend:
        backend.estimate(Outline(80, 60))  # measures the device, which takes longer beside a job
        one, two = backend.submit(job(LONG)), backend.submit(job(LONG))
        until_painting(one)
        until_painting(two)
        until_painting(one)  # it was not stopped for the other
        status = backend.status()
        assert status["running"] == 2
        assert len(set(status["workers"])) == 2
        assert status["memory"] > 100e6
        third = backend.submit(job(FAST))
        assert next(event for event in third.events() if isinstance(event, Queued)) == Queued(2)
        assert backend.estimate(Outline(80, 60)).seconds > 0  # at once, although both workers are busy
        one.cancel()
        assert rest(one)[-1] == Cancelled()
        assert isinstance(rest(third)[-1], Done)
        two.cancel()
        assert rest(two)[-1] == Cancelled()


def test_a_worker_that_dies_takes_only_its_own_job_with_it(two_workers: Installation) -> None:
    with client.connect(two_workers) as backend:
        one = backend.submit(job(LONG))
        until_painting(one)
        [busy] = backend.status()["workers"]
        two = backend.submit(job(LONG))
        until_painting(two)
        os.kill(busy, signal.SIGKILL)
        with pytest.raises(Failure) as caught:
            rest(one)
        assert caught.value.code == "worker-died"
        until_painting(two)
        assert isinstance(rest(backend.submit(job(FAST)))[-1], Done)
        assert backend.status()["running"] == 1
        two.cancel()
        assert rest(two)[-1] == Cancelled()


def test_workers_that_die_one_after_another_are_not_started_for_ever(installation: Installation) -> None:
    with client.connect(installation) as backend:
        for _ in range(MOST):
            run = backend.submit(job(LONG))
            assert wait_until(lambda: backend.status()["worker"] is not None)
            os.kill(backend.status()["worker"], signal.SIGKILL)
            with pytest.raises(Failure, match="ended unexpectedly"):
                rest(run)
        for ask in (lambda: rest(backend.submit(job(FAST))), lambda: backend.estimate(Outline(80, 60))):
            with pytest.raises(Failure) as caught:
                ask()
            assert caught.value.code == "workers-die"
        assert backend.status()["worker"] is None
        assert wait_until(lambda: _is_done(backend), PAUSE_SECONDS + 20)


def _is_done(backend: Backend) -> bool:
    try:
        return isinstance(rest(backend.submit(job(FAST)))[-1], Done)
    except Failure:
        return False


def test_crashes_in_a_row_are_counted_and_waited_for() -> None:
    now = 0.0
    crashes = Crashes(lambda: now)
    for _ in range(MOST - 1):
        crashes.died("SIGSEGV")
    crashes.finished()
    for _ in range(MOST):
        assert crashes.pause is None
        crashes.died("SIGSEGV")
    assert crashes.pause is not None
    assert "SIGSEGV" in str(crashes.pause)
    now += PAUSE_SECONDS
    assert crashes.pause is None  # one is tried
    crashes.died("SIGSEGV")
    assert crashes.pause is not None


def test_each_worker_is_bound_to_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import zmq

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    with zmq.Context() as context:
        executor = LocalExecutor(context)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        assert executor.free == 1
        assert executor._environment(0) == {}
        executor._device = {"devices": ["A", "B", "C"]}
        assert executor.free == 3
        assert executor._environment(0) == {"OMP_NUM_THREADS": "2"}  # it sees all
        assert executor._environment(2) == {"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "2"}
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7,6")
        assert executor._environment(1)["CUDA_VISIBLE_DEVICES"] == "7"
        executor.end()
