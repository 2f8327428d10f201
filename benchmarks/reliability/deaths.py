"""Deaths: of clients, of the worker, of the backend; who is told, how soon, and that the next job is painted."""

from __future__ import annotations

import os
import resource
import signal
import tempfile
import time
from pathlib import Path

from backend.protocol import client
from backend.protocol.errors import Failure
from backend.protocol.events import Done
from backend.protocol.installation import Installation
from benchmarks.reliability.figures import Figures
from benchmarks.reliability.home import serving
from benchmarks.reliability.victim import until, victim
from benchmarks.reliability.work import LONG, code_of, job, outcome, picture, until_painting

CRASHES = 5
"""Workers that may die one after another before no more are started."""


def clients(installation: Installation, number: signal.Signals, rounds: int) -> Figures:
    """Kill or freeze clients whose jobs are painted: seconds until these stop, and if another's job is painted then."""
    seconds, served = [], 0
    for _ in range(rounds):
        with victim(installation) as process:
            until(process, "painting")
            with client.connect(installation) as other:
                waiting = other.submit(job())
                began = time.monotonic()
                process.send_signal(number)
                if isinstance(outcome(waiting), Done):
                    seconds.append(time.monotonic() - began)
                    served += 1
    return {"rounds": rounds, "seconds": max(seconds, default=float("inf")), "others_served": served}


def worker(installation: Installation, number: signal.Signals) -> Figures:
    """Kill the worker of a job: seconds until its client is told, what it is told, and if the next job is painted."""
    with client.connect(installation) as backend:
        run = backend.submit(LONG)
        until_painting(run)
        before = backend.status()["worker"]
        began = time.monotonic()
        os.kill(before, number)
        failure = outcome(run)
        seconds = time.monotonic() - began
        done = isinstance(outcome(backend.submit(job())), Done)
        return {
            "seconds": seconds,
            "code": code_of(failure),
            "sentence": str(failure),
            "next_done": done and backend.status()["worker"] != before,
        }


def memory(installation: Installation) -> Figures:
    """Take memory away from a worker that paints: what its client is told, and if a small job is painted then."""
    with client.connect(installation) as backend:
        assert isinstance(outcome(backend.submit(job())), Done)
        pid = backend.status()["worker"]
        limit = _address_space(pid) + (64 << 20)
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        began = time.monotonic()
        failure = outcome(backend.submit(job(50, 1024, picture(1024, 1024))))
        seconds = time.monotonic() - began
        if backend.status()["worker"] == pid:
            resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return {
            "seconds": seconds,
            "code": code_of(failure),
            "sentence": str(failure),
            "next_done": isinstance(outcome(backend.submit(job())), Done),
        }


def _address_space(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def crash_loop(installation: Installation, jobs: int) -> Figures:
    """Jobs for a backend whose workers cannot start, as its torch is broken: workers tried, seconds of the answers."""
    with tempfile.TemporaryDirectory(prefix="ns-broken-") as folder:
        Path(folder, "torch.py").write_text("raise ImportError('torch is broken')\n")
        with serving(installation, PYTHONPATH=folder), client.connect(installation) as backend:
            failures, seconds = [], []
            for _ in range(jobs):
                began = time.monotonic()
                failures.append(outcome(backend.submit(job())))
                seconds.append(time.monotonic() - began)
            # What does not run for want of jobs must not start workers either.
            time.sleep(1)
            alive = backend.status()["type"] == "status"
    log = installation.log_file.read_text("utf-8", "replace")
    return {
        "jobs": jobs,
        "refused": sum(isinstance(failure, Failure) for failure in failures),
        "codes": sorted({failure.code for failure in failures if isinstance(failure, Failure)}),
        "workers": sum("worker" in line and "started, pid" in line for line in log.splitlines()),
        "slowest_after": max(seconds[CRASHES:], default=0.0),
        "alive": alive,
    }


def backend(installation: Installation, rounds: int) -> Figures:
    """Kill the backend under a job: seconds until its client is told, and if the next call starts another one."""
    told, restarted = [], 0
    for _ in range(rounds):
        with client.connect(installation) as first:
            run = first.submit(LONG)
            until_painting(run)
            pid = first.status()["pid"]
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            failure = outcome(run)
            told.append(time.monotonic() - began)
        stale = installation.connection_file.exists() and installation.socket.exists()
        with client.connect(installation) as second:
            done = isinstance(outcome(second.submit(job())), Done)
            restarted += done and stale and second.status()["pid"] != pid
    return {"rounds": rounds, "seconds": max(told), "code": code_of(failure), "restarted": restarted}
