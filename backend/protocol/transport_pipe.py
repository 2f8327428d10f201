"""The transport of a client without pyzmq: a bridge process in the backend's Python, and the pipes to it.

Pipes cannot be polled on every system, so a thread on either side does what may block.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from contextlib import suppress
from dataclasses import asdict

from .connection import Connection
from .errors import Failure
from .frames import BEAT, Frames, read_frames, write_frames
from .installation import Installation
from .launch import refused, start_module

QUEUED = 16
"""Messages that may wait for the bridge, as many as would for a socket."""
END_SECONDS = 1.0


class PipeTransport:
    """The bridge, and the queues to the threads that write to it and read from it."""

    def __init__(self, installation: Installation, connection: Connection) -> None:
        self._connection, self._installation = connection, installation
        self._process = start_module(installation, "backend.protocol.bridge", piped=True)
        self._outgoing: queue.Queue[Frames | None] = queue.Queue(QUEUED)
        self._incoming: queue.SimpleQueue[list[bytes] | None] = queue.SimpleQueue()
        self._deaf = self._ended = False
        self._reason: Failure | None = None
        # What a bridge must know goes through its pipe: others can read a command line.
        self._outgoing.put([json.dumps(asdict(connection)).encode(), os.fsencode(installation.log_file)])
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._write, self._read)]
        for thread in self._threads:
            thread.start()

    def send(self, frames: Frames, seconds: float) -> bool:
        """Hand a message to the bridge, waiting while it is behind."""
        try:
            self._outgoing.put(frames, timeout=seconds)
        except queue.Full:
            return False
        if self._deaf:
            raise self._lost()
        return True

    def receive(self, seconds: float) -> list[bytes] | None:
        """The next message, also one that came before the bridge left."""
        try:
            frames = None if self._ended else self._incoming.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        if frames is None:
            self._ended = True
            raise self._lost()
        return frames

    def close(self) -> None:
        """End the bridge at once, and with it the threads."""
        self._process.kill()
        self._process.wait()
        self._outgoing.put(None)
        for thread, pipe in zip(self._threads, (self._process.stdin, self._process.stdout), strict=True):
            assert pipe is not None
            thread.join()
            with suppress(OSError):  # what a broken pipe did not take
                pipe.close()

    def _lost(self) -> Failure:
        """Why nothing comes any more: what the bridge said of the backend, else what became of the bridge."""
        self._threads[1].join(END_SECONDS)
        if self._reason is not None:
            return self._reason
        with suppress(subprocess.TimeoutExpired):
            if code := self._process.wait(END_SECONDS):
                reason = f"exit code {code}" if code > 0 else f"signal {-code}"
                return refused(self._installation) or Failure(
                    "bridge-died", reason=reason, log=self._installation.start_log
                )
        return self._connection.lost(self._installation.log_file)

    def _write(self) -> None:
        assert self._process.stdin is not None
        while True:
            try:
                frames = self._outgoing.get(timeout=BEAT)
            except queue.Empty:
                frames = ()
            if frames is None:
                return
            try:
                if not self._deaf:
                    write_frames(self._process.stdin, frames)
            except OSError:
                self._deaf = True  # go on taking, so that nobody waits for room in the queue

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while frames := read_frames(self._process.stdout):
                self._incoming.put(frames)
            self._reason = Failure.from_wire(json.loads(read_frames(self._process.stdout)[0]))
        except (EOFError, OSError, ValueError):
            pass  # it had no last word
        finally:
            self._incoming.put(None)
