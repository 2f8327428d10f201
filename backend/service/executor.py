"""What the supervisor gives jobs to: the interface, and the events that come back through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import zmq

from backend.protocol.messages import Message, chunks

CANCEL_SECONDS = 5.0
"""How long a worker may take to notice a cancel before it is ended by force."""
Event = tuple[Message, bytes | memoryview]
"""A message with `job` (progress, preview; result and its chunks before done; and one of done, cancelled, failed), one
with `request` (estimated or refused), or `capacity`, when more jobs may be given than before; and its pixels."""


def finished(message: Message, pieces: Iterable[bytes | memoryview]) -> Iterator[Event]:
    """The events of a worker's `done`, whose pixels come in pieces: a client has the first before the last is read."""
    yield {**message, "type": "result"}, b""
    offset = 0
    for piece in pieces:
        yield {"type": "chunk", "job": message["job"], "offset": offset}, piece
        offset += len(piece)
    yield {"type": "done", "job": message["job"]}, b""


def in_chunks(pixels: bytes | memoryview) -> Iterator[memoryview]:
    """Pixels in pieces of at most a chunk."""
    return (piece for _, piece in chunks(pixels))


class Executor(Protocol):
    """Runs jobs somewhere. No method waits, and none fails: what became of a job comes as an event, exactly once."""

    @property
    def socket(self) -> zmq.Socket[bytes]:
        """Readable while there are events."""

    @property
    def free(self) -> int:
        """How many more jobs may be given now."""

    def start(self) -> None:
        """Get ready for the first job."""

    def run(self, job: str, request: Message, pixels: Sequence[bytes]) -> None:
        """Take a job with the pixels of its pictures, the content's first."""

    def cancel(self, job: str) -> None:
        """End a job soon: first it is asked to, and what does not obey is ended by force."""

    def ready(self, job: str) -> None:
        """Allow a job's next preview."""

    def estimate(self, message: Message) -> None:
        """Have a request (`request`, `content`, `styles`, `settings`) answered."""

    def receive(self) -> list[Event]:
        """The events of one message at the socket, which is readable."""

    def tend(self) -> None:
        """Do what is due; called several times a second."""

    def status(self) -> dict[str, Any]:
        """For people: `executor`, `worker`, `workers`, `device`, `devices`, `precision`, `memory`."""

    def end(self) -> None:
        """End all jobs and processes, and close the socket."""
