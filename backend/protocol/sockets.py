"""The socket options that both sides use, and why."""

from __future__ import annotations

import zmq

from .messages import CHUNK

BEAT = 1.0
"""Seconds between signs of life from the backend to a client that has a job."""


HEARTBEAT_MS = 1000
SILENCE_MS = 3500
"""Milliseconds between heartbeats, and of silence until a peer counts as gone.

Only whole frames count as signs of life, so none may be under way for longer: a chunk as we send it to another machine
needs a link of 80 kB/s."""


def configure(socket: zmq.Socket[bytes]) -> None:
    """Options for either end: bounded frames and queues of what is sent; peers that froze are noticed in seconds."""
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, SILENCE_MS)
    socket.setsockopt(zmq.HEARTBEAT_TTL, SILENCE_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 3000)
    socket.setsockopt(zmq.MAXMSGSIZE, 16 * CHUNK)
    socket.setsockopt(zmq.SNDHWM, 16)
    # A full queue stops libzmq from reading, and then it can neither answer heartbeats nor bear that the peer leaves:
    # at the next heartbeat an assertion ends the process (libzmq 4.3.5, its issues 4364 and 4767, open).
    socket.setsockopt(zmq.RCVHWM, 0)
    # Unsent messages must not keep a process from ending (libzmq waits for ever by default).
    socket.setsockopt(zmq.LINGER, 0)


def has_ipc() -> bool:
    """Whether this libzmq can use Unix sockets; Windows' cannot."""
    return bool(zmq.has("ipc"))
