"""The socket options that both sides use, and why."""

from __future__ import annotations

import zmq

from .messages import CHUNK

BEAT = 1.0
"""Seconds between signs of life from the backend to a client that has a job."""


HEARTBEATS = {False: (1000, 3000), True: (2000, 20_000)}
"""For this machine and for another one: milliseconds between heartbeats, and of silence until a peer counts as gone.

Only whole frames count as signs of life, so a chunk of 1 MiB must not be under way for longer. On this machine it
never is; between machines it needs a link of about 60 kB/s."""


def configure(socket: zmq.Socket[bytes], remote: bool = False) -> None:
    """Options for either end: bounded queues and frames, and peers that froze are noticed in seconds."""
    set_heartbeats(socket, remote)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 3000)
    socket.setsockopt(zmq.MAXMSGSIZE, 16 * CHUNK)
    socket.setsockopt(zmq.SNDHWM, 16)
    socket.setsockopt(zmq.RCVHWM, 16)
    # Unsent messages must not keep a process from ending (libzmq waits for ever by default).
    socket.setsockopt(zmq.LINGER, 0)


def set_heartbeats(socket: zmq.Socket[bytes], remote: bool) -> None:
    """Notice peers that froze or are cut off; counts for what the socket connects or binds to from now on."""
    every, silence = HEARTBEATS[remote]
    socket.setsockopt(zmq.HEARTBEAT_IVL, every)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, silence)
    socket.setsockopt(zmq.HEARTBEAT_TTL, silence)


def has_ipc() -> bool:
    """Whether this libzmq can use Unix sockets; Windows' cannot."""
    return bool(zmq.has("ipc"))
