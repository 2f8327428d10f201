"""Orphans: a client, the supervisor or the worker is killed at random moments, again and again; what is left?"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time

from backend.protocol.connection import find_running
from backend.protocol.installation import Installation
from benchmarks.reliability.figures import Figures
from benchmarks.reliability.home import leftovers, processes_of, serving, wait_until
from benchmarks.reliability.victim import victim

IDLE = 4.0
"""Seconds after which a backend without jobs leaves here, longer than its client takes to start."""
LATEST = 1.5
"""Seconds after a client's start at which something is killed at the latest."""


def killed(installation: Installation, rounds: int, seed: int = 1) -> Figures:
    """Kill one of the three in every round; then what is there when a last backend has left by itself."""
    dice, hit = random.Random(seed), {"client": 0, "supervisor": 0, "worker": 0}
    for _ in range(rounds):
        with victim(installation) as process:
            time.sleep(dice.uniform(0, LATEST))
            target = dice.choice(sorted(hit))
            if target == "client":
                process.kill()
                hit[target] += 1
            else:
                hit[target] += _kill(target, installation)
                time.sleep(dice.uniform(0, 0.2))
    # Of those that are left some wait for work for a long time, and one may still be starting; a killed one's successor
    # leaves in its stead. What is not killed here nor ends is an orphan.
    wait_until(lambda: not (_kill("supervisor", installation) or processes_of(installation.home)), 20, 0.2)
    orphans = len(processes_of(installation.home))
    with serving(installation, "--idle-exit", str(IDLE)) as last, victim(installation, "short") as process:
        process.wait(60)
        began = time.monotonic()
        last.wait(60)
        left = time.monotonic() - began
    wait_until(lambda: not processes_of(installation.home), 5)
    return {
        "rounds": rounds,
        "hit": hit,
        "processes": orphans + len(processes_of(installation.home)),
        "files": leftovers(installation),
        "left_after": left,
    }


def _kill(target: str, installation: Installation) -> bool:
    """Kill the supervisor or its worker if there is one; whether there was."""
    connection = find_running(installation)
    pid = connection.pid if connection is not None else None
    if target == "worker" and pid:
        pid = _child(pid)
    if not pid:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def _child(pid: int) -> int | None:
    """The first child of a process."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = file.read().split()
    except OSError:
        return None
    return int(children[0]) if children else None
