"""The bridge: `python -m backend.protocol.bridge` relays between its standard streams and a backend's socket.

A client whose own Python has no pyzmq (see `transport_pipe`) starts it in the backend's Python. The first message it
gets is the connection and the path of the backend's log; all others pass as they are, both ways. It leaves when
either side has gone. Why the backend has, is its own last word: a message of no frames, which no backend sends, and
one with the Failure.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

import zmq

from .connection import Connection
from .dial import dial
from .errors import Failure
from .frames import BEAT, read_frames, write_frames

FROZEN_SECONDS = 4 * BEAT
"""A client that says nothing for so long is frozen, and the backend has to know: its job must not go on for ever."""
LAST_WORDS_SECONDS = 5.0
LOOK_MS = 100

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]


class Listener:
    """The thread that reads what the client says and offers it at `socket`."""

    def __init__(self, context: Context, source: IO[bytes]) -> None:
        self.socket, self._inner = _pair(context, "inproc://listener")
        self._source = source
        self._reads_since: float | None = time.monotonic()
        self._gone = False
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def client_has_gone(self) -> bool:
        """Whether the client has ended or frozen; one that we do not read from is neither."""
        since = self._reads_since
        return self._gone or (since is not None and time.monotonic() - since > FROZEN_SECONDS)

    def _run(self) -> None:
        try:
            while True:
                self._reads_since = time.monotonic()
                frames = read_frames(self._source)
                self._reads_since = None
                if frames:
                    self._inner.send_multipart(frames, copy=False)
        except (EOFError, OSError):
            self._gone = True


class Speaker:
    """The thread that writes to the client what is put into `socket`."""

    def __init__(self, context: Context, sink: IO[bytes]) -> None:
        self.socket, self._inner = _pair(context, "inproc://speaker")
        self._sink = sink
        self._last_word: Failure | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self, reason: Failure) -> None:
        """Say the last word after all that is still here; a client that does not listen is not waited for."""
        self._last_word = reason
        self._thread.join(LAST_WORDS_SECONDS)

    def _run(self) -> None:
        try:
            while True:
                if self._inner.poll(LOOK_MS):
                    write_frames(self._sink, self._inner.recv_multipart())
                elif self._last_word is not None:
                    write_frames(self._sink, ())
                    return write_frames(self._sink, (json.dumps(self._last_word.to_wire()).encode(),))
        except OSError:
            return  # the client has gone, which the listener notices


class Lane:
    """One direction, with room for one message that was taken and could not be handed on yet."""

    def __init__(self, source: Socket, target: Socket) -> None:
        self._source, self._target = source, target
        self._held: list[zmq.Frame] | None = None

    @property
    def waits_for(self) -> tuple[Socket, int]:
        """The socket, and what must be possible with it, before anything can move."""
        return (self._source, zmq.POLLIN) if self._held is None else (self._target, zmq.POLLOUT)

    def move(self) -> bool:
        """Move one message if that can be done at once; whether it was."""
        try:
            if self._held is None:
                self._held = self._source.recv_multipart(zmq.NOBLOCK, copy=False)
            self._target.send_multipart(self._held, zmq.NOBLOCK, copy=False)
            self._held = None
        except zmq.Again:
            return False
        return True

    def drain(self) -> None:
        """Move all that is there, but do not wait for ever for somebody to take it."""
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        while (self.move() or self._held is not None) and time.monotonic() < deadline:
            self._target.poll(LOOK_MS, zmq.POLLOUT)


def relay(connection: Connection, log: Path, source: IO[bytes], sink: IO[bytes]) -> None:
    """Relay until the client or the backend has gone."""
    context: Context = zmq.Context()
    listener, speaker = Listener(context, source), Speaker(context, sink)
    try:
        backend, watch = dial(context, connection, log)
    except Failure as failure:
        return speaker.finish(failure)
    to_backend, to_client = Lane(listener.socket, backend), Lane(backend, speaker.socket)
    while not listener.client_has_gone:
        ready = _poll([(watch.monitor, zmq.POLLIN), to_backend.waits_for, to_client.waits_for])
        to_backend.move()
        to_client.move()
        try:
            if watch.monitor in ready:
                watch.read()
        except Failure as failure:
            to_client.drain()
            return speaker.finish(failure)


def _poll(wanted: list[tuple[Socket, int]]) -> dict[Any, int]:
    """Wait a little for any of the sockets; one may be named twice."""
    flags: dict[Socket, int] = {}
    for socket, flag in wanted:
        flags[socket] = flags.get(socket, 0) | flag
    poller = zmq.Poller()
    for socket, flag in flags.items():
        poller.register(socket, flag)
    return dict(poller.poll(LOOK_MS))


def _pair(context: Context, name: str) -> tuple[Socket, Socket]:
    """Both ends of a short queue between two threads."""
    outer, inner = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    for socket in (outer, inner):
        socket.set_hwm(4)
    outer.bind(name)
    inner.connect(name)
    return outer, inner


def main() -> None:
    """Run the bridge over the standard streams, which Python opens as binary on every system."""
    code = 1
    try:
        with contextlib.suppress(EOFError):
            connection, log = read_frames(sys.stdin.buffer)
            relay(Connection(**json.loads(connection)), Path(os.fsdecode(log)), sys.stdin.buffer, sys.stdout.buffer)
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        # A thread that reads from a pipe cannot be ended, and an ordinary exit would wait for it.
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
