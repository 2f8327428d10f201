"""Deaths and ends: the drills of `python -m benchmarks.reliability`, with fewer rounds."""

from __future__ import annotations

import signal

import pytest

from backend.protocol.installation import Installation
from benchmarks.reliability import deaths, endings, orphans, queueing


@pytest.mark.parametrize(("number", "limit"), [(signal.SIGKILL, 10), (signal.SIGSTOP, 15)])
def test_the_jobs_of_dead_and_frozen_clients_stop(
    installation: Installation, number: signal.Signals, limit: float
) -> None:
    found = deaths.clients(installation, number, 1)
    assert found["others_served"] == 1
    assert found["seconds"] < limit


def test_a_worker_without_memory_is_reported_and_the_next_job_painted(installation: Installation) -> None:
    found = deaths.memory(installation)
    assert found["code"] in ("out-of-memory", "worker-died")
    assert "memory" in found["sentence"]
    assert found["next_done"]


def test_workers_that_cannot_start_are_not_started_for_ever(installation: Installation) -> None:
    found = deaths.crash_loop(installation, 8)
    assert (found["workers"], found["refused"], found["alive"]) == (deaths.CRASHES, 8, True)
    assert found["codes"] == ["worker-died", "workers-die"]


def test_random_kills_leave_nothing_behind(installation: Installation) -> None:
    found = orphans.killed(installation, 5)
    assert (found["processes"], found["files"]) == (0, [])


def test_many_starts_give_one_backend(installation: Installation) -> None:
    found = queueing.single_instance(installation, 6)
    assert (found["served"], found["backends"], found["listened"]) == (6, 1, 1)


def test_a_terminated_backend_leaves_nothing_behind(installation: Installation) -> None:
    found = endings.terminated(installation)
    assert (found["processes"], found["files"]) == (0, [])
    assert found["code"] in ("stopping", "lost")
    assert found["seconds"] < 10
