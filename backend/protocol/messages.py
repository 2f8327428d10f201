"""The form of messages: a JSON header in one frame and, for pixels, one raw frame of at most 1 MiB.

Nothing is ever unpickled. Pixels larger than a chunk travel as several messages, so that no peer has to take in
more at once than it agreed to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

from .errors import Failure
from .job import Picture, picture_bytes

PROTOCOL = 1
CHUNK = 1 << 20
"""Bytes that a peer has to take in at once."""
REMOTE_CHUNK = 1 << 18
"""Bytes that we send to another machine at once: on a slow link nobody is silent for as long as it takes."""
LEAST_CHUNK = 1 << 10
"""Every chunk but a picture's last one has as much, so that not many small pieces have to be kept."""
HEADER_LIMIT = 1 << 16

Message = dict[str, Any]
Payload = bytes | memoryview


def encode(message: Message, payload: Payload | None = None) -> list[Payload]:
    """The frames of a message."""
    header = json.dumps(message, separators=(",", ":")).encode()
    return [header] if payload is None else [header, payload]


def decode(frames: Sequence[Payload]) -> tuple[Message, Payload | None]:
    """The header and the payload of a message; a Failure `bad-message` for anything that is not one."""
    if not 1 <= len(frames) <= 2:
        raise Failure("bad-message", reason=f"it has {len(frames)} frames")
    if len(frames[0]) > HEADER_LIMIT:
        raise Failure("bad-message", reason="its header is too long")
    if len(frames) == 2 and len(frames[1]) > CHUNK:
        raise Failure("bad-message", reason="its payload is too long")
    try:
        message = json.loads(bytes(frames[0]))
    except (ValueError, RecursionError):
        raise Failure("bad-message", reason="its header is not JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Failure("bad-message", reason="its header has no type")
    return message, frames[1] if len(frames) == 2 else None


def chunks(pixels: Payload, most: int = CHUNK) -> Iterator[tuple[int, memoryview]]:
    """The pixels in pieces of at most so many bytes, each with its offset."""
    view = memoryview(pixels)
    for offset in range(0, len(view), most):
        yield offset, view[offset : offset + most]


class Assembly:
    """Puts a picture together from chunks that must come in order, each copied once, to its place."""

    def __init__(self, header: Message) -> None:
        """`header` must have passed `check_header`. The system gives the memory as chunks come."""
        self._header = header
        self._size = picture_bytes(header)
        self._pixels = BytesIO(bytes(self._size))

    @property
    def complete(self) -> bool:
        """Whether all pixels have come."""
        return self._pixels.tell() == self._size

    def add(self, offset: Any, payload: Payload | None) -> None:
        """Take the next chunk in; a Failure `bad-message` if it is not the next."""
        come = self._pixels.tell()
        if payload is None or offset != come or len(payload) > self._size - come:
            raise Failure("bad-message", reason="a chunk of pixels is out of place")
        if len(payload) < min(LEAST_CHUNK, self._size - come):
            raise Failure("bad-message", reason="a chunk of pixels is too short")
        self._pixels.write(payload)

    @property
    def pixels(self) -> bytes:
        """The pixels of a picture that is complete, which are not copied for it."""
        return self._pixels.getvalue()

    def picture(self) -> Picture:
        """The whole picture."""
        h = self._header
        return Picture(h["width"], h["height"], h["channels"], h["depth"], self.pixels)
