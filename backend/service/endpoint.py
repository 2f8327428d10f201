"""The address the backend listens at: a Unix socket, or loopback tcp behind CURVE where there are none."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import zmq
import zmq.auth
import zmq.utils.z85
from zmq.auth.thread import ThreadAuthenticator

from backend import __version__
from backend.protocol.connection import Connection
from backend.protocol.installation import Installation, private_folder
from backend.protocol.messages import PROTOCOL
from backend.protocol.sockets import configure, has_ipc

TRANSPORT_VARIABLE = "NEURAL_STYLE_TRANSPORT"
"""`ipc` or `tcp`, to override the choice."""
ZAP_DOMAIN = "neural-style"


class Endpoint:
    """The bound ROUTER socket and the connection file that leads to it."""

    def __init__(self, installation: Installation, context: zmq.Context[Any]) -> None:
        """Bind, then write the connection file, so that no client reads of an address before it is there."""
        self._installation = installation
        self._cleanup: list[Callable[[], None]] = []
        self.socket: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
        configure(self.socket)
        # Sends to a client that has gone raise EHOSTUNREACH instead of vanishing: that is how we learn of it.
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        transport = os.environ.get(TRANSPORT_VARIABLE) or ("ipc" if has_ipc() else "tcp")
        self.connection = self._bind_ipc() if transport == "ipc" else self._bind_tcp(context)
        self.connection.write(installation.connection_file)

    def _bind_ipc(self) -> Connection:
        path = self._installation.socket
        private_folder(path.parent)
        path.unlink(missing_ok=True)
        self.socket.bind(f"ipc://{path}")
        self._cleanup.append(lambda: path.unlink(missing_ok=True))
        return Connection(f"ipc://{path}", os.getpid(), PROTOCOL, __version__)

    def _bind_tcp(self, context: zmq.Context[Any]) -> Connection:
        """Other users reach loopback tcp too, so clients must have the key that is in the connection file."""
        server_key, server_secret = zmq.curve_keypair()
        client_key, client_secret = zmq.curve_keypair()
        authenticator = ThreadAuthenticator(context)
        authenticator.start()
        authenticator.configure_curve_callback(domain=ZAP_DOMAIN, credentials_provider=_Only(client_key))
        self._cleanup.append(authenticator.stop)
        self.socket.curve_server = True
        self.socket.curve_secretkey = server_secret
        self.socket.setsockopt(zmq.ZAP_DOMAIN, ZAP_DOMAIN.encode())
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        return Connection(
            f"tcp://127.0.0.1:{port}",
            os.getpid(),
            PROTOCOL,
            __version__,
            server_key.decode(),
            client_key.decode(),
            client_secret.decode(),
        )

    def close(self) -> None:
        """Stop listening and leave no file behind."""
        self._installation.connection_file.unlink(missing_ok=True)
        self.socket.close(linger=500)
        for step in self._cleanup:
            step()


class _Only:
    """Lets in the holder of one key."""

    def __init__(self, key: bytes) -> None:
        self._key = zmq.utils.z85.decode(key)

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether a client with this public key may speak (called by pyzmq's authenticator)."""
        return key in (self._key, zmq.utils.z85.encode(self._key))
