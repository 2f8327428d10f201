"""Nonsense: the drill of `python -m benchmarks.reliability`, with fewer rounds, and what hypothesis thinks of."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.protocol.errors import Failure
from backend.protocol.installation import Installation
from backend.protocol.messages import Message, decode, encode
from backend.service.estimates import Estimates
from backend.service.jobs import Jobs
from benchmarks.reliability import malformed
from benchmarks.reliability.work import job
from tests.speed import know_the_speed


def test_nonsense_does_not_disturb_a_good_client(installation: Installation) -> None:
    know_the_speed(installation)
    found = malformed.survive(installation, 2000, 300)
    assert (found["not_served"], found["tracebacks"]) == (0, 0)
    assert found["served"] > 0
    assert found["unharmed"] and not found["logged_traceback"]
    assert found["grown"] < 64 << 20


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(["content", "styles", "settings", "job", "request", "previews"]), values),
       st.sampled_from(["width", "height", "channels", "depth", "weight", "preset", "size", "steps", "weights"]),
       values)  # fmt: skip
def test_any_values_are_taken_or_refused_in_words(over: dict[str, Any], field: str, value: Any) -> None:
    about = job().to_wire()
    for place in (about["content"], about["styles"][0], about["settings"]):
        if field in place:
            place[field] = value
    for message in ({**about, "job": "a", "request": "b"}, {"job": "a", "request": "b", **about, **over}):
        header, _ = decode([bytes(encode({"type": "submit", **message})[0])])
        for take in (_submit, _estimate):
            try:
                take(header)
            except Failure as failure:
                assert failure.code in ("bad-message", "bad-picture", "bad-setting", "too-small", "too-large")
                encode(failure.to_wire())


def _submit(message: Message) -> None:
    Jobs().add(b"c", message)


def _estimate(message: Message) -> None:
    Estimates().add(b"c", message)
