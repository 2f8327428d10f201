"""A worker process as its executor sees it: start it, talk to it without ever waiting for it, notice its end."""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import zmq

from backend.service.channel import Channel, Message
from backend.service.executor import finished

PATIENT_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}
"""Threads of a parallel loop sleep while they wait for each other, after some microseconds in GNU's library. By default
they spin, which on a machine that also does other things (GIMP, say) made a step four to eight times slower. A thousand
turns made it no slower there, and 4 % faster on an idle machine."""

LEAN_MALLOC = {"GLIBC_TUNABLES": f"glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold={8 << 20}"}
"""Lets glibc give every block of more than 8 MiB back to the system when it is freed. By default it keeps what has come
and gone once, in pieces: the engine's peak at 512 x 512 was 366 to 486 MiB instead of 289. Large pages make up for most
of the time that fresh memory takes."""

LEAN_ON_GPU = {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"} if sys.platform == "linux" else {}
"""Lets PyTorch put pieces of a GPU's memory together where it would reserve more: 3.9 instead of 5.4 GiB for 2048 x
2048, of which 2.6 are in use at a time. Not there for other systems."""

PIPE_BYTES = 1 << 20
"""Of what the system lets a pipe hold, so that a layer takes few turns of both ends; only Linux can be asked."""

EVENTS = "inproc://worker-events"
"""Where the executor binds a PULL socket for what its workers report."""
LONGEST_LINE = 4000

log = logging.getLogger(__name__)


class WorkerProcess:
    """A worker with one thread that writes to it and one that reads from it, both of which may block."""

    def __init__(self, context: zmq.Context[Any], number: int, slot: int, environment: Mapping[str, str]) -> None:
        """Start the process; its reports arrive at EVENTS as frames: number, message, payload.

        The last one is `ended`, with the reason in `how`. Raises OSError if there is no process to be had.
        """
        self.number = number
        self.slot = slot
        self.job: str | None = None
        self.requests: set[str] = set()
        self.cancel_deadline: float | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "backend.service.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE_BYTES,
            stderr=subprocess.PIPE,
            env={**PATIENT_THREADS, **LEAN_ON_GPU, **os.environ, **LEAN_MALLOC, **environment},
            # Ctrl-C in the terminal of `serve` is for the supervisor, which says when the worker ends.
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._channel = Channel(self._process.stdout, self._process.stdin)
        self._outgoing: queue.SimpleQueue[tuple[Message, Sequence[bytes]] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._write, daemon=True),
            threading.Thread(target=self._read, args=(context,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def send(self, message: Message, pixels: Sequence[bytes] = ()) -> None:
        """Queue a message for the worker; what cannot be delivered is lost, and its end is reported."""
        self._outgoing.put((message, pixels))

    def kill(self) -> None:
        """End the process at once."""
        self._outgoing.put(None)
        self._process.kill()

    def end(self) -> None:
        """Kill the process and wait until it and the threads, whose sockets are the context's, are gone."""
        self.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        self._listener.join(0.5)

    def _write(self) -> None:
        while (item := self._outgoing.get()) is not None:
            try:
                message, pixels = item
                self._channel.send(message, *pixels)
            except OSError:
                return

    def _read(self, context: zmq.Context[Any]) -> None:
        events = context.socket(zmq.PUSH)
        events.setsockopt(zmq.LINGER, 1000)
        events.connect(EVENTS)
        number = str(self.number).encode()
        try:
            while True:
                message, pieces = self._channel.receive_in_pieces()
                done = message["type"] == "done"
                for event, payload in finished(message, pieces) if done else [(message, b"".join(pieces))]:
                    events.send_multipart([number, json.dumps(event).encode(), payload], copy=False)
        except (EOFError, OSError, ValueError):
            ended = {"type": "ended", "how": self._how_it_ended()}
            events.send_multipart([number, json.dumps(ended).encode(), b""])
        except zmq.ZMQError:
            pass  # the supervisor is ending and has closed its context
        finally:
            events.close()

    def _listen(self) -> None:
        """Put what the process complains about into the log, a line at a time."""
        assert self._process.stderr is not None
        while line := self._process.stderr.readline(LONGEST_LINE):
            if text := line.decode("utf-8", "replace").strip():
                log.info("worker %d says: %s", self.number, text)

    def _how_it_ended(self) -> str:
        """Why the process is no more, in words; one that only closed its end of the pipe is killed."""
        try:
            code = self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code >= 0:
            return f"exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"{name}, perhaps for lack of memory" if -code == signal.SIGKILL else name
