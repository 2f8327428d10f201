"""Estimates for a window that is open while settings change."""

from __future__ import annotations

import time

from .client import ESTIMATE_SECONDS, HELLO_SECONDS, Backend
from .errors import Failure
from .estimate import Estimate, Outline
from .live import TICK_SECONDS, Live
from .messages import Message


class LiveEstimate(Live[Message, Estimate]):
    """The answer to the last question only; `ask` and `poll` return at once."""

    def ask(self, outline: Outline) -> None:
        """Ask what `Backend.estimate` would; an answer that has not been polled yet is void."""
        self._put(outline.question())

    def _work(self, backend: Backend, number: int, question: Message) -> None:
        # An answer that has become void is waited for all the same: the next one would wait for it anyway.
        backend.send(question, seconds=HELLO_SECONDS)
        deadline = time.monotonic() + ESTIMATE_SECONDS
        while not self._closing and time.monotonic() < deadline:
            told = backend.answer(question, "estimated", TICK_SECONDS)
            if told is not None:
                return self._tell(number, Estimate.from_wire(told))
        raise Failure("no-answer")
