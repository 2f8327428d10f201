"""Slow links and turns: the drills of `python -m benchmarks.reliability`, with fewer rounds."""

from __future__ import annotations

from backend.protocol.installation import Installation
from benchmarks.reliability import links, overhead, queueing


def test_a_layer_takes_a_slow_link_without_a_disconnect(installation: Installation) -> None:
    found = links.layer(installation, 1000)
    assert found["delivered"]
    assert found["disconnects"] == 0
    assert found["seconds"] > found["bytes"] / found["rate"] / 2  # the link was slow


def test_previews_are_in_nobodys_way_on_a_slow_link(installation: Installation) -> None:
    found = links.lag(installation, 3)
    assert found["previews"] >= 1
    assert found["median"] < 0.5  # a whole preview takes longer


def test_a_client_that_reads_nothing_takes_no_memory(shared: Installation) -> None:
    found = links.deaf(shared, 10_000)
    assert found["served"]
    assert found["grown"] < 32 << 20
    assert found["messages"] > 1000


def test_each_client_has_its_turn_and_is_told_its_place(shared: Installation) -> None:
    found = queueing.fairness(shared, 2)
    assert found["done"] == found["jobs"] == 6
    assert found["most_of_another"] <= 1
    assert found["told_last"] == [1]


def test_the_queue_has_an_end_that_says_so(shared: Installation) -> None:
    found = queueing.bound(shared, 30)
    assert found["taken"] == 15
    assert found["codes"] == ["busy"]
    assert found["another_served"]


def test_a_layer_there_and_back_is_timed_apart_from_its_computing(shared: Installation) -> None:
    found = overhead.layer(shared, 1, side=1000)
    assert 0 < found["median"] < 5
