"""Cancels: how soon they are heard, whom they reach, and that every job ends exactly once."""

from __future__ import annotations

import os
import random
import signal
import time
from itertools import count as numbers

from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.events import Cancelled, Cancelling, Done
from backend.protocol.installation import Installation
from benchmarks.reliability.figures import Figures, p99
from benchmarks.reliability.work import Finals, job, outcome, submit, until_painting

CLIENTS = 4
SIZE = 128
"""A working size at which a step takes long enough to be told from the rest."""


def acknowledged(installation: Installation, rounds: int) -> Figures:
    """Cancel jobs that are being painted: seconds to the answer, and to the end beyond one step."""
    heard, over, steps = [], [], []
    with client.connect(installation) as backend:
        for _ in range(rounds):
            run = backend.submit(job(50_000, SIZE))
            first, began = until_painting(run), time.monotonic()
            last = until_painting(run, first.step + 4)
            step = (time.monotonic() - began) / (last.step - first.step)
            asked = time.monotonic()
            run.cancel()
            for event in run.events(0.01):
                now = time.monotonic()
                if isinstance(event, Cancelling):
                    heard.append(now - asked)
            assert isinstance(event, Cancelled)
            over.append(now - asked - step)
            steps.append(step)
    return {"rounds": rounds, "heard_p99": p99(heard), "over_p99": p99(over), "step": sum(steps) / rounds}


def ignored(installation: Installation) -> Figures:
    """Cancel a job whose worker has stopped listening: seconds to its end, and whether the next job is painted."""
    with client.connect(installation) as backend:
        run = backend.submit(job(50_000))
        until_painting(run)
        worker = backend.status()["worker"]
        os.kill(worker, signal.SIGSTOP)
        asked = time.monotonic()
        run.cancel()
        ended = outcome(run)
        seconds = time.monotonic() - asked
        following = outcome(backend.submit(job()))
        return {
            "seconds": seconds,
            "cancelled": isinstance(ended, Cancelled),
            "next_done": isinstance(following, Done) and backend.status()["worker"] != worker,
        }


def racing(installation: Installation, cancels: int, seed: int = 1) -> Figures:
    """Clients submit and cancel at once, at random moments: jobs that ended though nobody had cancelled them."""
    dice, names, sent = random.Random(seed), numbers(), 0
    finals, cancelled = Finals(), set()
    backends = [client.connect(installation) for _ in range(CLIENTS)]
    try:
        while sent < cancels:
            jobs: list[tuple[Backend, str]] = []
            for backend in backends:
                for _ in range(6):
                    name = str(next(names))
                    finals.expect(name)
                    submit(backend, name, job())
                    jobs.append((backend, name))
            chosen = dice.sample(jobs, min(cancels - sent, dice.randint(18, len(jobs) - 1)))
            for backend, name in chosen:
                _wander(finals, backends, dice.uniform(0, 0.03))
                backend.send({"type": "cancel", "job": name})
                cancelled.add(name)
                sent += 1
            finals.collect(backends)
    finally:
        for backend in backends:
            backend.close()
    wrong = [name for name, ends in finals.of.items() if ends != ["done"] and name not in cancelled]
    return {"cancels": sent, "jobs": len(finals.of), "wrong": len(wrong), "not_once": len(finals.not_once),
            **finals.counts}  # fmt: skip


def _wander(finals: Finals, backends: list[Backend], seconds: float) -> None:
    """Let time pass, taking in what comes."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for backend in backends:
            finals.hear(backend, min(left, 0.002))


def anywhere(installation: Installation, rounds: int, kills: int, seed: int = 1) -> Figures:
    """Cancel (mostly twice) or kill the worker at a random point of a job's way: jobs that did not end exactly once."""
    dice, finals = random.Random(seed), Finals()
    fates = ["cancel"] * (rounds - kills) + ["kill"] * kills
    dice.shuffle(fates)
    with client.connect(installation) as backend:
        for number, fate in enumerate(fates):
            _one(backend, finals, str(number), fate, dice)
            finals.collect([backend])
    return {"rounds": rounds, "kills": kills, "not_once": len(finals.not_once), **finals.counts}


def _one(backend: Backend, finals: Finals, name: str, fate: str, dice: random.Random) -> None:
    wanted = job(dice.choice((1, 3, 400)))
    finals.expect(name)
    point = dice.choice(("header", "sent", "queued", "loading", "painting", "end"))
    if point == "header":
        backend.send({"type": "submit", "job": name, "previews": True, **wanted.to_wire()})
    else:
        submit(backend, name, wanted, previews=True)
        _reach(point, backend, finals, name)
    if fate == "kill":
        os.kill(_worker(backend, finals), signal.SIGKILL)
    for _ in range(dice.choice((1, 2, 2))):
        backend.send({"type": "cancel", "job": name})


def _worker(backend: Backend, finals: Finals) -> int:
    """The worker's process number, asked for without missing what else is said."""
    backend.send({"type": "status"})
    while (message := finals.hear(backend, 5)) is not None:
        if message["type"] == "status":
            return int(message["worker"])
    raise TimeoutError("the backend does not answer")


def _reach(point: str, backend: Backend, finals: Finals, name: str) -> None:
    """Listen until the job is so far, or over."""
    kinds = {"sent": None, "queued": "queued", "loading": "progress", "painting": "progress", "end": "result"}
    deadline = time.monotonic() + (0.5 if point == "queued" else 5)
    wanted = kinds[point]
    while wanted and not finals.of[name] and time.monotonic() < deadline:
        message = finals.hear(backend, 0.05)
        if message and message["type"] == wanted and (point != "painting" or message.get("stage") == "painting"):
            return
