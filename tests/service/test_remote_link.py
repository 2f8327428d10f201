"""A backend on another machine over a link that is slow, or breaks."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from backend.protocol.sockets import SILENCE_MS
from tests.service.backends import wait_until
from tests.service.remotes import PAINT, Studio, studio

SLOW = 250_000
"""Bytes a second at which a message of 1 MiB would be longer under way than a peer may be silent."""
SILENCE = SILENCE_MS / 1000
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


def test_the_job_of_a_client_that_freezes_stops(place: Studio) -> None:
    """Its system goes on answering for it, so only heartbeats can tell; 6 s are promised, and a busy machine adds."""
    with place.start(PAINT, place.invite("frozen")) as painter:
        assert painter.stdout is not None
        assert "painting" in painter.stdout.readline()
        painter.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        try:
            assert wait_until(lambda: place.running() == 0, 12)
            print(f"the job of a frozen client stopped after {time.monotonic() - began:.1f} s")
        finally:
            painter.kill()


def test_the_job_of_a_client_that_is_killed_stops(place: Studio) -> None:
    with place.start(PAINT, place.invite("killed")) as painter:
        assert painter.stdout is not None
        assert "painting" in painter.stdout.readline()
        painter.kill()
        assert wait_until(lambda: place.running() == 0, 6)
