"""Messages over a pair of pipes between the supervisor and a worker: a JSON header and raw pixels."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import IO, Any, Protocol

from backend.protocol.frames import read_frames, read_long, write_long
from backend.protocol.messages import CHUNK

Message = dict[str, Any]
FINAL = ("done", "cancelled", "failed")
"""The types of a worker's last message about a job."""


class Line(Protocol):
    """What a worker hears its orders from and reports to."""

    def send(self, message: Message, *pixels: bytes | memoryview) -> None:
        """Pass on one message with its pixels; may raise OSError when nobody is left to hear it."""

    def receive(self) -> tuple[Message, bytes]:
        """Wait for one message; may raise EOFError when no other will come."""


class Channel:
    """Both ends of the pipes of one process. Writing is safe from several threads, reading is for one."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source = source
        self._sink = sink
        self._writing = threading.Lock()

    def send(self, message: Message, *pixels: bytes | memoryview) -> None:
        """Write one message with its pixels, which may lie in pieces; raises OSError when the other end has gone."""
        with self._writing:
            write_long(self._sink, json.dumps(message).encode(), pixels)

    def receive(self) -> tuple[Message, bytes]:
        """Read one message; raises EOFError when the other end has gone."""
        header, payload = read_frames(self._source)
        return json.loads(header), payload

    def receive_in_pieces(self) -> tuple[Message, Iterator[bytes]]:
        """Read one message, whose pixels come in chunks while the other end still writes; all have to be taken."""
        header, pieces = read_long(self._source, CHUNK)
        return json.loads(header), pieces
