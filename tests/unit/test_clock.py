"""The time left, from a clock that the test turns."""

from __future__ import annotations

import pytest

from backend.service.clock import Clock


def test_a_steady_job_is_told_right() -> None:
    times = iter(float(t) for t in range(100))
    clock = Clock(lambda: next(times))
    told = [clock.seconds_left(step / 50) for step in range(1, 51)]
    assert told[0] is None
    assert told[9] == pytest.approx(40)
    assert told[-1] == 0


def test_a_change_of_speed_is_noticed() -> None:
    times = [float(t) for t in range(10)] + [10.0 + 5 * t for t in range(30)]
    moments = iter(times)
    clock = Clock(lambda: next(moments))
    told = [clock.seconds_left(step / 40) for step in range(1, 41)]
    assert told[34] == pytest.approx(25, rel=0.05)


def test_no_progress_is_no_estimate() -> None:
    times = iter(float(t) for t in range(100))
    clock = Clock(lambda: next(times))
    assert [clock.seconds_left(0.5) for _ in range(10)] == [None] * 10
