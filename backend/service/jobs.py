"""The jobs the supervisor knows, from the first header to the one final event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from backend.protocol.errors import Failure
from backend.protocol.job import Settings, check_header, check_style_count, check_style_weight
from backend.protocol.messages import Assembly, Message, Payload
from backend.service.budget import Budget
from backend.service.preview import PreviewSlot

MOST_JOBS = 64
MOST_OF_A_CLIENT = 16
"""Jobs that one client may have at a time, so that others always find a place in the queue."""


@dataclass
class Record:
    """A job as it travels: received, then queued, then running."""

    key: str
    client: bytes
    name: str
    request: Message
    parts: list[Assembly]
    nbytes: int
    """What its pixels take in all."""
    state: str = "receiving"
    fraction: float = 0.0
    """How much of it is painted."""
    position: int | None = None
    """The jobs before it, as its client was told last."""
    preview: PreviewSlot | None = None
    cancelling: bool = False

    def add(self, picture: Any, offset: Any, payload: Payload | None) -> None:
        """Take in a chunk of one of the pictures."""
        if self.state != "receiving" or type(picture) is not int or not 0 <= picture < len(self.parts):
            raise Failure("bad-message", reason="a chunk of pixels belongs to no picture")
        self.parts[picture].add(offset, payload)

    @property
    def complete(self) -> bool:
        """Whether all pictures have come."""
        return all(part.complete for part in self.parts)

    def take_pixels(self) -> list[bytes]:
        """The pixels of all pictures, the content's first; they are given up here, since the worker will hold them."""
        pixels = [part.pixels for part in self.parts]
        self.parts = []
        return pixels


def is_name(value: Any) -> TypeGuard[str]:
    """Whether a client may call a job or a request like that."""
    return isinstance(value, str) and 0 < len(value) <= 64


class Jobs:
    """All jobs that have had no final event, and whose turn is next.

    Turns go round: each client's first waiting job, then each client's second one. A client that comes new joins the
    round that is under way, so nobody waits for more than one job of each other client.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self._budget = budget or Budget()
        self._records: dict[tuple[bytes, str], Record] = {}
        self._count = 0
        self._round = 0
        self._next_rounds: dict[bytes, int] = {}
        """The round in which a client may have its next turn, if that is a later one than that under way."""

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def add(self, client: bytes, message: Message, unsent: int = 0) -> Record | None:
        """Record a job that a client submits, or None if it is known already; a Failure if it is refused.

        `unsent` are the bytes of results that wait for their clients.
        """
        name = message.get("job")
        if not is_name(name):
            raise Failure("bad-message", reason="a job needs a name")
        if (client, name) in self._records:
            return None
        if len(self._records) >= MOST_JOBS:
            raise Failure("busy", count=len(self._records))
        if (own := len(self.of(client))) >= MOST_OF_A_CLIENT:
            raise Failure("busy", count=own)
        request, headers = _checked(message)
        count = self._budget.check(headers, unsent + sum(record.nbytes for record in self))
        self._count += 1
        record = Record(str(self._count), client, name, request, [Assembly(h) for h in headers], count)
        self._records[client, name] = record
        return record

    def find(self, client: bytes, name: Any) -> Record | None:
        """A client's own job of that name."""
        return self._records.get((client, name)) if isinstance(name, str) else None

    def by_key(self, key: str) -> Record | None:
        """The job that workers call `key`."""
        return next((record for record in self if record.key == key), None)

    def of(self, client: bytes) -> list[Record]:
        """A client's jobs."""
        return [record for record in self if record.client == client]

    def in_state(self, state: str) -> list[Record]:
        """The jobs in a state, oldest first."""
        return [record for record in self if record.state == state]

    def turns(self) -> list[Record]:
        """The waiting jobs in the order in which their turns come."""
        return [record for _, record in self._rounds()]

    def start(self, record: Record) -> None:
        """A waiting job's turn has come."""
        self._round = next(number for number, waiting in self._rounds() if waiting is record)
        self._next_rounds = {client: number for client, number in self._next_rounds.items() if number > self._round}
        self._next_rounds[record.client] = self._round + 1
        record.state = "running"

    def _rounds(self) -> list[tuple[int, Record]]:
        """The waiting jobs with the rounds they belong to; within a round those that came first are first."""
        waiting: Counter[bytes] = Counter()
        rounds = []
        for record in self.in_state("queued"):
            first = max(self._round, self._next_rounds.get(record.client, 0))
            rounds.append((first + waiting[record.client], record))
            waiting[record.client] += 1
        return sorted(rounds, key=lambda pair: pair[0])

    def remove(self, record: Record) -> None:
        """Forget a job, whose final event is now sent."""
        self._records.pop((record.client, record.name), None)


def _checked(message: Message) -> tuple[Message, list[Message]]:
    """What a worker needs of a request, and the headers of its pictures; a Failure if any of it is not allowed."""
    content, styles, settings = checked_headers(message)
    check_style_count(len(styles))
    for style in styles:
        check_style_weight(style.get("weight"))
    previews = message.get("previews") is True
    request = {"content": content, "styles": styles, "settings": settings, "previews": previews}
    return request, [content, *styles]


def checked_headers(message: Message) -> tuple[Message, list[Message], Message]:
    """The content, any number of styles, and the settings of a message; a Failure if one of them is not allowed."""
    content, styles, settings = message.get("content"), message.get("styles"), message.get("settings")
    if not isinstance(content, dict) or not isinstance(styles, list) or not isinstance(settings, dict):
        raise Failure("bad-message", reason="a job needs a content, styles and settings")
    for role, header in [("content", content), *(("style", style) for style in styles)]:
        if not isinstance(header, dict):
            raise Failure("bad-message", reason=f"the {role} picture has no header")
        check_header(header, role)
    return content, styles, Settings.from_wire(settings).to_wire()
