"""Jobs on the machines of a Dask.distributed cluster, through a thread in which all talk with it happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import threading
from collections.abc import Sequence
from typing import Any

import zmq

from backend.protocol.errors import Failure
from backend.protocol.messages import Message
from backend.service.channel import FINAL
from backend.service.executor import Event, finished, in_chunks

EVENTS = "inproc://cluster-events"
SCHEMES = {"dask://": "tcp://", "dask+tls://": "tls://"}
SCHEDULER = re.compile(r"dask(\+tls)?://[^\s/]+:[1-9]\d{0,4}", re.ASCII)
"""The address of a scheduler. Dask would take others too, and try in vain for ever."""
CLOSE_SECONDS = 1.0
"""How long the end may wait for the cluster."""


class DaskExecutor:
    """The supervisor's side: it never waits for the cluster. As many jobs run at once as there are workers."""

    def __init__(self, context: zmq.Context[Any], address: str) -> None:
        """`address` is `dask://HOST:PORT` of the scheduler, or `dask+tls://` with the keys of Dask's configuration.

        A Failure if Dask is not installed.
        """
        try:
            from backend.service.dask_cluster import Cluster
        except ImportError as error:
            raise Failure("no-dask", reason=error, python=sys.executable) from None
        scheme = next(scheme for scheme in SCHEMES if address.startswith(scheme))
        self._name = address
        self.socket: zmq.Socket[bytes] = context.socket(zmq.PULL)
        self._reports = context.socket(zmq.PUSH)
        for socket in (self.socket, self._reports):
            socket.set_hwm(0)  # nobody may wait here, and no final event be lost
        self.socket.bind(EVENTS)
        self._reports.connect(EVENTS)
        self._given: set[str] = set()
        self._known = False
        self._capacity: Message = {"workers": [], "devices": [], "memory": 0}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._talk, daemon=True, name="dask")
        self._ending = asyncio.Event()
        self._cluster = Cluster(SCHEMES[scheme] + address.removeprefix(scheme), self._emit)

    @property
    def free(self) -> int:
        """How many more jobs may be given now: one for each worker.

        Of a cluster that cannot be reached or has no workers a job is to say so. Until that is known, jobs wait.
        """
        return max(1, len(self._capacity["workers"])) - len(self._given) if self._known else 0

    def start(self) -> None:
        """Connect."""
        self._thread.start()

    def run(self, job: str, request: Message, pixels: Sequence[bytes]) -> None:
        """Give the job to the cluster."""
        self._given.add(job)
        self._do("paint", job, request, b"".join(pixels))

    def cancel(self, job: str) -> None:
        """Let the cluster end a job."""
        self._do("cancel", job)

    def ready(self, job: str) -> None:
        """Allow a job's next preview."""
        self._do("ready", job)

    def estimate(self, message: Message) -> None:
        """Let a worker of the cluster answer."""
        self._do("estimate", message)

    def receive(self) -> list[Event]:
        """The next event."""
        header, payload = self.socket.recv_multipart()
        message = json.loads(header)
        if message["type"] == "capacity":
            before, self._known, self._capacity = self.free, True, message
            return [(message, payload)] if self.free > before else []
        if message["type"] in FINAL:
            self._given.discard(message["job"])
        if message["type"] == "done":
            return list(finished(message, in_chunks(payload)))
        return [(message, payload)]

    def tend(self) -> None:
        """Nothing: the cluster's thread has its own clock."""

    def status(self) -> dict[str, Any]:
        """The addresses of the workers, their devices and their memory in bytes."""
        devices = [about.get("device", "not known yet") for about in self._capacity["devices"]]
        known: Message = next((about for about in self._capacity["devices"] if about), {})
        return {
            "executor": self._name,
            "worker": None,
            "workers": self._capacity["workers"],
            "device": known.get("device"),
            "devices": devices,
            "precision": known.get("precision"),
            "memory": self._capacity["memory"],
        }

    def end(self) -> None:
        """Cancel the jobs and leave; a cluster that does not answer is not waited for."""
        with contextlib.suppress(RuntimeError):  # it was never started
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(CLOSE_SECONDS)
        self._reports.close(0)
        self.socket.close(0)

    def _do(self, what: str, *arguments: Any) -> None:
        def call() -> None:
            getattr(self._cluster, what)(*arguments)

        self._loop.call_soon_threadsafe(call)

    def _emit(self, message: Message, payload: bytes = b"") -> None:
        with contextlib.suppress(zmq.ZMQError):  # we have ended
            self._reports.send_multipart([json.dumps(message).encode(), payload])

    def _talk(self) -> None:
        """The thread's life."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        running = asyncio.ensure_future(self._cluster.run())
        await self._ending.wait()
        await asyncio.wait({asyncio.ensure_future(self._cluster.close())}, timeout=CLOSE_SECONDS / 2)
        running.cancel()
