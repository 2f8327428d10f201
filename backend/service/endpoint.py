"""The addresses the backend listens at: one for this machine, and one for others if that was asked for."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from backend import __version__
from backend.protocol.connection import Connection
from backend.protocol.errors import Failure
from backend.protocol.frames import Frames
from backend.protocol.installation import Installation, private_folder
from backend.protocol.messages import CHUNK, PROTOCOL, REMOTE_CHUNK, Message
from backend.protocol.remotes import check_address, host_of
from backend.protocol.sockets import configure, has_ipc
from backend.service.gate import Gate
from backend.service.keyring import KeyRing

TRANSPORT_VARIABLE = "NEURAL_STYLE_TRANSPORT"
"""`ipc` or `tcp`, to override the choice."""

LAST_WORDS_SECONDS = 0.1
"""How long clients have to take in what was sent last. With ZMQ_IMMEDIATE libzmq drops what has come but was not read
when the connection ends: measured, 9 of 300 messages that were followed by the end at once, and none without it."""


@dataclass(frozen=True)
class Listen:
    """An address for clients on other machines, and the keys of those that are let in."""

    address: str
    ring: KeyRing

    @classmethod
    def checked(cls, address: str, keys: Path | None, default: Path) -> Listen:
        """Where to listen; a Failure without keys, which only loopback takes from the `default` folder."""
        check_address(address)
        if keys is None and not _is_loopback(host_of(address)):
            raise Failure("needs-keys", address=address)
        ring = KeyRing(keys or default)
        ring.server  # noqa: B018 (a Failure now is better than after the start)
        return cls(address, ring)


class Endpoint:
    """The bound ROUTER socket and the connection file that leads to it."""

    def __init__(self, installation: Installation, context: zmq.Context[Any], listen: Listen | None = None) -> None:
        """Bind, then write the connection file, so that no client reads of an address before it is there."""
        self._installation = installation
        self._cleanup: list[Callable[[], None]] = []
        self._gate: Gate | None = None
        self.listen = listen
        self.received = 0
        self.socket: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
        configure(self.socket)
        # Sends to a client that has gone raise EHOSTUNREACH instead of vanishing: that is how we learn of it.
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        try:
            self.connection = self._bind(context)
        except BaseException:
            self.close()
            raise
        self.connection.write(installation.connection_file)

    def _bind(self, context: zmq.Context[Any]) -> Connection:
        ipc = (os.environ.get(TRANSPORT_VARIABLE) or ("ipc" if has_ipc() else "tcp")) == "ipc"
        if ipc:  # before the gate, which guards whatever is bound after it is set up
            connection = self._bind_ipc()
        if not ipc or self.listen is not None:
            self._gate = Gate(context, None if self.listen is None else self.listen.ring)
            self._gate.guard(self.socket)
        if not ipc:
            connection = self._bind_loopback()
        if self.listen is not None:
            self._bind_remote(self.listen.address)
        return connection

    def _bind_ipc(self) -> Connection:
        path = self._installation.socket
        private_folder(path.parent)
        path.unlink(missing_ok=True)
        self.socket.bind(f"ipc://{path}")
        self._cleanup.append(lambda: path.unlink(missing_ok=True))
        return Connection(f"ipc://{path}", os.getpid(), PROTOCOL, __version__)

    def _bind_loopback(self) -> Connection:
        """Other users reach loopback tcp too, so clients must have the key that is in the connection file."""
        assert self._gate is not None
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        server, client = self._gate.server, self._gate.local
        address = f"tcp://127.0.0.1:{port}"
        return Connection(address, os.getpid(), PROTOCOL, __version__, server.public, client.public, client.secret)

    def _bind_remote(self, address: str) -> None:
        self.socket.setsockopt(zmq.IPV6, "[" in address)
        try:
            self.socket.bind(address)
        except zmq.ZMQError as error:
            raise Failure("cannot-listen", address=address, reason=zmq.strerror(error.errno or 0)) from None

    def receive(self) -> tuple[bytes, Frames] | None:
        """The next message and its client, or None if that is not let in any more."""
        frames = self.socket.recv_multipart(copy=False)
        client = frames[0].bytes
        if self._gate is not None and not self._gate.admits(client, frames[-1]):
            return None
        self.received += 1
        return client, [frame.buffer for frame in frames[1:]]

    def status(self) -> Message:
        """Where other machines may come in, and how many messages were read from all clients."""
        return {"listens": None if self.listen is None else self.listen.address, "messages": self.received}

    def check(self, client: bytes, message: Message) -> None:
        """Raise a Failure for what only clients on this machine may ask."""
        if self._gate is not None:
            self._gate.check(client, message)

    def announce(self) -> None:
        """Write the connection file again if it has been damaged or removed, or clients would find no backend."""
        path = self._installation.connection_file
        if Connection.read(path) != self.connection:
            with contextlib.suppress(OSError):  # the disk may be full; a second later is soon enough
                self.connection.write(path)

    def chunk_for(self, client: bytes) -> int:
        """The bytes of pixels that this client is best sent at once."""
        return REMOTE_CHUNK if self._gate is not None and self._gate.is_guest(client) else CHUNK

    def show_out(self) -> list[bytes]:
        """End the connections whose key was taken back, and return those clients."""
        return self._gate.show_out() if self._gate is not None else []

    def close(self) -> None:
        """Stop listening and leave no file behind."""
        self._installation.connection_file.unlink(missing_ok=True)
        time.sleep(LAST_WORDS_SECONDS)
        self.socket.close(linger=500)
        if self._gate is not None:
            self._gate.close()
        for step in self._cleanup:
            step()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name, whatever it means
