"""A preview on its way to a client: in small pieces, each of which the client asks for.

What the client is sent in between, progress above all, so never waits for more than one piece, whatever the speed of
the link and however much the system takes in on its way there.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.protocol.messages import Message

PIECE = 1 << 15
"""Bytes of a piece: 30 ms of a link of 1 MB/s."""


@dataclass
class PreviewSlot:
    """The one preview of a job that waits for its client; the next is only made when this one has been taken in."""

    picture: Message
    pixels: bytes | memoryview
    offset: int = 0

    def next_piece(self) -> tuple[Message, memoryview] | None:
        """The next piece as a message and its pixels; None after the last."""
        if self.offset >= len(self.pixels):
            return None
        piece = memoryview(self.pixels)[self.offset : self.offset + PIECE]
        message: Message = {"type": "preview", "picture": self.picture, "offset": self.offset}
        self.offset += len(piece)
        return message, piece
