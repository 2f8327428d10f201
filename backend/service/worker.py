"""The worker process: takes jobs from its standard input, paints them, and reports on its standard output."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import IO, Any

from backend.protocol.errors import Failure
from backend.protocol.events import Progress
from backend.protocol.installation import Installation
from backend.protocol.job import Job, Picture, Settings, Style, picture_bytes
from backend.service.cancels import Cancels
from backend.service.channel import Channel, Line, Message
from backend.service.clock import Clock

PROGRESS_SECONDS = 0.05
PREVIEW_SECONDS = 0.5


class _Unwanted(Exception):
    """The job that is painted was cancelled."""


class Worker:
    """Runs one job at a time. A reader thread takes in the next ones, cancels, and the supervisor's end."""

    def __init__(self, channel: Line) -> None:
        self._channel = channel
        self._jobs: queue.Queue[tuple[Message, list[bytes]] | None] = queue.Queue()
        self._cancels = Cancels()
        self._preview_wanted: set[str] = set()
        self._estimator: Any = None
        self._unanswered: deque[Message] = deque()
        self._painting: str | None = None
        self._disturbed = False
        """Whether the job that runs took time that is not its own."""

    def run(self) -> None:
        """Serve until the supervisor closes the pipe."""
        threading.Thread(target=self._read, daemon=True).start()
        # torch takes seconds to import; meanwhile the reader takes in the first job.
        from backend.service.device import describe_device
        from backend.service.estimator import Estimator
        from backend.service.paint import Painter
        from backend.service.speeds import Speeds

        painter = Painter(self._stop_if_unwanted)
        self._estimator = Estimator(painter, Speeds(Installation.find().speed_file))
        self._send({"type": "ready", **describe_device()})
        while True:
            item = self._jobs.get()
            if item is None:
                self._answer_waiting()
            else:
                self._serve_and_learn(painter, *item)

    def _read(self) -> None:
        while True:
            try:
                message, payload = self._channel.receive()
            except EOFError:
                # The supervisor is gone: nobody is left to paint for.
                os._exit(0)
            if message["type"] == "job":
                # The pixels lie in a list from which they are taken, so that nobody holds them longer than is needed.
                self._cancels.take_in(message["job"])
                self._jobs.put((message, [payload]))
                del payload
            elif message["type"] == "estimate":
                if not self._answer(message):
                    self._unanswered.append(message)
                    self._jobs.put(None)  # wakes the main thread, if it has no job
            elif message["type"] == "cancel":
                if self._cancels.cancel(message["job"]):
                    self._send({"type": "cancelled", "job": message["job"]})
            elif message["type"] == "ready":
                self._preview_wanted.add(message["job"])

    # --- Estimates -------------------------------------------------------------------------------------------

    def _answer(self, message: Message) -> bool:
        """Answer an estimate, in any thread and at once; False if the device has to be measured first."""
        try:
            estimate = self._estimator and self._estimator.estimate(message)
        except Exception as error:
            self._refuse(message, error)
            return True
        if estimate is not None:
            self._send({"type": "estimated", "request": message["request"], **asdict(estimate)})
        return estimate is not None

    def _answer_waiting(self) -> None:
        """Measure what the waiting estimates need to know, and answer them; the reader cannot, the device is ours."""
        while self._unanswered:
            message = self._unanswered.popleft()
            self._disturbed = True
            try:
                self._estimator.measure(message)
                self._answer(message)
            except Exception as error:
                self._refuse(message, error)

    def _refuse(self, message: Message, error: Exception) -> None:
        self._send({"type": "refused", "request": message["request"], **_failure(error).to_wire()})

    def _serve_and_learn(self, painter: Any, message: Message, pixels: list[bytes]) -> None:
        from backend.service.memory import give_back

        began = time.monotonic()
        told = self._serve(painter, message, pixels)
        taken = time.monotonic() - began
        give_back()
        if told is not None:
            self._estimator.learn(message, told, taken)

    # --- Jobs ------------------------------------------------------------------------------------------------

    def _serve(self, painter: Any, message: Message, pixels: list[bytes]) -> float | None:
        """Run a job and return the seconds it was told to take, or None if what it took says nothing about that."""
        name = message["job"]
        if not self._cancels.wanted(name):
            pixels.clear()
            return None
        try:
            if message["previews"]:
                self._preview_wanted.add(name)
            foreseen: list[float] | None = self._estimator.foresee(message)
            self._disturbed, self._painting = False, name
            finished = self._paint(painter, name, _job(message, pixels.pop()), foreseen)
            return foreseen[-1] if foreseen and finished and not self._disturbed else None
        except _Unwanted:
            if self._cancels.end(name):
                self._send({"type": "cancelled", "job": name})
            return None
        except Exception as error:
            failure = _failure(error)
            if self._cancels.end(name):
                self._send({"type": "failed", "job": name, **failure.to_wire()})
            return None
        finally:
            self._painting = None
            self._preview_wanted.discard(name)

    def _paint(self, painter: Any, name: str, job: Job, foreseen: Sequence[float] | None) -> bool:
        from backend.service.finish import Finish

        last, reported, began = None, 0.0, time.monotonic()
        previewed = began
        self._progress(name, Progress("loading"))
        finish, clock = Finish(job, previews=name in self._preview_wanted), Clock(whole=foreseen is not None)
        for last in painter.paint(job, lambda fraction: self._downloading(name, fraction)):
            now = time.monotonic()
            if last.step == 1 and self._disturbed:
                clock = Clock(whole=False)  # the time so far was not the job's own
            left = clock.seconds_left(foreseen[last.step - 1] / foreseen[-1] if foreseen else last.fraction)
            if now - reported > PROGRESS_SECONDS or last.step == last.steps:
                reported = now
                self._progress(name, _progress(last, left))
            if name in self._preview_wanted and now - previewed > PREVIEW_SECONDS:
                previewed = now
                self._preview_wanted.discard(name)
                self._send_picture("preview", name, finish.preview(last.picture()))
            self._cancels.look(name, False)
            self._answer_waiting()
            self._cancels.look(name, True)
            self._stop_if_unwanted()
        assert last is not None
        self._cancels.look(name, False)
        # The last iterate holds the optimiser, which is larger than what is still to be made.
        picture, last = last.picture(), None
        finished = finish.result(picture)
        if not self._cancels.end(name):
            return False
        self._send_picture("done", name, finished, seconds=time.monotonic() - began)
        return True

    def _stop_if_unwanted(self) -> None:
        """Called many times in each step: a step on a large picture takes seconds."""
        if self._painting is not None and not self._cancels.wanted(self._painting):
            raise _Unwanted

    def _downloading(self, name: str, fraction: float) -> None:
        self._disturbed = True
        self._progress(name, Progress("downloading", fraction=fraction))

    def _progress(self, name: str, progress: Progress) -> None:
        self._send({"type": "progress", "job": name, **asdict(progress)})

    def _send_picture(self, kind: str, name: str, picture: Picture, **more: float) -> None:
        self._send({"type": kind, "job": name, "picture": picture.header, **more}, picture.pixels)

    def _send(self, message: Message, payload: bytes | memoryview = b"") -> None:
        try:
            self._channel.send(message, payload)
        except OSError:
            os._exit(0)


def _failure(error: Exception) -> Failure:
    """The failure for a user; what nobody foresaw goes to the log."""
    if isinstance(error, Failure):
        return error
    print("".join(traceback.format_exception(error)).strip().replace("\n", " | "), file=sys.stderr, flush=True)
    reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}"
    return Failure("internal", reason=reason[:200], log=Installation.find().log_file)


def _job(message: Message, pixels: bytes) -> Job:
    """The job of a message from the supervisor, which has checked it."""
    pictures = _pictures([message["content"], *message["styles"]], pixels)
    content = next(pictures)
    styles = tuple(Style(picture, h["weight"]) for picture, h in zip(pictures, message["styles"], strict=True))
    return Job(content, styles, Settings.from_wire(message["settings"]))


def _pictures(headers: list[Message], pixels: bytes) -> Iterator[Picture]:
    view, offset = memoryview(pixels), 0  # a large layer is not copied
    for h in headers:
        end = offset + picture_bytes(h)
        yield Picture(h["width"], h["height"], h["channels"], h["depth"], view[offset:end])
        offset = end


def _progress(iterate: Any, left: float | None) -> Progress:
    return Progress(
        "painting",
        iterate.scale,
        iterate.scales,
        iterate.step,
        iterate.steps,
        iterate.fraction,
        iterate.losses,
        left,
    )


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The standard input and output for the channel alone; what anything prints goes to the log instead."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink


if __name__ == "__main__":
    Worker(Channel(*_own_pipes())).run()
