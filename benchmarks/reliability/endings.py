"""Ends: a stop, a SIGTERM and idleness, whatever the backend is doing."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

from backend.protocol import client
from backend.protocol.installation import Installation
from benchmarks.reliability.figures import Figures
from benchmarks.reliability.home import leftovers, processes_of, serving, wait_until
from benchmarks.reliability.work import LONG, code_of, job, outcome, until_painting

IDLE = 1.0


def stopped(installation: Installation) -> Figures:
    """Seconds that `stop` takes while a job is painted, until no process is left, and what its client is told."""
    return _ended(installation, lambda process: client.stop(installation))


def terminated(installation: Installation) -> Figures:
    """The same for SIGTERM."""
    return _ended(installation, lambda process: process.send_signal(signal.SIGTERM))


def _ended(installation: Installation, end: Callable[[subprocess.Popen[bytes]], object]) -> Figures:
    with serving(installation) as process, client.connect(installation) as backend:
        run = backend.submit(LONG)
        until_painting(run)
        began = time.monotonic()
        end(process)
        process.wait(20)
        wait_until(lambda: not processes_of(installation.home), 5, 0.005)
        seconds = time.monotonic() - began
        failure = outcome(run)
    return {
        "seconds": seconds,
        "code": code_of(failure),
        "processes": len(processes_of(installation.home)),
        "files": leftovers(installation),
    }


def idle(installation: Installation) -> Figures:
    """Seconds from the end of the idle time until no process is left."""
    with serving(installation, "--idle-exit", str(IDLE)) as process:
        with client.connect(installation) as backend:
            outcome(backend.submit(job()))
            began = time.monotonic()
        process.wait(20)
        wait_until(lambda: not processes_of(installation.home), 5, 0.005)
        seconds = time.monotonic() - began - IDLE
    return {"seconds": seconds, "processes": len(processes_of(installation.home)), "files": leftovers(installation)}
