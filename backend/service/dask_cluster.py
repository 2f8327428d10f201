"""A Dask.distributed cluster that paints jobs, as seen from the thread that talks to it.

Dask runs a job again when the worker that had it dies. Each attempt has a name of its own, and only what the latest one
reports counts, so that a worker which was taken for dead cannot speak for a job.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import distributed

from backend.protocol.errors import Failure
from backend.protocol.messages import Message
from backend.service import dask_worker
from backend.service.executor import CANCEL_SECONDS

CONNECT_SECONDS = 5.0
RETRY_SECONDS = 2.0
LOOK_SECONDS = 1.0
"""How often the scheduler is asked for its workers."""
SILENT_SECONDS = 10.0
"""How long the scheduler may take to answer before it counts as gone."""
EMPTY_SECONDS = 30.0
"""How long jobs wait for a first worker, or for one that is started again."""
MOST_ATTEMPTS = 2
"""A job that was there when so many workers died is not given to another one."""
MOST_REPORTS = 16
"""Reports that the scheduler keeps for us."""

log = logging.getLogger(__name__)
for _name in ("distributed", "distributed.client", "tornado", "tornado.application"):
    # Dask gives each of these a handler that writes to the standard error, which nobody reads and nothing bounds.
    logging.getLogger(_name).handlers.clear()
    logging.getLogger(_name).propagate = True
logging.getLogger("distributed").setLevel(logging.WARNING)


@dataclass
class _Painting:
    """A job that was given to the cluster."""

    future: Any
    cancel: Any
    credit: bool
    attempts: list[str] = field(default_factory=list)
    worker: str = ""
    held: tuple[Message, bytes] | None = None
    """The latest preview, while the client has not asked for it."""
    ending: bool = False


class Cluster:
    """Everything here runs in one asyncio loop; `emit` is called with each event, and with `capacity` messages."""

    def __init__(self, address: str, emit: Callable[..., None]) -> None:
        self._address = address
        self._emit = emit
        self._name = f"neural-style-{uuid.uuid4().hex}"
        self._client: Any = None
        self._queue: Any = None
        self._trouble = ""
        self._paintings: dict[str, _Painting] = {}
        self._workers: dict[str, Message] = {}
        self._devices: dict[str, Message] = {}
        self._known = asyncio.Event()
        """Set once the cluster has been reached, or could not be."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Stay connected for ever."""
        while True:
            try:
                options = {"asynchronous": True, "timeout": CONNECT_SECONDS, "set_as_default": False}
                async with distributed.Client(self._address, **options) as client:
                    log.info("connected to the Dask scheduler at %s", self._address)
                    self._client, self._trouble = client, "the connection was lost"
                    await self._serve(client)
            except Exception as error:
                trouble = _words(error)
                if trouble != self._trouble:  # it is tried every two seconds, perhaps for days
                    log.warning("the Dask scheduler at %s: %s", self._address, trouble)
                self._trouble = trouble
            self._client = None
            self._workers = {}
            self._tell_capacity()
            self._fail_all()
            await asyncio.sleep(RETRY_SECONDS)

    async def _serve(self, client: Any) -> None:
        """Hear reports and look after the workers, until the scheduler is gone; the reason is raised."""
        self._queue = await distributed.Queue(self._name, client=client, maxsize=MOST_REPORTS)
        hearing = asyncio.create_task(self._hear(self._queue))
        try:
            await self._look(client, hearing)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)

    async def _hear(self, queue: Any) -> None:
        while True:
            job, attempt, reports = await queue.get()
            for header, payload in reports:
                self._take(job, attempt, json.loads(header), payload)

    async def _look(self, client: Any, hearing: asyncio.Task[None]) -> None:
        seen = time.monotonic()
        while client.status == "running" and not hearing.done():
            about = await asyncio.wait_for(client.scheduler.identity(n_workers=-1), SILENT_SECONDS)
            for address in about["workers"].keys() - self._workers.keys():
                self._start(self._warm_up(client, address))
            self._workers = about["workers"]
            self._tell_capacity()
            if self._workers:
                seen = time.monotonic()
            elif time.monotonic() - seen > EMPTY_SECONDS:
                self._trouble = "it has no workers"
                self._fail_all()
            await asyncio.sleep(LOOK_SECONDS)
        raise ConnectionError("the connection was lost")

    async def _warm_up(self, client: Any, address: str) -> None:
        """Let a new worker load what it needs, and learn its device."""
        told = (await client.run(dask_worker.warm_up, workers=[address], on_error="return")).get(address)
        if isinstance(told, dict):
            log.info("worker %s paints on %s in %s", address, told["device"], told["precision"])
            self._devices[address] = told
        else:
            log.warning("worker %s cannot paint: %s", address, _words(told))

    # --- What the executor asks for --------------------------------------------------------------------------

    def paint(self, job: str, request: Message, pixels: bytes) -> None:
        """Give a job to the cluster, which chooses the worker."""
        if self._client is None:
            self._emit({"type": "failed", "job": job, **self._failure().to_wire()})
            return
        cancel = distributed.Event(f"{self._name}-{job}", client=self._client)
        key = f"neural-style-{uuid.uuid4().hex}"
        task = (self._name, cancel.name, job, request, pixels)
        future = self._client.submit(dask_worker.paint, *task, key=key, pure=False)
        painting = self._paintings[job] = _Painting(future, cancel, credit=request["previews"])
        self._start(self._follow(job, painting))

    def cancel(self, job: str) -> None:
        """End a job: by its Event, and if that does not help by starting its worker again."""
        painting = self._paintings.get(job)
        if painting is not None and not painting.ending:
            painting.ending = True
            self._start(self._end(job, painting))

    def ready(self, job: str) -> None:
        """Let a job's next preview through."""
        if painting := self._paintings.get(job):
            painting.credit = True
            self._show(painting)

    def estimate(self, message: Message) -> None:
        """Have a request answered by a worker, best one without a job."""
        self._start(self._estimate(message))

    async def close(self) -> None:
        """End all jobs; Dask forgets what belongs to a client that has left."""
        paintings, self._paintings = self._paintings, {}
        if self._client is not None:
            await asyncio.gather(*(painting.cancel.set() for painting in paintings.values()))
            await self._client.cancel([painting.future for painting in paintings.values()])
            self._queue.close()
            await self._client.close()

    # --- Jobs ------------------------------------------------------------------------------------------------

    async def _follow(self, job: str, painting: _Painting) -> None:
        """Wait for a job's result, whichever worker brings it."""
        payload = b""
        try:
            header, payload = await painting.future
            message = json.loads(header)
        except (asyncio.CancelledError, concurrent.futures.CancelledError):  # Dask raises the latter
            message = {"type": "cancelled"} if painting.ending else {"type": "failed", **self._failure().to_wire()}
        except distributed.KilledWorker:
            message = {"type": "failed", **_died(painting).to_wire()}
        except Exception as error:
            message = {"type": "failed", **self._failure(_words(error)).to_wire()}
        self._finish(job, message, payload)

    def _finish(self, job: str, message: Message, payload: bytes = b"") -> None:
        """Report a job's end, once."""
        painting = self._paintings.pop(job, None)
        if painting is not None:
            self._emit({**message, "job": job}, payload)
            if painting.ending and self._client is not None:
                self._start(_clear(painting.cancel))

    def _fail_all(self) -> None:
        for job, painting in list(self._paintings.items()):
            self._finish(job, {"type": "failed", **self._failure().to_wire()})
            if self._client is not None:
                self._start(self._give_up(painting))

    def _take(self, job: str, attempt: str, message: Message, payload: bytes) -> None:
        """Pass on a report of the latest attempt at a job."""
        painting = self._paintings.get(job)
        if painting is None:
            return
        if message["type"] == "began":
            self._began(job, painting, attempt, message["worker"])
        elif painting.attempts[-1:] != [attempt]:
            return
        elif message["type"] == "preview":
            painting.held = ({**message, "job": job}, payload)
            self._show(painting)
        else:
            self._emit({**message, "job": job}, payload)

    def _began(self, job: str, painting: _Painting, attempt: str, worker: str) -> None:
        painting.attempts.append(attempt)
        log.info("job %s: attempt %d, at worker %s", job, len(painting.attempts), worker)
        if len(painting.attempts) > MOST_ATTEMPTS:
            self._finish(job, {"type": "failed", **_died(painting).to_wire()})
            self._start(self._give_up(painting))
        painting.worker = worker

    def _show(self, painting: _Painting) -> None:
        if painting.credit and painting.held is not None:
            self._emit(*painting.held)
            painting.credit, painting.held = False, None

    async def _end(self, job: str, painting: _Painting) -> None:
        await painting.cancel.set()
        if not painting.attempts:
            await self._client.cancel([painting.future])  # no worker has it yet
        await asyncio.sleep(CANCEL_SECONDS)
        if job in self._paintings:
            log.warning("job %s: worker %s ignores the cancel and is started again", job, painting.worker)
            self._finish(job, {"type": "cancelled"})
            await self._give_up(painting)
            if painting.worker in self._workers:
                await self._client.restart_workers([painting.worker], timeout=30, raise_for_error=False)

    async def _give_up(self, painting: _Painting) -> None:
        await painting.cancel.set()
        await self._client.cancel([painting.future])

    async def _estimate(self, message: Message) -> None:
        await self._known.wait()
        busy = {painting.worker for painting in self._paintings.values()}
        workers = sorted(self._workers, key=lambda address: address in busy)
        answer: Any = self._trouble if self._client is None else "it has no workers"
        if workers and self._client is not None:
            try:
                answers = await self._client.run(dask_worker.estimate, message, workers=workers[:1], on_error="return")
                answer = answers.get(workers[0])
            except Exception as error:
                answer = error
        if not isinstance(answer, dict):
            failure = self._failure(answer if isinstance(answer, str) else _words(answer))
            answer = {"type": "refused", "request": message["request"], **failure.to_wire()}
        self._emit(answer)

    # --- The rest --------------------------------------------------------------------------------------------

    def _tell_capacity(self) -> None:
        """How many jobs can be painted at once, and for people what the workers are."""
        known = [self._devices.get(address, {}) for address in self._workers]
        memory = sum(worker.get("metrics", {}).get("memory", 0) for worker in self._workers.values())
        self._known.set()
        self._emit({"type": "capacity", "workers": list(self._workers), "devices": known, "memory": memory})

    def _failure(self, reason: str = "") -> Failure:
        return Failure("cluster", address=self._address, reason=reason or self._trouble)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside all else; a scheduler that is gone is noticed elsewhere."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:
                log.warning("%s: %s", getattr(work, "__qualname__", "a task"), _words(error))

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _clear(event: Any) -> None:
    with contextlib.suppress(OSError):
        await event.clear()


def _died(painting: _Painting) -> Failure:
    count = max(1, len(painting.attempts) - 1)
    return Failure(
        "worker-died", reason=f"{count} worker(s) of the cluster died with it, the last at {painting.worker}"
    )


def _words(error: Any) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}"[:200].rstrip(".") if text else type(error).__name__
