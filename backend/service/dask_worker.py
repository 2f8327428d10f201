"""What a Dask worker does of ours: the same `Worker` as on one machine, in a thread of the Dask worker's process.

Dask cannot stop a task that runs, so a watching thread waits for the job's Event, and looks whether Dask still wants
the task: it does not once the client is gone. Reports go through a Queue; the final one is the task's result, which
Dask keeps or computes again if the worker dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import distributed

from backend.service.channel import FINAL, Message
from backend.service.worker import Worker
from backend.service.worker_process import PATIENT_THREADS

WATCH_SECONDS = 0.5
"""How often it is looked whether the task is still wanted; a cancel is noticed at once."""
REPORT_SECONDS = 5.0
"""How long a report may wait for room in the queue before it is dropped."""
Report = tuple[Message, bytes]


class InnerLine:
    """Messages between the threads of one process: what a `Channel` is between two processes."""

    def __init__(self) -> None:
        self._incoming: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._listeners: dict[str, queue.SimpleQueue[Report]] = {}
        self.device: Message = {}
        self.ready = threading.Event()

    def receive(self) -> Report:
        """The next message for the worker."""
        return self._incoming.get()

    def send(self, message: Message, *pixels: bytes | memoryview) -> None:
        """Pass a report of the worker's to the one who listens for its job or request."""
        if message["type"] == "ready":
            self.device = message
            self.ready.set()
        elif listener := self._listeners.get(message.get("job") or message.get("request") or ""):
            listener.put((message, b"".join(pixels)))

    def give(self, message: Message, payload: bytes = b"") -> None:
        """Send a message to the worker."""
        self._incoming.put((message, payload))

    @contextlib.contextmanager
    def listen(self, name: str) -> Iterator[queue.SimpleQueue[Report]]:
        """Hear what is reported of a job or a request."""
        reports = self._listeners[name] = queue.SimpleQueue()
        try:
            yield reports
        finally:
            del self._listeners[name]


_starting = threading.Lock()
_line: InnerLine | None = None


def _shared(threads: int) -> InnerLine:
    """The way to this process's one worker, which keeps its network from job to job."""
    global _line
    with _starting:
        if _line is None:
            # Dask allows its tasks one thread each; ours takes all that the Dask worker has, one job at a time.
            os.environ.update(PATIENT_THREADS, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
            _line = InnerLine()
            threading.Thread(target=Worker(_line).run, daemon=True, name="neural-style").start()
        return _line


def paint(reports: str, cancel: str, job: str, request: Message, pixels: bytes) -> tuple[str, bytes]:
    """The task: paint a job, and return its final message as JSON and the pixels that belong to it.

    `reports` names the Queue to report to, `cancel` the Event that ends the job.
    """
    worker, client = distributed.get_worker(), distributed.get_client()
    attempt = uuid.uuid4().hex
    line = _shared(worker.state.nthreads)
    outgoing = distributed.Queue(reports, client=client)

    def report(*messages: Report) -> None:
        wired = [[json.dumps(message), payload] for message, payload in messages]
        # A report is news, not the result: without one the job goes on.
        with contextlib.suppress(OSError, TimeoutError):
            outgoing.put([job, attempt, wired], timeout=REPORT_SECONDS)

    report(({"type": "began", "worker": worker.address}, b""))
    over = threading.Event()
    unwanted = (line, attempt, distributed.Event(cancel, client=client), worker, worker.get_current_task(), over)
    threading.Thread(target=_watch, args=unwanted, daemon=True).start()
    try:
        with line.listen(attempt) as heard:
            line.give({"type": "job", "job": attempt, **request}, pixels)
            while True:
                news, final = _news(heard)
                if news:
                    report(*news)
                if final is not None:
                    return json.dumps({**final[0], "job": job}), final[1]
                if any(message["type"] == "preview" for message, _ in news):
                    line.give({"type": "ready", "job": attempt})
    finally:
        over.set()


def _news(heard: queue.SimpleQueue[Report]) -> tuple[list[Report], Report | None]:
    """What has been reported since the last call, the latest of each kind; and the final message if it is there."""
    latest: dict[str, Report] = {}
    report = heard.get()
    while True:
        kind = report[0]["type"]
        if kind in FINAL:
            return list(latest.values()), report
        latest.pop(kind, None)
        latest[kind] = report
        try:
            report = heard.get_nowait()
        except queue.Empty:
            return list(latest.values()), None


def _watch(line: InnerLine, attempt: str, cancel: Any, worker: Any, task: Any, over: threading.Event) -> None:
    """Cancel the job when it is to be ended, or when nobody wants it any more."""
    while not over.is_set():
        try:
            ended = cancel.wait(timeout=WATCH_SECONDS)
        except Exception:
            ended = True  # the scheduler is gone
        state = worker.state.tasks.get(task)
        if ended or state is None or state.state == "cancelled":
            line.give({"type": "cancel", "job": attempt})
            return


async def warm_up(dask_worker: Any) -> Message:
    """Start this process's worker, and tell its device. Dask fills the argument in, here and below."""
    line = _shared(dask_worker.state.nthreads)
    await asyncio.to_thread(line.ready.wait)
    return line.device


async def estimate(message: Message, dask_worker: Any) -> Message:
    """The answer to a request for an estimate, also while a job runs."""
    line, name = _shared(dask_worker.state.nthreads), uuid.uuid4().hex

    def ask() -> Message:
        with line.listen(name) as heard:
            line.give({**message, "request": name})
            return heard.get()[0]

    return {**await asyncio.to_thread(ask), "request": message["request"]}
