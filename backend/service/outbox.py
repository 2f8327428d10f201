"""What waits to be sent to clients that take it in slowly, so that the supervisor never waits for one."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

import zmq

Frames = list[bytes | memoryview]

MOST_ANSWERS = 1 << 20
"""Bytes of unsent messages without pixels that a client may have before it counts as gone: it takes nothing in."""


class ClientGone(Exception):
    """The client's connection is no more, or as good as that."""


@dataclass
class _Unsent:
    """A message that waits; one in a slot may be replaced by a later one that makes it worthless."""

    frames: Frames
    slot: Hashable

    @property
    def answer_bytes(self) -> int:
        return 0 if len(self.frames) > 1 else len(self.frames[0])

    @property
    def pixel_bytes(self) -> int:
        return len(self.frames[1]) if len(self.frames) > 1 else 0


@dataclass
class _Queue:
    """What one client has not been sent, in order."""

    messages: deque[_Unsent] = field(default_factory=deque)
    slots: dict[Hashable, _Unsent] = field(default_factory=dict)
    answers: int = 0

    def put(self, frames: Frames, slot: Hashable) -> None:
        waiting = self.slots.get(slot) if slot is not None else None
        if waiting is not None:
            self.answers -= waiting.answer_bytes
            waiting.frames = frames
        else:
            waiting = _Unsent(frames, slot)
            self.messages.append(waiting)
            if slot is not None:
                self.slots[slot] = waiting
        self.answers += waiting.answer_bytes

    def pop(self) -> None:
        sent = self.messages.popleft()
        self.answers -= sent.answer_bytes
        self.slots.pop(sent.slot, None)


class Outbox:
    """One queue of messages for each client, in order and bounded."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._waiting: dict[bytes, _Queue] = {}

    @property
    def pixels(self) -> int:
        """Bytes of pixels that wait."""
        return sum(message.pixel_bytes for queue in self._waiting.values() for message in queue.messages)

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def send(self, client: bytes, frames: Frames, slot: Hashable = None) -> None:
        """Send now or keep for later, in place of what waits in the same slot, if any; raises ClientGone."""
        queue = self._waiting.setdefault(client, _Queue())
        queue.put(frames, slot)
        self._flush_one(client)
        if queue.answers > MOST_ANSWERS:
            self.drop(client)
            raise ClientGone

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
            while queue.messages:
                frames = queue.messages[0].frames
                self._socket.send_multipart([client, *frames], zmq.NOBLOCK, copy=len(frames) == 1)
                queue.pop()
        except zmq.Again:
            return
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self.drop(client)
            raise ClientGone from None
        del self._waiting[client]
