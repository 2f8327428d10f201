"""Who may speak to the backend over tcp, where everybody can knock: holders of a key, and for as long as it is allowed.

The same for loopback, whose one key is in the connection file, and for other machines, whose keys are in a key ring.
"""

from __future__ import annotations

import logging
import socket as system
import time
from dataclasses import dataclass
from typing import Any

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from backend.protocol.errors import Failure
from backend.protocol.keys import KeyPair
from backend.protocol.messages import Message
from backend.service.keyring import KeyRing

ZAP_DOMAIN = "neural-style"
LOOK_SECONDS = 1.0
"""How often the key ring is looked at for keys taken back from clients that are connected."""
WEIGHTS = ("original", "torchvision")
"""What a client on another machine may name: a file's name would let it look at files of this one."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Guest:
    """A client on another machine, its key, and the connection that it came by."""

    key: str
    descriptor: int
    peer: Any

    def cut(self) -> None:
        """End the connection, for which libzmq has no call. It then tells both sides as if the network had failed."""
        if _peer(self.descriptor) == self.peer:
            _with_socket(self.descriptor, lambda connection: connection.shutdown(system.SHUT_RDWR))


class Gate:
    """Lets clients in by their CURVE keys, and shows those out whose key was taken back."""

    def __init__(self, context: zmq.Context[Any], ring: KeyRing | None) -> None:
        self._ring = ring
        self.server = KeyPair.new() if ring is None else ring.server
        self.local = KeyPair.new()
        self._allowed = {} if ring is None else ring.clients()
        self._guests: dict[bytes, Guest] = {}
        self._looked = time.monotonic()
        self._authenticator = ThreadAuthenticator(context)
        self._authenticator.start()
        self._authenticator.configure_curve_callback(domain=ZAP_DOMAIN, credentials_provider=self)

    def guard(self, socket: zmq.Socket[bytes]) -> None:
        """Let only clients with an allowed key in by the addresses that the socket binds to from now on."""
        socket.curve_server = True
        socket.curve_secretkey = self.server.secret.encode()
        socket.setsockopt(zmq.ZAP_DOMAIN, ZAP_DOMAIN.encode())

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether a client with this public key in Z85 may connect; pyzmq calls this in a thread of its own."""
        text = key.decode("ascii", "replace")
        allowed = text == self.local.public or (self._ring is not None and text in self._ring.clients())
        if not allowed:
            log.warning("a client was refused: its key is not allowed")
        return allowed

    def admits(self, client: bytes, frame: zmq.Frame) -> bool:
        """Whether a message may be read, by the key that its connection was made with."""
        key = _key(frame)
        if key in (None, self.local.public):
            return True
        if key not in self._allowed:
            self._look()
        if key in self._allowed:
            self._note(client, key, frame)
            return True
        _guest(key, frame).cut()
        return False

    def check(self, client: bytes, message: Message) -> None:
        """Raise a Failure for what only clients on this machine may ask."""
        if client not in self._guests:
            return
        if message["type"] == "stop":
            raise Failure("not-from-afar")
        settings = message.get("settings")
        if isinstance(settings, dict) and settings.get("weights", WEIGHTS[0]) not in WEIGHTS:
            raise Failure("remote-weights")

    def is_guest(self, client: bytes) -> bool:
        """Whether the client is on another machine."""
        return client in self._guests

    def show_out(self) -> list[bytes]:
        """End the connections whose key was taken back, and return those clients."""
        if not self._guests or time.monotonic() - self._looked < LOOK_SECONDS:
            return []
        self._look()
        self._guests = {c: guest for c, guest in self._guests.items() if _peer(guest.descriptor) == guest.peer}
        out = [client for client, guest in self._guests.items() if guest.key not in self._allowed]
        for client in out:
            log.info("a client was shown out: its key was taken back")
            self._guests.pop(client).cut()
        return out

    def close(self) -> None:
        """Let nobody in any more; the guarded sockets are to be closed first."""
        self._authenticator.stop()

    def _look(self) -> None:
        self._looked = time.monotonic()
        self._allowed = {} if self._ring is None else self._ring.clients()

    def _note(self, client: bytes, key: str, frame: zmq.Frame) -> None:
        """Remember which connection a client came by, also when it has come again."""
        known = self._guests.get(client)
        if known is None or known.descriptor != frame.get(zmq.SRCFD):
            guest = self._guests[client] = _guest(key, frame)
            log.info("a client came from %s with the key %s", guest.peer and guest.peer[0], self._allowed[key])


def _key(frame: zmq.Frame) -> str | None:
    """The public key of the client that sent a frame; None for one that came by a socket without keys."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return None


def _guest(key: str, frame: zmq.Frame) -> Guest:
    descriptor = int(frame.get(zmq.SRCFD))
    return Guest(key, descriptor, _peer(descriptor))


def _peer(descriptor: int) -> Any:
    """The other end of a connection, None if it is no more; its number may have been given to another one."""
    return _with_socket(descriptor, lambda connection: connection.getpeername())


def _with_socket(descriptor: int, act: Any) -> Any:
    try:
        connection = system.socket(fileno=descriptor)
    except OSError:
        return None
    try:
        return act(connection)
    except OSError:
        return None
    finally:
        connection.detach()  # libzmq will close it
