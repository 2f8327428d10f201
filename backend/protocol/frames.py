"""Frames over a pipe: how many there are, the length of each, and their bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import IO

Frames = Sequence[bytes | memoryview]

BEAT = 1.0
"""Seconds after which an idle client gives its bridge a sign of life: a message of no frames."""

_COUNT = struct.Struct(">B")
_LENGTH = struct.Struct(">Q")


def write_frames(sink: IO[bytes], frames: Frames) -> None:
    """Write one message, which may have no frames; raises OSError when the other end has gone."""
    sink.write(_COUNT.pack(len(frames)))
    for frame in frames:
        sink.write(_LENGTH.pack(len(frame)))
        sink.write(frame)
    sink.flush()


def write_long(sink: IO[bytes], header: bytes, pieces: Frames) -> None:
    """Write a message whose second frame lies in pieces; raises OSError when the other end has gone."""
    sink.write(_COUNT.pack(2) + _LENGTH.pack(len(header)) + header + _LENGTH.pack(sum(map(len, pieces))))
    for piece in pieces:
        sink.write(piece)
    sink.flush()


def read_long(source: IO[bytes], most: int) -> tuple[bytes, Iterator[bytes]]:
    """Read a message of two frames, the second in pieces of at most so many bytes, all of which must be taken."""
    (count,) = _COUNT.unpack(_read(source, _COUNT.size))
    if count != 2:
        raise EOFError
    header = _read(source, *_LENGTH.unpack(_read(source, _LENGTH.size)))
    (length,) = _LENGTH.unpack(_read(source, _LENGTH.size))
    return header, (_read(source, min(most, length - start)) for start in range(0, length, most))


def read_frames(source: IO[bytes]) -> list[bytes]:
    """Read one message; raises EOFError when the other end has gone."""
    (count,) = _COUNT.unpack(_read(source, _COUNT.size))
    return [_read(source, *_LENGTH.unpack(_read(source, _LENGTH.size))) for _ in range(count)]


def _read(source: IO[bytes], count: int) -> bytes:
    data = source.read(count)
    if len(data) < count:
        raise EOFError
    return data
