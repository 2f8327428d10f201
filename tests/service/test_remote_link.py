"""A backend on another machine over a link that is slow, or breaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.protocol.sockets import HEARTBEATS
from tests.service.backends import wait_until
from tests.service.remotes import PAINT, Studio, studio

SLOW = 250_000
"""Bytes a second at which a chunk of 1 MiB is longer under way than peers on one machine may be silent."""
SILENCE = HEARTBEATS[True][1] / 1000
SEND = """
import os
from tests.service.backends import Picture
try:
    with Backend(here, connection) as backend:
        content = Picture(1000, 700, 3, "u8", os.urandom(2_100_000))
        for event in backend.submit(job(Settings(preset="draft", size=64, steps=1), content)).events():
            if isinstance(event, Done): tell("done", event.picture.pixels != content.pixels)
except Failure as failure: ended(failure)
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Studio]:
    with studio() as found:
        yield found


def test_a_layer_crosses_a_slow_link_with_heartbeats_on(place: Studio) -> None:
    remote = place.invite("slow")
    for machine in (place.client, place.server):
        machine.limit(SLOW)
    try:
        assert place.tell(SEND, remote) == ["done", "True"]
    finally:
        for machine in (place.client, place.server):
            machine.unlimit()


def test_a_pulled_cable_ends_the_job_and_is_told(place: Studio) -> None:
    with place.start(PAINT, place.invite("cut")) as painter:
        assert painter.stdout is not None
        assert "painting" in painter.stdout.readline()
        place.client.plug("down")
        try:
            assert wait_until(lambda: place.running() == 0, 2.5 * SILENCE)
            assert painter.stdout.read().splitlines()[-1].startswith("failed|remote-lost")
        finally:
            place.client.plug("up")
            painter.kill()
