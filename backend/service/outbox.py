"""What waits to be sent to clients that take it in slowly, so that the supervisor never waits for one."""

from __future__ import annotations

from collections import deque

import zmq

Frames = list[bytes | memoryview]


class ClientGone(Exception):
    """The client's connection is no more."""


class Outbox:
    """One queue of messages for each client, in order."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._waiting: dict[bytes, deque[Frames]] = {}

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def send(self, client: bytes, frames: Frames) -> None:
        """Send now or keep for later; raises ClientGone."""
        self._waiting.setdefault(client, deque()).append(frames)
        self._flush_one(client)

    def flush(self) -> list[bytes]:
        """Send what can be sent and return the clients that turned out to have gone."""
        gone = []
        for client in list(self._waiting):
            try:
                self._flush_one(client)
            except ClientGone:
                gone.append(client)
        return gone

    def drop(self, client: bytes) -> None:
        """Forget what waits for a client."""
        self._waiting.pop(client, None)

    def _flush_one(self, client: bytes) -> None:
        queue = self._waiting[client]
        try:
            while queue:
                self._socket.send_multipart([client, *queue[0]], zmq.NOBLOCK, copy=len(queue[0]) == 1)
                queue.popleft()
        except zmq.Again:
            return
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self.drop(client)
            raise ClientGone from None
        del self._waiting[client]
