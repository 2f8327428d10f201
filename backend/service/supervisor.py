"""The supervisor: accepts clients, queues their jobs, feeds the executor, and sees that each job ends exactly once.

Its loop never blocks and never computes. Everything that may block has a thread of its own (in the `Executor`) or a
queue of its own (`Outbox`).
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Callable, Hashable
from typing import Any

import zmq

from backend import __version__
from backend.protocol.errors import Failure
from backend.protocol.installation import Installation
from backend.protocol.messages import PROTOCOL, Message, Payload, chunks, decode, encode
from backend.protocol.sockets import BEAT
from backend.service.endpoint import Endpoint, Listen
from backend.service.estimates import Addressed, Estimates
from backend.service.executor import Executor
from backend.service.jobs import Jobs, Record, is_name
from backend.service.outbox import ClientGone, Outbox
from backend.service.preview import PreviewSlot
from backend.service.status import status_of

MakeExecutor = Callable[["zmq.Context[Any]"], Executor]

log = logging.getLogger(__name__)


class Supervisor:
    """One ROUTER for all clients, one executor, and the jobs between them."""

    def __init__(
        self, installation: Installation, idle_seconds: float, executor: MakeExecutor, listen: Listen | None = None
    ) -> None:
        self._log_file = installation.log_file
        self._idle_seconds = idle_seconds
        self._context: zmq.Context[Any] = zmq.Context()
        self._executor = executor(self._context)
        self._endpoint = Endpoint(installation, self._context, listen)
        self._socket = self._endpoint.socket
        self._outbox = Outbox(self._socket)
        self._jobs = Jobs()
        self._estimates = Estimates()
        self._stopping = False
        self._started = self._active = self._beaten = time.monotonic()
        self._moved = False
        """Whether jobs left the queue with a client that has gone, perhaps while others were being told their place."""
        self._handlers = {
            "hello": self._on_hello,
            "status": self._on_status,
            "submit": self._on_submit,
            "chunk": self._on_chunk,
            "estimate": self._on_estimate,
            "cancel": self._on_cancel,
            "ready": self._on_ready,
            "stop": self._on_stop,
        }

    def run(self) -> None:
        """Serve until told to stop, or idle for long enough; then end every job and process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "_stopping", True))
        log.info("listening at %s, pid %d", self._endpoint.connection.endpoint, os.getpid())
        self._executor.start()
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._executor.socket, zmq.POLLIN)
        try:
            while not self._stopping and not self._idle():
                ready = dict(poller.poll(200 if self._outbox.empty else 1))
                if self._socket in ready:
                    self._receive()
                if self._executor.socket in ready:
                    self._receive_events()
                self._tend()
        finally:
            self._end()

    # --- Clients ---------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        received = self._endpoint.receive()
        if received is None:
            return
        client, frames = received
        message: Message = {}
        try:
            message, payload = decode(frames)
            self._endpoint.check(client, message)
            handler = self._handlers.get(message["type"])
            if handler is None:
                raise Failure("bad-message", reason="its type is not known")
            self._active = time.monotonic()
            handler(client, message, payload)
        except Failure as failure:
            self._refuse(client, message, failure)
        except Exception as error:
            # Whatever a peer sends must not end what serves all the others.
            log.exception("a message of type %.40r could not be handled", message.get("type"))
            self._refuse(client, message, Failure("internal", reason=type(error).__name__, log=self._log_file))

    def _refuse(self, client: bytes, message: Message, failure: Failure) -> None:
        record = self._jobs.find(client, message.get("job"))
        if record is not None and record.state == "receiving":
            self._finish(record, {"type": "failed", **failure.to_wire()})
        else:
            names = {name: message.get(name) for name in ("job", "request")}
            about = {name: value for name, value in names.items() if is_name(value)}
            self._send(client, {"type": "refused", **about, **failure.to_wire()})

    def _on_hello(self, client: bytes, message: Message, payload: Payload | None) -> None:
        self._send(client, {"type": "welcome", "protocol": PROTOCOL, "version": __version__, "pid": os.getpid()})

    def _on_status(self, client: bytes, message: Message, payload: Payload | None) -> None:
        status = status_of(self._executor, self._jobs, self._log_file, self._started)
        self._send(client, {**status, **self._endpoint.status()})

    def _on_submit(self, client: bytes, message: Message, payload: Payload | None) -> None:
        record = self._jobs.add(client, message, self._outbox.pixels)
        if record is not None:
            log.info("job %s: %s", record.key, json.dumps(record.request))

    def _on_chunk(self, client: bytes, message: Message, payload: Payload | None) -> None:
        record = self._jobs.find(client, message.get("job"))
        if record is None:
            return  # the rest of a job that was refused or cancelled
        record.add(message.get("picture"), message.get("offset"), payload)
        if record.complete:
            record.state = "queued"
            self._feed()

    def _on_estimate(self, client: bytes, message: Message, payload: Payload | None) -> None:
        self._executor.estimate(self._estimates.add(client, message))

    def _on_cancel(self, client: bytes, message: Message, payload: Payload | None) -> None:
        record = self._jobs.find(client, message.get("job"))
        if record is not None:
            self._cancel(record)

    def _on_ready(self, client: bytes, message: Message, payload: Payload | None) -> None:
        record = self._jobs.find(client, message.get("job"))
        if record is None or record.state != "running":
            return
        if record.preview and (piece := record.preview.next_piece()):
            self._send_about(record, *piece)
        else:
            self._executor.ready(record.key)

    def _on_stop(self, client: bytes, message: Message, payload: Payload | None) -> None:
        self._send(client, {"type": "stopping", "pid": os.getpid()})
        self._stopping = True

    def _send(self, client: bytes, message: Message, payload: Payload | None = None, slot: Hashable = None) -> None:
        try:
            self._outbox.send(client, encode(message, payload), slot)
        except ClientGone:
            self._forget(client)

    def _send_about(self, record: Record, message: Message, payload: Payload | None = None) -> None:
        """Tell a job's client about it; of progress and positions only the latest is worth sending."""
        slot = (record.key, message["type"]) if message["type"] in ("progress", "queued") else None
        self._send(record.client, {**message, "job": record.name}, payload, slot)

    def _forget(self, client: bytes) -> None:
        """Drop what a vanished client had asked for."""
        self._outbox.drop(client)
        self._estimates.drop(client)
        for record in self._jobs.of(client):
            if record.state != "running":
                self._jobs.remove(record)
            elif not record.cancelling:
                record.cancelling = True
                self._executor.cancel(record.key)
            else:
                continue
            log.info("job %s: its client has gone", record.key)
        self._moved = True

    # --- Jobs ------------------------------------------------------------------------------------------------

    def _feed(self) -> None:
        """Give the executor the next jobs if it has room, and tell the others how many are before them."""
        while self._executor.free > 0 and (waiting := self._jobs.turns()):
            self._start(waiting[0])
        for position, record in enumerate(self._jobs.turns(), len(self._jobs.in_state("running"))):
            if record.position != position:
                record.position = position
                self._send_about(record, {"type": "queued", "position": position})

    def _start(self, record: Record) -> None:
        self._jobs.start(record)
        self._executor.run(record.key, record.request, record.take_pixels())

    def _cancel(self, record: Record) -> None:
        if record.state != "running":
            self._finish(record, {"type": "cancelled"})
        elif not record.cancelling:
            record.cancelling = True
            self._executor.cancel(record.key)
            self._send_about(record, {"type": "cancelling"})

    def _finish(self, record: Record, final: Message) -> None:
        """Send a job's one final event and turn to the next."""
        log.info("job %s: %s", record.key, final.get("code", final["type"]))
        self._jobs.remove(record)
        self._send_about(record, final)
        self._feed()

    # --- Events ----------------------------------------------------------------------------------------------

    def _receive_events(self) -> None:
        for message, payload in self._executor.receive():
            if message["type"] == "capacity":
                self._feed()
            elif "request" in message:
                self._answer(self._estimates.answer(message))
            else:
                self._relay(message, payload)

    def _answer(self, *answers: Addressed | None) -> None:
        for client, message in filter(None, answers):
            self._send(client, message)

    def _relay(self, message: Message, payload: Payload) -> None:
        """Pass on what is said of a job."""
        record = self._jobs.by_key(message["job"])
        if record is None:
            return
        self._active = time.monotonic()
        kind = message["type"]
        if kind == "progress":
            record.fraction = message["fraction"]
            self._send_about(record, message)
        elif kind == "preview":
            record.preview = PreviewSlot(message["picture"], payload)
            if piece := record.preview.next_piece():
                self._send_about(record, *piece)
        elif kind == "result":
            self._send_about(record, message)
        elif kind == "chunk":
            for offset, part in chunks(payload, self._endpoint.chunk_for(record.client)):
                self._send_about(record, {**message, "offset": message["offset"] + offset}, part)
        else:
            self._finish(record, {k: v for k, v in message.items() if k != "job"})

    # --- Time ------------------------------------------------------------------------------------------------

    def _idle(self) -> bool:
        return not len(self._jobs) and time.monotonic() - self._active > self._idle_seconds

    def _tend(self) -> None:
        """What is due: unsent messages, signs of life."""
        for client in (*self._outbox.flush(), *self._endpoint.show_out()):
            self._forget(client)
        if self._moved:
            self._moved = False
            self._feed()
        now = time.monotonic()
        if now - self._beaten > BEAT:
            self._beaten = now
            self._endpoint.announce()
            for client in {record.client for record in self._jobs}:
                self._send(client, {"type": "beat"}, slot="beat")
        self._executor.tend()

    def _end(self) -> None:
        for record in self._jobs:
            log.info("job %s: stopping", record.key)
            self._jobs.remove(record)
            self._send_about(record, {"type": "failed", **Failure("stopping").to_wire()})
        self._answer(*self._estimates.refuse_all(Failure("stopping")))
        self._outbox.flush()
        self._executor.end()
        self._endpoint.close()
        self._context.term()
        log.info("stopped")
