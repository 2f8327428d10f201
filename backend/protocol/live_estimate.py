"""Estimates for a window that is open while settings change: asked for in a thread, so that nothing waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType

from .client import ESTIMATE_SECONDS, HELLO_SECONDS, Backend
from .errors import Failure
from .estimate import Estimate, Outline
from .messages import Message

TICK_SECONDS = 0.1
CLOSE_SECONDS = 1.0


class LiveEstimate:
    """The answer to the last question only; `ask` and `poll` return at once, and are for one thread.

    The thread behind it has a backend of its own, connected when it is first needed and again when it has gone. It
    asks one question at a time and leaves out those that a later one has made pointless.
    """

    def __init__(self, connect: Callable[[], Backend]) -> None:
        """`connect` may take its time, and may raise a Failure, which `poll` passes on."""
        self._connect = connect
        self._backend: Backend | None = None
        self._questions: SimpleQueue[tuple[int, Message]] = SimpleQueue()
        self._answers: SimpleQueue[tuple[int, Estimate | Exception]] = SimpleQueue()
        self._asked = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="LiveEstimate", daemon=True)
        self._thread.start()

    def ask(self, outline: Outline) -> None:
        """Ask what `Backend.estimate` would; an answer that has not been polled yet is void."""
        self._asked += 1
        self._questions.put((self._asked, outline.question()))

    def poll(self) -> Estimate | None:
        """The answer to the last question, once, and None while there is none; or its Failure."""
        while not self._answers.empty():
            number, answer = self._answers.get()
            if number == self._asked:
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return None

    def close(self) -> None:
        """Ask no more and hang up; what the thread is still waiting for it drops by itself."""
        self._closing = True
        self._thread.join(CLOSE_SECONDS)

    def __enter__(self) -> LiveEstimate:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        while not self._closing:
            question = self._last_question()
            if question is not None:
                self._answers.put((question[0], self._answer(question[1])))
        self._hang_up()

    def _last_question(self) -> tuple[int, Message] | None:
        """The newest of the questions that have come, or None after a while without any."""
        question = None
        with suppress(Empty):
            question = self._questions.get(timeout=TICK_SECONDS)
            while True:
                question = self._questions.get_nowait()
        return question

    def _answer(self, question: Message) -> Estimate | Exception:
        """The answer, from a new backend if the one of the last question fails: it may have left meanwhile."""
        kept = self._backend is not None
        try:
            return self._ask_backend(question)
        except Exception as error:  # whatever it is, it is for the thread that polls
            self._hang_up()
            return self._answer(question) if kept and not self._closing else error

    def _ask_backend(self, question: Message) -> Estimate:
        if self._backend is None:
            self._backend = self._connect()
        self._backend.send(question, seconds=HELLO_SECONDS)
        deadline = time.monotonic() + ESTIMATE_SECONDS
        while not self._closing and time.monotonic() < deadline:
            told = self._backend.answer(question, "estimated", TICK_SECONDS)
            if told is not None:
                return Estimate.from_wire(told)
        raise Failure("no-answer")

    def _hang_up(self) -> None:
        if self._backend is not None:
            self._backend.close()
            self._backend = None
