"""Messages over a pair of pipes between the supervisor and a worker: a JSON header and raw pixels."""

from __future__ import annotations

import json
import threading
from typing import IO, Any, Protocol

from backend.protocol.frames import read_frames, write_frames

Message = dict[str, Any]
FINAL = ("done", "cancelled", "failed")
"""The types of a worker's last message about a job."""


class Line(Protocol):
    """What a worker hears its orders from and reports to."""

    def send(self, message: Message, payload: bytes | memoryview = b"") -> None:
        """Pass on one message; may raise OSError when nobody is left to hear it."""

    def receive(self) -> tuple[Message, bytes]:
        """Wait for one message; may raise EOFError when no other will come."""


class Channel:
    """Both ends of the pipes of one process. Writing is safe from several threads, reading is for one."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source = source
        self._sink = sink
        self._writing = threading.Lock()

    def send(self, message: Message, payload: bytes | memoryview = b"") -> None:
        """Write one message; raises OSError when the other end has gone."""
        with self._writing:
            write_frames(self._sink, (json.dumps(message).encode(), payload))

    def receive(self) -> tuple[Message, bytes]:
        """Read one message; raises EOFError when the other end has gone."""
        header, payload = read_frames(self._source)
        return json.loads(header), payload
