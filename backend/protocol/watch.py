"""What libzmq tells of a connection that could not be made, or has ended, as a Failure that says why."""

from __future__ import annotations

import time
from pathlib import Path

import zmq
from zmq.utils.monitor import recv_monitor_message

from .connection import Connection
from .errors import Failure

SHAKEN = zmq.EVENT_HANDSHAKE_SUCCEEDED
REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH
ALIEN = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
VAGUE = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
ENDED = zmq.EVENT_DISCONNECTED
UNHEARD = zmq.EVENT_CLOSED
VAGUE_MOST = 2
"""How many handshakes may fail for no reason given: the first may have met a backend that was just ending."""
REASON_SECONDS = 3.0
"""How long a lost connection may take to come back or be refused: a few round trips between continents."""


class Watch:
    """The monitor of one socket that connects to one backend."""

    def __init__(self, socket: zmq.Socket[bytes], connection: Connection, log: Path) -> None:
        """Watch a socket that is not connected yet; `log` is where a backend of this machine would say more."""
        self._connection = connection
        self._log = log
        self._made = False
        self._vague = 0
        self.monitor = socket.get_monitor_socket(SHAKEN | REFUSED | ALIEN | VAGUE | ENDED | UNHEARD)

    def close(self) -> None:
        """Watch no longer; the socket's own `disable_monitor` comes first."""
        self.monitor.close(0)

    def read(self) -> None:
        """Take in what has happened; raises the Failure of a connection that cannot be made or has ended."""
        while self.monitor.poll(0):
            event = self._next()
            if event == SHAKEN:
                self._made = True
            elif event == REFUSED:
                raise self._refused()
            elif event in (ALIEN, VAGUE):
                self._alien(event)
            elif event == ENDED and self._made:
                raise self._ended()
            elif event == UNHEARD and not self._connection.is_remote:
                raise self._lost()  # on this machine nobody tells of an address before it can be reached

    def _next(self) -> int:
        return int(recv_monitor_message(self.monitor)["event"])

    def _refused(self) -> Failure:
        # On this machine a key does not fit when the connection file was that of a backend which has gone since.
        return Failure("key-refused", address=self._connection.endpoint) if self._connection.is_remote else self._lost()

    def _alien(self, event: int) -> None:
        if not self._connection.is_remote:
            raise self._lost()
        self._vague += event == VAGUE
        if event == ALIEN or self._vague >= VAGUE_MOST:
            raise Failure("wrong-server", address=self._connection.endpoint)

    def _ended(self) -> Failure:
        """Why the connection ended: libzmq is connecting anew, and a key that was revoked is refused then."""
        deadline = time.monotonic() + (REASON_SECONDS if self._connection.is_remote else 0)
        while (left := deadline - time.monotonic()) > 0 and self.monitor.poll(int(left * 1000)):
            event = self._next()
            if event == REFUSED:
                return self._refused()
            if event in (SHAKEN, UNHEARD):
                break
        return self._lost()

    def _lost(self) -> Failure:
        return self._connection.lost(self._log)
