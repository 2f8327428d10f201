"""Slow and frozen links: what a client that takes in little costs the others, and that all arrives in the end."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Iterator

import zmq

from backend.protocol import client
from backend.protocol.client import Backend, Run
from backend.protocol.connection import Connection, find_running
from backend.protocol.events import Done, Preview
from backend.protocol.installation import Installation
from backend.protocol.messages import encode
from backend.protocol.sockets import configure
from backend.service.endpoint import TRANSPORT_VARIABLE
from benchmarks.reliability.figures import Figures, p99
from benchmarks.reliability.home import resident
from benchmarks.reliability.throttle import Throttle
from benchmarks.reliability.work import LONG, job, messages_of, outcome, picture, until_painting

SLOW = 1_000_000.0
"""Bytes a second of a slow link."""
ASK_SECONDS = 0.02
SIZE = 448
"""A working size whose previews are as large as half a second of that link."""


@contextlib.contextmanager
def over_tcp(installation: Installation) -> Iterator[Connection]:
    """A running backend that listens at a TCP port."""
    before = os.environ.get(TRANSPORT_VARIABLE)
    os.environ[TRANSPORT_VARIABLE] = "tcp"
    try:
        with client.connect(installation):
            connection = find_running(installation)
    finally:
        del os.environ[TRANSPORT_VARIABLE]
        if before is not None:
            os.environ[TRANSPORT_VARIABLE] = before
    assert connection is not None
    yield connection


def lag(installation: Installation, seconds: float, rate: float = SLOW) -> Figures:
    """How long what the backend says is under way beside the previews of a job, over a slow link.

    What is timed are questions and their answers, which take the same way as progress does.
    """
    with (
        over_tcp(installation) as connection,
        Throttle(connection, rate) as link,
        Backend(installation, link.connection) as backend,
    ):
        alone = [_round_trip(backend) for _ in range(20)]
        run = backend.submit(job(50_000, SIZE), previews=True)
        until_painting(run, 1)
        trips: list[float] = []
        began, previews = time.monotonic(), 0
        for due in range(int(seconds / ASK_SECONDS)):
            # At equal intervals, or the moments without a preview would count more than the others.
            trip, seen = _beside(backend, run, began + due * ASK_SECONDS)
            trips.append(trip)
            previews += seen
        run.cancel()
        outcome(run)
    return {"seconds": seconds, "alone": statistics.median(alone), "p99": p99(trips), "largest": max(trips),
            "median": statistics.median(trips), "previews": previews, "rate": rate}  # fmt: skip


def _round_trip(backend: Backend) -> float:
    began = time.monotonic()
    backend.status()
    return time.monotonic() - began


def _beside(backend: Backend, run: Run, due: float) -> tuple[float, int]:
    """Take in a job's events, and when it is time ask for the status: seconds to the answer, previews that came."""
    previews, began = 0, None
    while True:
        received = backend.receive(5 if began else max(0.0, due - time.monotonic()))
        if received is not None and received[0]["type"] == "status":
            assert began is not None
            return time.monotonic() - began, previews
        if received is not None:
            previews += isinstance(run._event(*received), Preview)
        if began is None and time.monotonic() >= due:
            began = time.monotonic()
            backend.send({"type": "status"})


def deaf(installation: Installation, messages: int) -> Figures:
    """A client that asks and asks and takes nothing in: bytes that the supervisor grows by; others are served?"""
    with client.connect(installation) as other, _deaf_socket(installation) as socket:
        outcome(other.submit(job()))
        pid = other.status()["pid"]
        before = largest = resident(pid)
        for message, payload in messages_of("deaf", LONG, previews=True):
            socket.send_multipart(encode(message, payload))
        sent = 0
        # One that reads nothing hears no heartbeats either: after some seconds it is cut off, and cannot send.
        with contextlib.suppress(zmq.Again):
            for sent in range(1, messages + 1):
                socket.send_multipart(encode({"type": "status"} if sent % 2 else {"type": "hello"}))
                if sent % 1000 == 0:
                    largest = max(largest, resident(pid))
        trip = max(_round_trip(other) for _ in range(20))
        largest = max(largest, resident(pid))
        with contextlib.suppress(zmq.Again):
            socket.send_multipart(encode({"type": "cancel", "job": "deaf"}))
        served = isinstance(outcome(other.submit(job())), Done)
    return {"messages": sent, "grown": largest - before, "round_trip": trip, "served": served}


@contextlib.contextmanager
def _deaf_socket(installation: Installation) -> Iterator[zmq.Socket[bytes]]:
    """A connected socket with little room for what it is sent; those of our own clients take everything in."""
    connection = find_running(installation)
    assert connection is not None
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        configure(socket)
        socket.setsockopt(zmq.SNDTIMEO, 5_000)
        socket.connect(connection.endpoint)
        yield socket


def layer(installation: Installation, side: int, rate: float = SLOW) -> Figures:
    """A square layer there and back over a slow link: seconds, bytes, and connections that were lost on the way."""
    with over_tcp(installation) as connection, Throttle(connection, rate) as link:
        content = picture(side, side)
        with Backend(installation, link.connection) as backend:
            began = time.monotonic()
            done = outcome(backend.submit(job(content=content)))
            seconds = time.monotonic() - began
            delivered = isinstance(done, Done) and len(done.picture.pixels) == content.nbytes
        return {"bytes": 2 * content.nbytes, "seconds": seconds, "delivered": delivered, "rate": rate,
                "disconnects": link.connections - 1}  # fmt: skip
