"""The queue: one backend for all, each client in its turn, and an end to what is taken on."""

from __future__ import annotations

import contextlib
import itertools
import time

from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.errors import Failure
from backend.protocol.events import Cancelled, Queued
from backend.protocol.installation import Installation
from benchmarks.reliability.figures import Figures
from benchmarks.reliability.victim import victim
from benchmarks.reliability.work import LONG, Finals, job, outcome, submit, until_painting


def single_instance(installation: Installation, clients: int) -> Figures:
    """Clients that start at once where no backend runs: the backends that came of it, and the clients served."""
    pids = []
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(victim(installation, "short")) for _ in range(clients)]
        for process in processes:
            assert process.stdout is not None
            pids += [int(line.split()[1]) for line in process.stdout if line.startswith("done")]
    log = installation.log_file.read_text("utf-8", "replace")
    return {"clients": clients, "served": len(pids), "backends": len(set(pids)), "listened": log.count("listening at")}


def fairness(installation: Installation, jobs: int) -> Figures:
    """Three clients with jobs each, one after another: the most jobs of one other client before a turn comes."""
    finals = Finals()
    order: list[str] = []
    told: dict[str, list[int]] = {}
    with client.connect(installation) as a, client.connect(installation) as b, client.connect(installation) as c:
        backends = {"a": a, "b": b, "c": c}
        running = a.submit(LONG)
        until_painting(running)
        for who, number in ((who, number) for who in backends for number in range(jobs)):
            name = f"{who}{number}"
            finals.expect(name)
            submit(backends[who], name, job())
            backends[who].status()  # it has been taken in
        running.cancel()
        deadline = time.monotonic() + 60 + jobs
        while not finals.all_heard(finals.of) and time.monotonic() < deadline:
            for backend in backends.values():
                message = finals.hear(backend, 0.005)
                if message and message["type"] == "queued":
                    told.setdefault(message["job"], []).append(message["position"])
                if message and message["type"] == "done":
                    order.append(message["job"])
    return {"clients": 3, "jobs": 3 * jobs, "done": len(order), "most_of_another": _most_of_another(order),
            "positions": len(told), "told_last": sorted({p[-1] for p in told.values()}),
            "order": order}  # fmt: skip


def _most_of_another(order: list[str]) -> int:
    """The most jobs of one client between two jobs of another, or before its first one."""
    most = 0
    for who in {name[0] for name in order}:
        turns = [name[0] for name in order]
        last = len(turns) - turns[::-1].index(who)
        for mine, others in itertools.groupby(turns[:last], key=lambda turn: turn == who):
            between = list(others)
            if not mine:
                most = max(most, *(between.count(other) for other in set(between)))
    return most


def bound(installation: Installation, jobs: int) -> Figures:
    """More jobs than are taken on: how many are, what the rest is told, and if another client still has a turn."""
    with client.connect(installation) as greedy, client.connect(installation) as modest:
        running = greedy.submit(LONG)
        until_painting(running)
        for number in range(jobs):
            submit(greedy, str(number), job())
        refused = _refusals(greedy)
        waiting = modest.submit(job())
        position = next(e.position for e in waiting.events() if isinstance(e, Queued))
        waiting.cancel()
        served = isinstance(outcome(waiting), Cancelled)
    codes = sorted({failure.code for failure in refused})
    return {"jobs": jobs, "taken": jobs - len(refused), "codes": codes,
            "sentence": str(refused[0]) if refused else "", "another_at": position,
            "another_served": served}  # fmt: skip


def _refusals(backend: Backend) -> list[Failure]:
    """What was refused, once all is answered that was sent."""
    refused = []
    backend.send({"type": "status"})
    while (received := backend.receive(5)) is not None and received[0]["type"] != "status":
        if received[0]["type"] == "refused":
            refused.append(Failure.from_wire(received[0]))
    return refused
