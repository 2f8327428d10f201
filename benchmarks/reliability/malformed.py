"""Nonsense: malformed frames and raw connections, while a good client has to be served."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import zmq

from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.connection import Connection, find_running
from backend.protocol.estimate import Outline
from backend.protocol.events import Done
from backend.protocol.installation import Installation
from backend.protocol.sockets import configure
from benchmarks.reliability.figures import Figures
from benchmarks.reliability.home import resident
from benchmarks.reliability.work import job, outcome

TYPES = ("hello", "status", "submit", "chunk", "cancel", "ready", "estimate", "welcome", "done", "", "\x00", "Submit")
ODD: tuple[Any, ...] = (
       None, True, False, 0, -1, 1, 15, 2**31, 2**63, -(2**64), 10**300, 10**400, 0.5, -0.0, 1e308, float("nan"),
       float("inf"), "", "u8", "f32", "x" * 65, "x" * 5000, "\ud800", "\x00", "../../etc/passwd", [], [[]], {},
       {"width": 64}, [1] * 300)  # fmt: skip
TOGETHER = 32
"""Frames that one peer sends before it looks for answers."""


def frames(dice: random.Random) -> list[bytes]:
    """One message that is wrong in a way: no JSON, no message, odd values, lies about sizes, too much of it."""
    kind = dice.randrange(8)
    if kind == 0:
        return [dice.randbytes(dice.choice((0, 1, 7, 100, 2000))) for _ in range(dice.randint(1, 5))]
    if kind == 1:
        return [b"[" * dice.choice((10, 990, 5000)) + b"]" * dice.choice((0, 10, 990))]
    if kind == 2:
        return [_encoded({"type": dice.choice(TYPES), "job": _nested(dice.choice((1, 50, 400, 900)))})]
    if kind == 3:
        text = bytearray(_encoded(_message(dice)))
        for _ in range(dice.randint(1, 8)):
            text[dice.randrange(len(text))] = dice.randrange(256)
        return [bytes(text)]
    message = _message(dice)
    _spoil(message, dice)
    payload = [dice.randbytes(dice.choice((0, 1, 999)))] * dice.choice((0, 0, 0, 1, 1, 1, 1, 2))
    return [_encoded(message), *payload]


def _message(dice: random.Random) -> dict[str, Any]:
    """A message as it should be, of a small job that nobody finishes sending."""
    kind = dice.choice(TYPES[:7])
    about = job(1).to_wire()
    name = f"job-{dice.randrange(40)}"
    return {"type": kind, "job": name, "request": name, "picture": 0, "offset": 0, "previews": True, **about}


def _spoil(message: dict[str, Any], dice: random.Random) -> None:
    """Put odd values into some places, however deep, or take things away."""
    for _ in range(dice.randint(1, 3)):
        place: Any = message
        while True:
            key = dice.choice(list(place)) if isinstance(place, dict) else dice.randrange(len(place))
            inner = place[key]
            if isinstance(inner, (dict, list)) and inner and dice.random() < 0.8:
                place = inner
                continue
            break
        if isinstance(place, dict) and dice.random() < 0.2:
            del place[key]
        else:
            place[key] = copy.deepcopy(dice.choice(ODD))
        if not message:
            return


def _nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def _encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


@contextlib.contextmanager
def peer(connection: Connection) -> Iterator[zmq.Socket[bytes]]:
    """A bare socket that has the backend's address and, if there is one, the key."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as bare:
        configure(bare)
        if connection.server_key:
            bare.curve_serverkey = connection.server_key.encode()
            bare.curve_publickey = connection.client_key.encode()
            bare.curve_secretkey = connection.client_secret.encode()
        bare.connect(connection.endpoint)
        yield bare


def _drain(bare: zmq.Socket[bytes], answers: list[bytes]) -> None:
    with contextlib.suppress(zmq.Again):
        while True:
            answers.append(b" ".join(bare.recv_multipart(zmq.NOBLOCK)))


def bombard(connection: Connection, count: int, seed: int = 1) -> Figures:
    """Send that many malformed messages, from a new peer now and then; the answers, and those with a traceback."""
    dice, sent, refused, traces, longest = random.Random(seed), 0, 0, 0, 0
    while sent < count:
        with peer(connection) as bare:
            answers: list[bytes] = []
            for _ in range(min(1000, count - sent)):
                if not bare.poll(5000, zmq.POLLOUT):
                    raise TimeoutError("the backend takes nothing in any more")
                bare.send_multipart(frames(dice))
                sent += 1
                if sent % TOGETHER == 0:
                    _drain(bare, answers)
            while bare.poll(50):
                _drain(bare, answers)
        refused += sum(b'"refused"' in answer or b'"failed"' in answer for answer in answers)
        traces += sum(b"Traceback" in answer or b"File \\" in answer for answer in answers)
        longest = max(longest, *map(len, answers), 0)
    return {"frames": sent, "refused": refused, "tracebacks": traces, "longest_answer": longest}


def connections(connection: Connection, count: int, seed: int = 1) -> int:
    """Open that many raw connections, say something to most of them, and hang up at odd moments; how many were made."""
    dice, made, held = random.Random(seed), 0, []
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
    huge = b"\x02" + (1 << 40).to_bytes(8, "big") + b"x" * 100
    said = (b"", b"GET / HTTP/1.1\r\n\r\n", greeting[:10], greeting, greeting + b"\x04\x19\x05READY", greeting + huge)
    for _ in range(count):
        raw = _connect(connection)
        made += 1
        with contextlib.suppress(OSError):
            raw.sendall(dice.choice((*said, dice.randbytes(dice.randint(1, 500)))))
        held.append(raw)
        if len(held) > 50:
            held.pop(dice.randrange(len(held))).close()
    for raw in held:
        raw.close()
    return made


def _connect(connection: Connection) -> socket.socket:
    scheme, address = connection.endpoint.split("://")
    if scheme == "tcp":
        host, port = address.rsplit(":", 1)
        return socket.create_connection((host, int(port)), 5)
    for _ in range(1000):
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(5)
        try:
            raw.connect(address)
            return raw
        except BlockingIOError:  # more of them wait than the system lets
            raw.close()
            time.sleep(0.005)
    raise TimeoutError("the backend lets nobody in any more")


def survive(installation: Installation, count: int, raw: int) -> Figures:
    """All of that at one backend, while a good client asks for pictures without a pause."""
    with client.connect(installation) as backend:
        for _ in range(3):
            assert isinstance(outcome(backend.submit(job())), Done)
        backend.estimate(Outline(64, 64))  # measures the device, which is not to be done in between
        pids = {backend.status()[name] for name in ("pid", "worker")}
        pid = backend.status()["pid"]
        connection = find_running(installation)
        assert connection is not None
        before = resident(pid)
        good = _Good(backend)
        good.start()
        began = time.monotonic()
        try:
            figures = bombard(connection, count)
            figures["connections"] = connections(connection, raw)
        finally:
            good.stop()
        figures["seconds"] = time.monotonic() - began
        time.sleep(2)  # peers that have gone are noticed once a second
        unharmed = pids == {backend.status()[name] for name in ("pid", "worker")}
        grown = resident(pid) - before
    crash = "Traceback" in installation.log_file.read_text("utf-8", "replace")
    return {**figures, "grown": grown, "unharmed": unharmed, "logged_traceback": crash,
            "served": good.served, "not_served": good.not_served, "slowest": good.slowest}  # fmt: skip


class _Good(threading.Thread):
    """A client that does all as it should, one picture after another."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(daemon=True)
        self.served, self.not_served, self.slowest = 0, 0, 0.0
        self._backend = backend
        self._over = threading.Event()

    def run(self) -> None:
        """Ask until it is enough."""
        while not self._over.is_set():
            began = time.monotonic()
            done = isinstance(outcome(self._backend.submit(job())), Done)
            self.served += done
            self.not_served += not done
            self.slowest = max(self.slowest, time.monotonic() - began)

    def stop(self) -> None:
        """Let the last picture be finished."""
        self._over.set()
        self.join(60)
