"""Access: keys that do not fit or were taken back, and another user of this computer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.connection import find_running
from backend.protocol.errors import Failure
from backend.protocol.installation import Installation
from backend.protocol.keys import KeyPair
from backend.protocol.remotes import LOCAL, Remote
from backend.service.keyring import KeyRing
from benchmarks.reliability.figures import Figures
from benchmarks.reliability.home import serving, wait_until
from benchmarks.reliability.work import LONG, code_of, outcome, until_painting

NOBODY = 65534
REACH = """
import json, os, socket, sys
user, home, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
os.setgroups([]); os.setgid(user); os.setuid(user)
def reaches(act):
    try: act()
    except PermissionError: return False
    return True
def connect():
    with socket.socket(socket.AF_UNIX) as plain: plain.connect(path)
files = ("run/connection.json", "run/backend.lock", "keys/server.json", "keys/clients/first.json")
acts = [connect, *(lambda name=name: open(f"{home}/{name}").close() for name in files)]
acts += [lambda name=name: os.listdir(f"{home}/{name}") for name in ("run", "keys")]
print(json.dumps([reaches(act) for act in acts]))
"""


@contextmanager
def remote(installation: Installation) -> Iterator[tuple[KeyRing, Remote]]:
    """A running backend that lets in clients with a key, and the first of them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    ring = KeyRing(installation.keys)
    first = ring.invite("first", address)
    with serving(installation, "--bind", address, "--keys", str(installation.keys)):
        yield ring, first


def refused(installation: Installation, rounds: int) -> Figures:
    """Try keys that are wrong, missing, taken back or for another server: what is read of them, and what they hear."""
    seconds: list[float] = []
    codes: set[str] = set()
    with remote(installation) as (ring, first), client.connect(installation, LOCAL) as watcher:
        gone = ring.invite("gone", first.address)
        ring.revoke("gone")
        pair = KeyPair.new()
        keys = [
            replace(first, client_key=pair.public, client_secret=pair.secret),
            replace(first, server_key="", client_key="", client_secret=""),
            replace(first, server_key=pair.public),
            gone,
        ]
        before = watcher.status()["messages"]
        for key in keys * rounds:
            began = time.monotonic()
            codes.add(_knock(installation, key))
            seconds.append(time.monotonic() - began)
        read = watcher.status()["messages"] - before - 1  # our own question
        served = _knock(installation, first) == "served"
    return {"tries": len(seconds), "seconds": max(seconds), "codes": sorted(codes), "read": read, "served": served}


def _knock(installation: Installation, key: Remote) -> str:
    try:
        with Backend(installation, key.connection):
            return "served"
    except Failure as failure:
        return failure.code


def revoked(installation: Installation) -> Figures:
    """Take back the key of a client whose job is painted: seconds until it is told and until its job has stopped."""
    with remote(installation) as (ring, first), client.connect(installation, LOCAL) as watcher:
        with Backend(installation, first.connection) as backend:
            run = backend.submit(LONG)
            until_painting(run)
            began = time.monotonic()
            ring.revoke("first")
            code = code_of(outcome(run))
            seconds = time.monotonic() - began
        stopped = wait_until(lambda: watcher.status()["running"] == 0)
        return {"seconds": seconds, "code": code, "stopped": time.monotonic() - began if stopped else float("inf")}


def another_user(installation: Installation) -> Figures:
    """What a process of the user nobody reaches of a running backend's socket and files; only root can try."""
    if os.geteuid() != 0:
        return {"tried": 0, "reached": 0}
    installation.home.chmod(0o755)  # it is the folders in it that keep others out
    with remote(installation):
        connection = find_running(installation)
        assert connection is not None
        arguments = [str(NOBODY), str(installation.home), connection.endpoint.removeprefix("ipc://")]
        done = subprocess.run([sys.executable, "-c", REACH, *arguments], capture_output=True, text=True, check=True)
    reached = json.loads(done.stdout)
    return {"tried": len(reached), "reached": sum(reached)}
