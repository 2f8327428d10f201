"""Cancels at any moment: the drills of `python -m benchmarks.reliability`, with fewer rounds."""

from __future__ import annotations

from backend.protocol.installation import Installation
from benchmarks.reliability import cancels


def test_a_cancel_is_acknowledged_and_the_worker_lives_on(shared: Installation) -> None:
    found = cancels.acknowledged(shared, 3)
    assert 0 < found["heard_p99"] < 2  # its milliseconds are for the report
    assert found["over_p99"] < 4  # or the worker would have been killed


def test_racing_cancels_reach_only_their_own_jobs(shared: Installation) -> None:
    found = cancels.racing(shared, 40)
    assert (found["cancels"], found["wrong"], found["not_once"]) == (40, 0, 0)
    assert found["done"] >= found["jobs"] - 40


def test_a_job_ends_once_wherever_it_is_cancelled_or_loses_its_worker(shared: Installation) -> None:
    found = cancels.anywhere(shared, 12, 1)
    assert (found["rounds"], found["not_once"]) == (12, 0)
