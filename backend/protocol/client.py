"""The client of the service, the same for the GIMP plug-in and the command line.

A client is used from one thread. Every wait ends: by a message, by a tick, or by a Failure.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from .connection import Connection, find_running
from .errors import TOLD_FROM_AFAR, Failure
from .estimate import Estimate, Outline
from .events import Cancelled, Cancelling, Done, Event, Preview, Progress, Queued
from .installation import Installation
from .job import Job, check_header
from .launch import ensure_running
from .lock import is_locked
from .messages import CHUNK, PROTOCOL, REMOTE_CHUNK, Assembly, Message, Payload, chunks, decode, encode
from .remotes import LOCAL, Remotes
from .transport import open_transport

HELLO_SECONDS = 5.0
SILENCE_SECONDS = 15.0
REMOTE_SILENCE_SECONDS = 45.0
"""How long another machine may be silent: on a slow link a sign of life may come behind a chunk of pixels."""
STOP_SECONDS = 10.0
LEAVE_SECONDS = 1.0
ESTIMATE_SECONDS = 60.0
"""How long an estimate may take: the first one on a device waits until it is measured."""


def connect(installation: Installation | None = None, backend: str | None = None) -> Backend:
    """A greeted backend, to be used in a `with` statement.

    `backend` is `local`, the address of a known remote, or None for the one that this user has chosen to use. The
    local one is started if none runs; one on another machine never is.
    """
    installation = installation or Installation.find()
    remote = Remotes(installation.remote_file).find(backend)
    if remote is not None:
        return Backend(installation, remote.connection)
    connection = ensure_running(installation)
    try:
        return Backend(installation, connection)
    except Failure as failure:
        if failure.code not in ("no-answer", "lost") or not _left(installation, connection):
            raise
    # It was ending as we came: to the next one.
    return Backend(installation, ensure_running(installation))


def _left(installation: Installation, connection: Connection) -> bool:
    """Whether that backend has gone; one that was killed just now holds its lock for some moments more."""
    deadline = time.monotonic() + LEAVE_SECONDS
    while find_running(installation) == connection:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def connect_running(installation: Installation | None = None, backend: str | None = None) -> Backend | None:
    """A greeted backend (see `connect`), None if it is the local one and does not run."""
    installation = installation or Installation.find()
    remote = Remotes(installation.remote_file).find(backend)
    connection = find_running(installation) if remote is None else remote.connection
    return None if connection is None else Backend(installation, connection)


def stop(installation: Installation | None = None, backend: str = LOCAL) -> bool:
    """Stop the running backend and wait until it has gone; False if none runs.

    Only a backend of this machine obeys; the Failure of another one says so.
    """
    installation = installation or Installation.find()
    running = connect_running(installation, backend)
    if running is None:
        return False
    with running:
        pid = running.stop()
    deadline = time.monotonic() + STOP_SECONDS
    while is_locked(installation.lock_file) and _is(Connection.read(installation.connection_file), pid):
        if time.monotonic() > deadline:
            raise Failure("no-answer")
        time.sleep(0.02)
    return True


def _is(connection: Connection | None, pid: int | None) -> bool:
    """Whether the backend of that process is still there: one that ends has no connection file, but its lock."""
    return connection is None or connection.pid == pid


class Backend:
    """A connection to a backend that has answered our hello."""

    def __init__(self, installation: Installation, connection: Connection) -> None:
        self.address = connection.endpoint if connection.is_remote else None
        self.silence = REMOTE_SILENCE_SECONDS if connection.is_remote else SILENCE_SECONDS
        self._connection, self._log = connection, installation.log_file
        self._transport = open_transport(installation, connection)
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def _greet(self) -> None:
        welcome = self.ask({"type": "hello", "protocol": PROTOCOL}, "welcome")
        if (theirs := welcome.get("protocol")) != PROTOCOL:
            if self.address is not None:
                raise Failure("remote-version", address=self.address, theirs=theirs, ours=PROTOCOL)
            raise Failure("wrong-version", theirs=theirs, ours=PROTOCOL)

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the backend cancels jobs of ours that still run."""
        self._transport.close()

    def stop(self) -> int | None:
        """Tell the backend to end, and return its process's number."""
        try:
            return int(self.ask({"type": "stop"}, "stopping")["pid"])
        except Failure as failure:
            if failure.code != "lost":
                raise
            return self._connection.pid  # it ended before its answer was read

    def status(self) -> dict[str, Any]:
        """What the backend says of itself: version, pid, device, queue, running job."""
        return self.ask({"type": "status"}, "status")

    def estimate(self, outline: Outline) -> Estimate:
        """What painting such a picture would take; the Failure of a job that would be refused.

        The first answer for a device takes seconds, the others none, also while a job of another client runs; what a
        job of this one reports meanwhile is lost. A window that must not wait for it has a `LiveEstimate`.
        """
        return Estimate.from_wire(self.ask(outline.question(), "estimated", ESTIMATE_SECONDS))

    def submit(self, job: Job, previews: bool = False) -> Run:
        """Send a job; a Failure if it is not allowed or the backend has gone."""
        job.check()
        name = uuid.uuid4().hex
        self.send({"type": "submit", "job": name, "previews": previews, **job.to_wire()})
        most = CHUNK if self.address is None else REMOTE_CHUNK
        for index, picture in enumerate(job.pictures):
            for offset, piece in chunks(picture.pixels, most):
                self.send({"type": "chunk", "job": name, "picture": index, "offset": offset}, piece)
        return Run(self, name)

    def ask(self, message: Message, answer: str, seconds: float = HELLO_SECONDS) -> Message:
        """Send a request and wait for the answer of that type, and to that request if it has a name."""
        self.send(message, seconds=HELLO_SECONDS)
        reply = self.answer(message, answer, seconds)
        if reply is None:
            raise self._connection.silent()
        return reply

    def answer(self, message: Message, answer: str, seconds: float) -> Message | None:
        """The answer to a request that was sent, None if there is none in that time; its Failure if it is refused."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            reply = self.receive(left)
            if reply is None or reply[0].get("request") not in (None, message.get("request")):
                continue
            if reply[0]["type"] == answer:
                return reply[0]
            if reply[0]["type"] == "refused":
                raise self.told(reply[0])
        return None

    def send(self, message: Message, payload: memoryview | None = None, seconds: float | None = None) -> None:
        """Send one message, waiting while the backend is behind."""
        if not self._transport.send(encode(message, payload), self.silence if seconds is None else seconds):
            raise self._connection.silent()

    def receive(self, seconds: float) -> tuple[Message, Payload | None] | None:
        """The next message, or None after so many seconds; a Failure when the backend has gone."""
        frames = self._transport.receive(seconds)
        return None if frames is None else decode(frames)

    def lost(self) -> Failure:
        """The failure of a backend that has gone."""
        return self._connection.lost(self._log)

    def told(self, message: Message) -> Failure:
        """The failure that the backend reports, with its address if that is not this machine's."""
        failure = Failure.from_wire(message)
        if self.address is not None:
            failure.told_by = self.address
            failure.sentence = TOLD_FROM_AFAR.format(address=self.address, sentence=failure.sentence)
        return failure


class Run:
    """A job that was sent: its events, and the means to cancel it."""

    def __init__(self, backend: Backend, name: str) -> None:
        self._backend = backend
        self._name = name
        self._heard = time.monotonic()
        self._result: Assembly | None = None
        self._seconds = 0.0
        self._preview: Assembly | None = None

    def cancel(self) -> None:
        """Ask the backend to stop; `events` tells when it has heard that, and still ends with one final event."""
        self._backend.send({"type": "cancel", "job": self._name})

    def events(self, tick: float = 0.1) -> Iterator[Event | None]:
        """Yield what happens, None after `tick` seconds of silence, and last Done or Cancelled; or raise Failure."""
        while True:
            received = self._backend.receive(tick)
            if received is None:
                if time.monotonic() - self._heard > self._backend.silence:
                    raise self._backend.lost()
                yield None
                continue
            self._heard = time.monotonic()
            event = self._event(*received)
            if event is not None:
                yield event
            if isinstance(event, (Done, Cancelled)):
                return

    def _event(self, message: Message, payload: Payload | None) -> Event | None:
        """The event that a message stands for, or None for parts of one and for what is not ours."""
        kind = message["type"]
        # An answer to an estimate that nobody waits for any more is not about this job.
        if message.get("request") is not None:
            return None
        if kind == "refused" and message.get("job") in (None, self._name):
            raise self._backend.told(message)
        if message.get("job") != self._name:
            return None
        if kind == "failed":
            raise self._backend.told(message)
        if kind == "queued":
            return Queued(message["position"])
        if kind == "progress":
            return Progress.from_wire(message)
        if kind == "preview":
            return self._preview_piece(message, payload)
        if kind == "cancelling":
            return Cancelling()
        if kind == "result":
            check_header(message["picture"], "finished")
            self._result, self._seconds = Assembly(message["picture"]), float(message.get("seconds", 0.0))
        if kind == "chunk" and self._result is not None:
            self._result.add(message["offset"], payload)
        if kind == "done" and self._result is not None:
            return Done(self._result.picture(), self._seconds)
        return Cancelled() if kind == "cancelled" else None

    def _preview_piece(self, message: Message, payload: Payload | None) -> Preview | None:
        """Take in a piece of a preview, and ask for the next one: a slow client is sent fewer, never a backlog."""
        self._backend.send({"type": "ready", "job": self._name})
        if message["offset"] == 0:
            check_header(message["picture"], "preview")
            self._preview = Assembly(message["picture"])
        if self._preview is None:
            return None
        self._preview.add(message["offset"], payload)
        return Preview(self._preview.picture()) if self._preview.complete else None
