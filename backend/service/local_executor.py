"""Jobs on this machine: a worker process for each device, started when there is a job for it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Sequence
from typing import Any

import psutil
import zmq

from backend.protocol.errors import Failure
from backend.protocol.messages import Message
from backend.service.channel import FINAL
from backend.service.crashes import Crashes
from backend.service.executor import CANCEL_SECONDS, Event
from backend.service.worker_process import EVENTS, WorkerProcess

OWN = 0
"""The number under which the executor's own events come; workers count from 1."""

log = logging.getLogger(__name__)


class LocalExecutor:
    """Worker processes, each in a slot that stands for its device. The first one tells how many devices there are."""

    def __init__(self, context: zmq.Context[Any], workers: int | None = None) -> None:
        """`workers` is how many jobs run at once, None for one on each device."""
        self._context = context
        self.socket: zmq.Socket[bytes] = context.socket(zmq.PULL)
        self.socket.bind(EVENTS)
        self._own = context.socket(zmq.PUSH)
        self._own.connect(EVENTS)
        self._wanted = workers
        self._device: Message = {}
        self._started = 0
        self._workers: dict[int, WorkerProcess] = {}
        self._crashes = Crashes()

    # --- What the supervisor asks for ------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """How many more jobs may be given now; one until the devices are known."""
        return self._slots - sum(worker.job is not None for worker in self._workers.values())

    def start(self) -> None:
        """Start the first worker, so that it is warm when the first job comes."""
        with contextlib.suppress(Failure):
            self._idle_worker()

    def run(self, job: str, request: Message, pixels: Sequence[bytes]) -> None:
        """Give the job to an idle worker, which is started if there is none."""
        try:
            worker = self._idle_worker()
        except Failure as failure:
            self._emit({"type": "failed", "job": job, **failure.to_wire()})
            return
        worker.job = job
        worker.send({"type": "job", "job": job, **request}, pixels)

    def cancel(self, job: str) -> None:
        """Tell the job's worker, which has some seconds to obey."""
        worker = self._worker_of(job)
        if worker is not None and worker.cancel_deadline is None:
            worker.cancel_deadline = time.monotonic() + CANCEL_SECONDS
            worker.send({"type": "cancel", "job": job})

    def ready(self, job: str) -> None:
        """Allow a job's next preview."""
        if worker := self._worker_of(job):
            worker.send({"type": "ready", "job": job})

    def estimate(self, message: Message) -> None:
        """Ask a worker, best an idle one: it may have to measure its device."""
        try:
            workers = sorted(self._workers.values(), key=lambda worker: worker.job is not None)
            worker = workers[0] if workers else self._idle_worker()
        except Failure as failure:
            self._emit({"type": "refused", "request": message["request"], **failure.to_wire()})
            return
        worker.requests.add(message["request"])
        worker.send(message)

    def receive(self) -> list[Event]:
        """What a worker reports, or what its end means for those who wait for it."""
        number, header, body = self.socket.recv_multipart(copy=False)
        # A finished layer is not copied on its way through.
        message, payload = json.loads(header.bytes), body.buffer
        worker = self._workers.get(int(number.bytes))
        if worker is None:
            # Our own, or the last words of a worker that was given up.
            return [(message, payload)] if int(number.bytes) == OWN else []
        if message["type"] == "ended":
            return self._ended(worker, message["how"])
        if message["type"] == "ready":
            return self._learn(worker, message)
        if "request" in message:
            worker.requests.discard(message["request"])
            self._crashes.finished()
        elif message["type"] in FINAL:
            worker.job = worker.cancel_deadline = None
            self._crashes.finished()
        return [(message, payload)]

    def tend(self) -> None:
        """Kill workers that ignore a cancel."""
        now = time.monotonic()
        for worker in self._workers.values():
            if worker.cancel_deadline is not None and now > worker.cancel_deadline:
                log.warning("worker %d ignores a cancel and is killed", worker.number)
                worker.cancel_deadline = now + CANCEL_SECONDS
                worker.kill()

    def status(self) -> dict[str, Any]:
        """The processes, their devices and their memory in bytes."""
        pids = [worker.pid for worker in self._workers.values()]
        return {
            "executor": "local",
            "worker": pids[0] if pids else None,
            "workers": pids,
            "device": self._device.get("device"),
            "devices": self._device.get("devices", []),
            "precision": self._device.get("precision"),
            "memory": sum(map(_memory, pids)),
        }

    def end(self) -> None:
        """Kill the workers and wait until they are gone, which takes them no time."""
        for worker in self._workers.values():
            worker.kill()
        for worker in self._workers.values():
            worker.end()
        self._own.close(0)
        self.socket.close(0)

    # --- Workers ---------------------------------------------------------------------------------------------

    @property
    def _slots(self) -> int:
        devices = len(self._device.get("devices", []))
        return (self._wanted or devices) if devices else 1

    def _worker_of(self, job: str) -> WorkerProcess | None:
        return next((worker for worker in self._workers.values() if worker.job == job), None)

    def _idle_worker(self) -> WorkerProcess:
        """A worker without a job, started if need be; a Failure if that cannot be done now."""
        for worker in self._workers.values():
            if worker.job is None:
                return worker
        if pause := self._crashes.pause:
            raise pause
        taken = {worker.slot for worker in self._workers.values()}
        slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)
        self._started += 1
        try:
            worker = WorkerProcess(self._context, self._started, slot, self._environment(slot))
        except OSError as error:
            self._crashes.died(str(error))
            raise Failure("worker-died", reason=error.strerror or error) from None
        self._workers[worker.number] = worker
        log.info("worker %d started, pid %d", worker.number, worker.pid)
        return worker

    def _environment(self, slot: int) -> dict[str, str]:
        """What binds a worker to its device and its share of the processor."""
        found: dict[str, str] = {}
        devices = len(self._device.get("devices", []))
        if slot and devices > 1:
            # The first worker sees all GPUs, and takes the first of them.
            visible = os.environ.get("CUDA_VISIBLE_DEVICES")
            names = visible.split(",") if visible else [str(index) for index in range(devices)]
            found["CUDA_VISIBLE_DEVICES"] = names[slot % devices]
        workers = self._wanted or devices
        if workers > 1 and "OMP_NUM_THREADS" not in os.environ:
            found["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // workers))
        return found

    def _learn(self, worker: WorkerProcess, message: Message) -> list[Event]:
        """Take in what a worker says of its device; the one in the first slot sees all of them."""
        log.info("worker %d paints on %s in %s", worker.number, message["device"], message["precision"])
        if worker.slot != 0:
            return []
        self._device = message
        return [({"type": "capacity"}, b"")]

    def _ended(self, worker: WorkerProcess, how: str) -> list[Event]:
        """The events for those who waited for a worker that is no more; the next job starts a fresh one."""
        log.warning("worker %d ended: %s", worker.number, how)
        del self._workers[worker.number]
        worker.kill()
        failure = Failure("worker-died", reason=how).to_wire()
        events: list[Message] = [{"type": "refused", "request": name, **failure} for name in worker.requests]
        if worker.cancel_deadline is not None:
            events.append({"type": "cancelled", "job": worker.job})
        else:
            self._crashes.died(how)
            if worker.job is not None:
                events.append({"type": "failed", "job": worker.job, **failure})
        return [(event, b"") for event in (*events, {"type": "capacity"})]

    def _emit(self, message: Message) -> None:
        self._own.send_multipart([str(OWN).encode(), json.dumps(message).encode(), b""])


def _memory(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
