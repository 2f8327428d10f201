"""A client's socket on its way to a backend."""

from __future__ import annotations

import os
from pathlib import Path

import zmq

from .connection import Connection
from .errors import Failure
from .sockets import configure
from .watch import Watch


def dial(context: zmq.Context[zmq.Socket[bytes]], connection: Connection, log: Path) -> tuple[zmq.Socket[bytes], Watch]:
    """A connecting DEALER and the watch over it; a Failure if its address is none. `log` is a local backend's."""
    socket = context.socket(zmq.DEALER)
    configure(socket)
    # An identity of our own lets a connection that broke for a moment go on; a leading zero byte is libzmq's.
    socket.setsockopt(zmq.IDENTITY, b"c" + os.urandom(15))
    socket.setsockopt(zmq.IMMEDIATE, 1)
    socket.setsockopt(zmq.IPV6, "[" in connection.endpoint)
    if connection.server_key:
        socket.curve_serverkey = connection.server_key.encode()
        socket.curve_publickey = connection.client_key.encode()
        socket.curve_secretkey = connection.client_secret.encode()
    watch = Watch(socket, connection, log)
    try:
        socket.connect(connection.endpoint)
    except zmq.ZMQError:
        hang_up(socket, watch)
        raise Failure("bad-address", address=connection.endpoint) from None
    return socket, watch


def hang_up(socket: zmq.Socket[bytes], watch: Watch) -> None:
    """Close the socket and its watch at once."""
    socket.disable_monitor()
    watch.close()
    socket.close(0)
