"""Clients without pyzmq: what holds for a client with a socket of its own holds for one with a bridge."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from unittest.mock import patch

from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.connection import find_running
from backend.protocol.events import Done
from backend.protocol.installation import Installation
from backend.protocol.transport import CLIENT_VARIABLE
from benchmarks.reliability import deaths, orphans, overhead
from benchmarks.reliability.figures import Figures
from benchmarks.reliability.home import PROC, processes_of, wait_until
from benchmarks.reliability.work import LONG, code_of, job, outcome, until_painting


@contextlib.contextmanager
def reached_by(kind: str) -> Iterator[None]:
    """All clients that begin in the block, and in processes started in it, are of that kind: `zmq` or `bridge`."""
    with patch.dict(os.environ, {CLIENT_VARIABLE: kind}):
        yield


def everything(installation: Installation, rounds: int, killings: int) -> Figures:
    """The drills of clients and backends that die, of orphans, and of the overhead, all over bridges."""
    with reached_by("bridge"):
        return {
            "client_killed": deaths.clients(installation, signal.SIGKILL, rounds),
            "client_frozen": deaths.clients(installation, signal.SIGSTOP, rounds),
            "backend_killed": deaths.backend(installation, rounds),
            "killed": killed(installation, rounds),
            "layer": overhead.layer(installation, rounds),
            "orphans": orphans.killed(installation, killings),
        }


def killed(installation: Installation, rounds: int) -> Figures:
    """Kill the bridge of a painting client: seconds until this is told, and until another one's job was painted."""
    told, freed, codes = [], [], set()
    for _ in range(rounds):
        with reached_by("bridge"), client.connect(installation) as backend, _other(installation) as other:
            run = backend.submit(LONG)
            until_painting(run)
            waiting = other.submit(job())
            [pid] = bridges_of(installation)
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            codes.add(code_of(outcome(run)))
            told.append(time.monotonic() - began)
            assert isinstance(outcome(waiting), Done)
            freed.append(time.monotonic() - began)
    gone = wait_until(lambda: not bridges_of(installation))
    return {"rounds": rounds, "told": max(told), "freed": max(freed), "codes": sorted(codes), "gone": gone}


@contextlib.contextmanager
def _other(installation: Installation) -> Iterator[Backend]:
    """A client with a socket of its own."""
    connection = find_running(installation)
    assert connection is not None
    with reached_by("zmq"):
        backend = Backend(installation, connection)
    with backend:
        yield backend


def bridges_of(installation: Installation) -> list[int]:
    """The bridges to a home's backend."""
    found = []
    for pid in processes_of(installation.home):
        with contextlib.suppress(OSError):
            if b"backend.protocol.bridge" in (PROC / str(pid) / "cmdline").read_bytes():
                found.append(pid)
    return found
