"""The estimates that clients wait for: checked, passed on to the worker, and each answered once."""

from __future__ import annotations

from backend.protocol.errors import Failure
from backend.protocol.job import check_style_count
from backend.protocol.messages import Message
from backend.service.jobs import checked_headers, is_name

MOST_WAITING = 256
Addressed = tuple[bytes, Message]
"""A client, and what is to be sent to it."""


class Estimates:
    """The supervisor's list of requests that the worker has not answered."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[bytes, str]] = {}
        self._count = 0

    def add(self, client: bytes, message: Message) -> Message:
        """Record a request and return what the worker is to be sent; a Failure if it is not allowed."""
        name = message.get("request")
        if not is_name(name):
            raise Failure("bad-message", reason="an estimate needs a request's name")
        if len(self._waiting) >= MOST_WAITING:
            raise Failure("busy", count=len(self._waiting))
        content, styles, settings = checked_headers({"styles": [], **message})
        if styles:
            check_style_count(len(styles))
        self._count += 1
        key = str(self._count)
        self._waiting[key] = (client, name)
        return {"type": "estimate", "request": key, "content": content, "styles": styles, "settings": settings}

    def answer(self, message: Message) -> Addressed | None:
        """The worker's answer as it goes to the client; None if nobody waits for it any more."""
        client, name = self._waiting.pop(message["request"], (None, ""))
        return None if client is None else (client, {**message, "request": name})

    def refuse_all(self, failure: Failure) -> list[Addressed]:
        """The answers to all that wait, when the worker will not give them."""
        waiting, self._waiting = self._waiting, {}
        refusal = {"type": "refused", **failure.to_wire()}
        return [(client, {**refusal, "request": name}) for client, name in waiting.values()]

    def drop(self, client: bytes) -> None:
        """Forget the requests of a client that has gone."""
        self._waiting = {key: value for key, value in self._waiting.items() if value[0] != client}
