"""The socket options that both sides use, and why."""

from __future__ import annotations

import zmq

from .messages import CHUNK

BEAT = 1.0
"""Seconds between signs of life from the backend to a client that has a job."""


def configure(socket: zmq.Socket[bytes]) -> None:
    """Options for either end: bounded queues and frames, and peers that froze are noticed in seconds."""
    socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 3000)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 3000)
    socket.setsockopt(zmq.MAXMSGSIZE, 16 * CHUNK)
    socket.setsockopt(zmq.SNDHWM, 16)
    socket.setsockopt(zmq.RCVHWM, 16)
    # Unsent messages must not keep a process from ending (libzmq waits for ever by default).
    socket.setsockopt(zmq.LINGER, 0)


def has_ipc() -> bool:
    """Whether this libzmq can use Unix sockets; Windows' cannot."""
    return bool(zmq.has("ipc"))
