"""A backend that serves another machine, and what is done there: the test's own programs, run in its namespace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.connection import find_running
from backend.protocol.installation import Installation
from backend.protocol.remotes import Remote
from backend.service.keyring import KeyRing
from tests.service.backends import processes_of, wait_until
from tests.service.netns import Machine, two_machines
from tests.speed import know_the_speed

PORT = 5577
HEAD = """
import json, sys, time
from pathlib import Path
from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.connection import Connection
from backend.protocol.errors import Failure
from backend.protocol.events import Done, Progress
from backend.protocol.installation import Installation
from tests.service.backends import FAST, LONG, Settings, job, texture
connection = Connection(**json.loads(sys.argv[1]))
here = Installation(Path("/nonexistent/home"), Path("/nonexistent/python"))
start = time.monotonic()
def tell(*words): print(*words, sep="|", flush=True)
def ended(failure): tell("failed", failure.code, time.monotonic() - start, failure)
"""
CONNECT = """
try:
    with Backend(here, connection): tell("served")
except Failure as failure: ended(failure)
"""
PAINT = """
try:
    with Backend(here, connection) as backend:
        for event in backend.submit(job(LONG)).events():
            if isinstance(event, Progress) and event.step > 1: tell("painting")
except Failure as failure: ended(failure)
"""


class Studio:
    """A backend on the server machine, watched from there, and the machine that its clients are on."""

    def __init__(self, server: Machine, machine: Machine, installation: Installation, watcher: Backend) -> None:
        self.server, self.client = server, machine
        self.installation = installation
        self._watcher = watcher
        self._asked = 1  # hello

    @property
    def ring(self) -> KeyRing:
        """The keys that the backend lets in."""
        return KeyRing(self.installation.keys)

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"tcp://{self.server.address}:{PORT}"

    def invite(self, name: str) -> Remote:
        """A new client's keys."""
        return self.ring.invite(name, self.address)

    def messages(self) -> int:
        """How many messages the backend has read from clients, our own questions not counted."""
        return int(self._status()["messages"]) - self._asked

    def running(self) -> int:
        """How many jobs run."""
        return int(self._status()["running"])

    def _status(self) -> dict[str, Any]:
        self._asked += 1
        return self._watcher.status()

    def connections(self) -> int:
        """How many tcp connections the server's system has with clients."""
        lines = self.server.run("cat", "/proc/net/tcp").splitlines()[1:]
        return sum(line.split()[1].endswith(f":{PORT:04X}") and line.split()[3] == "01" for line in lines)

    def start(self, program: str, remote: Remote) -> subprocess.Popen[str]:
        """Run a program on the client machine, which knows of nothing but that remote."""
        told = json.dumps(asdict(remote.connection))
        command = self.client.inside(sys.executable, "-c", HEAD + program, told)
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def tell(self, program: str, remote: Remote) -> list[str]:
        """Run a program to its end and return the last thing it told."""
        with self.start(program, remote) as process:
            said, _ = process.communicate(timeout=90)
        return said.strip().splitlines()[-1].split("|")


@contextmanager
def studio() -> Iterator[Studio]:
    """A backend that one client, `first`, has been invited to; nothing of it is left afterwards."""
    home = Path(tempfile.mkdtemp(prefix="ns-"))
    installation = Installation(home, Path(sys.executable))
    know_the_speed(installation)
    try:
        with two_machines() as (server, machine):
            KeyRing(installation.keys).invite("first", f"tcp://{server.address}:{PORT}")
            listen = ("--bind", f"tcp://0.0.0.0:{PORT}", "--keys", installation.keys)
            process = subprocess.Popen(
                server.inside(sys.executable, "-m", "backend", "serve", *listen),
                env={**os.environ, "NEURAL_STYLE_HOME": str(home)},
                stderr=subprocess.DEVNULL,
            )
            try:
                assert wait_until(lambda: find_running(installation) is not None, 30)
                watcher = client.connect_running(installation)
                assert watcher is not None
                with watcher:
                    yield Studio(server, machine, installation, watcher)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(10)
        assert not processes_of(home)
    finally:
        shutil.rmtree(home)
