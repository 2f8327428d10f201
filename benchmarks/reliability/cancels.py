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
from benchmarks.reliability.work import LONG, Finals, job, messages_of, outcome, picture, submit, until_painting

CLIENTS = 4
REACH_SECONDS = 20.0
ANY_MOMENT = 0.3
"""How often some time passes after the point, so that every moment has its turn."""
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


POINTS = {"sending": None, "sent": None, "queued": "queued", "loading": "progress", "painting": "progress",
          "result": "chunk"}  # fmt: skip
"""The points of a job's way, and the message that tells that it is there."""
LAYER = picture(1200, 700)
"""A layer of three chunks, so that there is a middle of its way, there and back."""


def anywhere(installation: Installation, rounds: int, kills: int, seed: int = 1) -> Figures:
    """Cancel (mostly twice) or kill the worker at a point of a job's way: jobs that did not end exactly once."""
    dice, finals = random.Random(seed), Finals()
    fates = ["cancel"] * (rounds - kills) + ["kill"] * kills
    dice.shuffle(fates)
    with client.connect(installation) as backend:
        for number, fate in enumerate(fates):
            _one(backend, finals, str(number), fate, dice)
            finals.collect([backend])
    return {"rounds": rounds, "kills": kills, "jobs": len(finals.of), "not_once": len(finals.not_once),
            "ends": finals.counts}  # fmt: skip


def _one(backend: Backend, finals: Finals, name: str, fate: str, dice: random.Random) -> None:
    point = dice.choice(list(POINTS) if fate == "cancel" else ["loading", "painting", "result"])
    wanted = job(dice.choice((1, 3) if point == "result" else (1, 3, 400)), content=LAYER)
    before = f"{name} before" if point == "queued" else None
    if before:
        finals.expect(before)
        submit(backend, before, LONG)
    finals.expect(name)
    messages = list(messages_of(name, wanted, previews=True))
    for message, payload in messages[: len(messages) // 2 if point == "sending" else None]:
        backend.send(message, payload)
    _reach(point, backend, finals, name)
    if dice.random() < ANY_MOMENT:
        _wander(finals, [backend], dice.uniform(0, 0.2))
    if fate == "kill":
        os.kill(_worker(backend, finals), signal.SIGKILL)
    for _ in range(dice.choice((1, 2, 2))):
        backend.send({"type": "cancel", "job": name})
    if before:
        backend.send({"type": "cancel", "job": before})


def _worker(backend: Backend, finals: Finals) -> int:
    """The worker's process number, asked for without missing what else is said."""
    backend.send({"type": "status"})
    while (message := finals.hear(backend, 5)) is not None:
        if message["type"] == "status" and message["worker"]:
            return int(message["worker"])
    raise TimeoutError("the backend does not answer")


def _reach(point: str, backend: Backend, finals: Finals, name: str) -> None:
    """Listen until the job is so far, or over."""
    kind, deadline = POINTS[point], time.monotonic() + REACH_SECONDS
    while kind and not finals.of[name] and time.monotonic() < deadline:
        message = finals.hear(backend, 0.05)
        if message is None or (message.get("job"), message["type"]) != (name, kind):
            continue
        if point != "painting" or message["stage"] == "painting":
            return
