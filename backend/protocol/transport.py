"""How a client reaches a backend: with pyzmq, or, where Python cannot import that, through a bridge process."""

from __future__ import annotations

import os
from typing import Protocol

from .connection import Connection
from .frames import Frames
from .installation import Installation

CLIENT_VARIABLE = "NEURAL_STYLE_CLIENT"
"""`zmq` or `bridge`, to override the choice."""


class Transport(Protocol):
    """Messages, as frames, to and from one backend, for use from one thread."""

    def send(self, frames: Frames, seconds: float) -> bool:
        """Send a message, False if it could not be in that time; a Failure when the backend has gone."""

    def receive(self, seconds: float) -> Frames | None:
        """The next message, None if there was none in that time; a Failure when the backend has gone."""

    def close(self) -> None:
        """Hang up, and leave no process and no thread behind."""


def open_transport(installation: Installation, connection: Connection) -> Transport:
    """A transport to that backend; whether it answers shows in the first exchange."""
    if uses_bridge():
        from .transport_pipe import PipeTransport

        return PipeTransport(installation, connection)
    from .transport_zmq import ZmqTransport

    return ZmqTransport(installation, connection)


def uses_bridge() -> bool:
    """Whether this process reaches backends through a bridge."""
    chosen = os.environ.get(CLIENT_VARIABLE)
    return chosen == "bridge" if chosen else not _has_zmq()


def _has_zmq() -> bool:
    try:
        import zmq  # noqa: F401
    except ImportError:
        return False
    return True
