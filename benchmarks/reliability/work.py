"""Jobs of all lengths, and what is heard of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator

from backend.protocol.client import Backend, Run
from backend.protocol.errors import Failure
from backend.protocol.events import Cancelled, Done, Progress
from backend.protocol.job import Job, Picture, Settings, Style
from backend.protocol.messages import Message, chunks

FINALS = ("done", "cancelled", "failed", "refused")
PATTERN = bytes(range(251))


def picture(width: int, height: int, channels: int = 3) -> Picture:
    """A picture of slanted stripes."""
    size = width * height * channels
    return Picture(width, height, channels, "u8", (PATTERN * (size // len(PATTERN) + 1))[:size])


def job(steps: int = 1, size: int = 64, content: Picture | None = None) -> Job:
    """A job of so many steps at a working size; the smallest there is takes a tenth of a second."""
    settings = Settings(preset="draft", size=size, steps=steps)
    return Job(content or picture(size, size * 3 // 4), (Style(picture(32, 32)),), settings)


LONG = job(steps=50_000)
"""A job that does not end by itself while anybody looks."""


def submit(backend: Backend, name: str, wanted: Job = LONG, previews: bool = False) -> None:
    """Send a job under a name of our own."""
    for message, payload in messages_of(name, wanted, previews):
        backend.send(message, payload)


def messages_of(name: str, wanted: Job, previews: bool) -> Iterator[tuple[Message, memoryview | None]]:
    """What a job is sent as."""
    yield {"type": "submit", "job": name, "previews": previews, **wanted.to_wire()}, None
    for index, part in enumerate(wanted.pictures):
        for offset, piece in chunks(part.pixels):
            yield {"type": "chunk", "job": name, "picture": index, "offset": offset}, piece


def until_painting(run: Run, step: int = 2) -> Progress:
    """Wait until that many of a job's steps are taken."""
    for event in run.events():
        if isinstance(event, Progress) and event.step >= step:
            return event
    raise AssertionError("the job ended before it was painted")


def outcome(run: Run) -> Done | Cancelled | Failure:
    """The end of a job, whatever it is."""
    try:
        *_, last = run.events()
    except Failure as failure:
        return failure
    assert isinstance(last, (Done, Cancelled))
    return last


def code_of(end: Done | Cancelled | Failure) -> str:
    """The code of the failure that a job ended with, else the name of its end."""
    return end.code if isinstance(end, Failure) else type(end).__name__


class Finals:
    """Counts the final events of many jobs, of any number of clients."""

    def __init__(self) -> None:
        self.of: dict[str, list[str]] = {}

    def expect(self, name: str) -> None:
        """A job of that name was sent."""
        self.of[name] = []

    def hear(self, backend: Backend, seconds: float) -> Message | None:
        """Take in a client's next message, if one comes in time."""
        received = backend.receive(seconds)
        if received is None:
            return None
        message = received[0]
        if message["type"] == "preview":
            backend.send({"type": "ready", "job": message["job"]})
        if message["type"] in FINALS and message.get("job") in self.of:
            self.of[message["job"]].append(message["type"])
        return message

    def all_heard(self, names: Iterable[str]) -> bool:
        """Whether every one of these jobs has ended."""
        return all(self.of[name] for name in names)

    def collect(self, backends: Iterable[Backend], seconds: float = 60) -> None:
        """Listen until all jobs have ended, and a little longer for ends that should not come."""
        backends = list(backends)
        deadline = time.monotonic() + seconds
        while not self.all_heard(self.of) and time.monotonic() < deadline:
            for backend in backends:
                self.hear(backend, 0.002)
        for backend in backends:
            while self.hear(backend, 0.05):
                pass

    @property
    def not_once(self) -> list[str]:
        """The jobs that did not end exactly once."""
        return [name for name, ends in self.of.items() if len(ends) != 1]

    @property
    def counts(self) -> dict[str, int]:
        """How many jobs ended in which way."""
        return dict(Counter(end for ends in self.of.values() for end in ends))
