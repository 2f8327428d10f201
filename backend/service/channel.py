"""Messages over a pair of pipes between the supervisor and a worker: a JSON header and raw pixels."""

from __future__ import annotations

import json
import threading
from typing import IO, Any

from backend.protocol.frames import read_frames, write_frames

Message = dict[str, Any]


class Channel:
    """Both ends of the pipes of one process. Writing is safe from several threads, reading is for one."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source = source
        self._sink = sink
        self._writing = threading.Lock()

    def send(self, message: Message, payload: bytes = b"") -> None:
        """Write one message; raises OSError when the other end has gone."""
        with self._writing:
            write_frames(self._sink, (json.dumps(message).encode(), payload))

    def receive(self) -> tuple[Message, bytes]:
        """Read one message; raises EOFError when the other end has gone."""
        header, payload = read_frames(self._source)
        return json.loads(header), payload
