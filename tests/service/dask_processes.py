"""A Dask cluster of real processes on this machine."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack

from backend.protocol.client import Run
from backend.protocol.events import Event, Progress


class Cluster:
    """The processes, which end with the `with` statement."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        # Their own home, so that they are not counted among the backend's processes.
        self._home = stack.enter_context(tempfile.TemporaryDirectory(prefix="ns-dask-"))
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        assert self.scheduler.stderr is not None
        said = (re.search(r"Scheduler at:\s+tcp://(\S+)", line) for line in self.scheduler.stderr)
        self.address = next(found[1] for found in said if found)
        self.workers: dict[str, subprocess.Popen[str]] = {}

    def add_worker(self, nanny: bool = False) -> None:
        port = free_port()
        self.workers[f"tcp://127.0.0.1:{port}"] = self._start(
            "worker", f"tcp://{self.address}", "--nthreads", "1", "--nanny" if nanny else "--no-nanny",
            "--no-dashboard", "--host", "127.0.0.1", "--worker-port", str(port), "--local-directory", self._home,
        )  # fmt: skip

    def _start(self, *command: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "NEURAL_STYLE_HOME": self._home}
        errors = subprocess.PIPE if command[0] == "scheduler" else subprocess.DEVNULL
        process = self._stack.enter_context(
            subprocess.Popen([sys.executable, "-m", "dask", *command], env=environment, stderr=errors, text=True)
        )
        self._stack.callback(process.kill)
        return process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rest(run: Run) -> list[Event]:
    return [event for event in run.events() if event is not None]


def until_painting(run: Run) -> None:
    assert any(isinstance(event, Progress) and event.step > 1 for event in run.events())
