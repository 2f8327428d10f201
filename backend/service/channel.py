"""Messages over a pair of pipes between the supervisor and a worker: lengths, a JSON header, raw pixels."""

from __future__ import annotations

import json
import struct
import threading
from typing import IO, Any

Message = dict[str, Any]
_LENGTHS = struct.Struct(">IQ")


class Channel:
    """Both ends of the pipes of one process. Writing is safe from several threads, reading is for one."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source = source
        self._sink = sink
        self._writing = threading.Lock()

    def send(self, message: Message, payload: bytes = b"") -> None:
        """Write one message; raises OSError when the other end has gone."""
        header = json.dumps(message).encode()
        with self._writing:
            self._sink.write(_LENGTHS.pack(len(header), len(payload)))
            self._sink.write(header)
            self._sink.write(payload)
            self._sink.flush()

    def receive(self) -> tuple[Message, bytes]:
        """Read one message; raises EOFError when the other end has gone."""
        header, payload = _LENGTHS.unpack(self._read(_LENGTHS.size))
        return json.loads(self._read(header)), self._read(payload)

    def _read(self, count: int) -> bytes:
        data = self._source.read(count)
        if len(data) < count:
            raise EOFError
        return data
