"""The transport of a client that has pyzmq: its own socket."""

from __future__ import annotations

import time
from contextlib import suppress

import zmq

from .connection import Connection
from .dial import dial, hang_up
from .frames import Frames
from .installation import Installation


class ZmqTransport:
    """A socket connected to the backend, and the watch that tells when there is no hope for it."""

    def __init__(self, installation: Installation, connection: Connection) -> None:
        self._context = zmq.Context()
        self._socket, self._watch = dial(self._context, connection, installation.log_file)
        self._poller = zmq.Poller()
        self._poller.register(self._watch.monitor, zmq.POLLIN)

    def send(self, frames: Frames, seconds: float) -> bool:
        """Send a message, waiting while the backend is behind."""
        deadline = time.monotonic() + seconds
        while self._wait(zmq.POLLOUT, deadline):
            # The connection can end after the look, and a socket without one would wait for ever.
            with suppress(zmq.Again):
                self._socket.send_multipart(frames, zmq.NOBLOCK, copy=len(frames) == 1)
                return True
        return False

    def receive(self, seconds: float) -> Frames | None:
        """The next message, also one that came before the connection ended; its pixels lie where libzmq put them."""
        deadline = time.monotonic() + seconds
        while self._wait(zmq.POLLIN, deadline):
            with suppress(zmq.Again):
                return [frame.buffer for frame in self._socket.recv_multipart(zmq.NOBLOCK, copy=False)]
        return None

    def close(self) -> None:
        """Hang up at once."""
        hang_up(self._socket, self._watch)
        self._context.term()

    def _wait(self, direction: int, deadline: float) -> bool:
        """Wait until a message can be sent or received; False if it cannot by then, a Failure if never again."""
        self._poller.register(self._socket, direction)
        while True:
            ready = dict(self._poller.poll(max(0, int((deadline - time.monotonic()) * 1000))))
            # A last message and the end can come between two looks of one poll: the message counts first.
            if self._socket in ready or self._socket.poll(0, direction):
                return True
            if not ready:
                return False
            self._watch.read()
