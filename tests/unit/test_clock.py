"""The time left, from a clock that the test turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from backend.engine.cost import Line, Speed, timeline
from backend.engine.schedule import coarse_to_fine
from backend.service.clock import Clock

SPEED = Speed(Line(0.025, 5e-6), Line(0, 13e-6), 1.4e-7, 0.3, exact=1.5, reduction=0.4)
"""As it was measured on two cores."""


def told(moments: Sequence[float], shares: Sequence[float], *, whole: bool = True) -> list[float | None]:
    """What a clock that was begun at 0 tells at those moments."""
    times = iter([0.0, *moments])
    clock = Clock(lambda: next(times), whole=whole)
    return [clock.seconds_left(share) for share in shares]


def test_a_steady_job_is_told_right() -> None:
    left = told(range(1, 51), [step / 50 for step in range(1, 51)])
    assert left == pytest.approx([50 - second for second in range(1, 51)])


def test_a_change_of_speed_is_noticed() -> None:
    moments = [float(t) for t in range(1, 21)] + [20.0 + 5 * t for t in range(1, 21)]
    left = told(moments, [step / 40 for step in range(1, 41)])
    assert left[34] == pytest.approx(25, rel=0.05)


def test_no_progress_is_no_estimate() -> None:
    assert told(range(10), [0.5] * 10, whole=False) == [None] * 10


def test_a_job_that_begins_anew_is_told_right_again() -> None:
    shares = [*(step / 20 for step in range(1, 11)), *(step / 20 for step in range(1, 21))]
    assert told(range(1, 31), shares)[-10] == pytest.approx(9)


@pytest.mark.parametrize(("preset", "size"), [("draft", 192), ("normal", 256), ("normal", 512), ("high", 192)])
@pytest.mark.parametrize("busy", [0.7, 1.0, 3.0])
def test_after_the_first_tenth_it_is_right_within_a_quarter(preset: str, size: int, busy: float) -> None:
    # The machine is not as it was measured: preparing takes longer, and exact steps, and all of it another time.
    other = replace(SPEED, setup=Line(0, 16e-6), exact=1.65, factor=busy)
    schedule = coarse_to_fine((341, 512), size, preset)
    foreseen, real = (timeline(speed, schedule, 10**6, 341 * 512, [480_000]) for speed in (SPEED, other))
    *moments, end = real
    left = told(moments, [moment / foreseen[-1] for moment in foreseen[:-1]])
    for moment, seconds in zip(moments, left, strict=True):
        if moment > end / 10:
            assert seconds == pytest.approx(end - moment, rel=0.25)
