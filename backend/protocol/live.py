"""What a window asks a backend while its user changes settings: asked in a thread, so that nothing waits for it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Generic, TypeVar

from .client import Backend
from .errors import Failure

TICK_SECONDS = 0.1
CLOSE_SECONDS = 1.0
LEFT = ("lost", "no-answer", "bridge-died", "remote-lost", "stopping")
"""What a backend that has left meanwhile looks like; another one may answer."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")
Self = TypeVar("Self", bound="Live")  # type: ignore[type-arg]


class Live(ABC, Generic[Question, Answer]):
    """The answers to the last question only; all public methods return at once, and are for one thread.

    The thread behind them has a backend of its own, connected when it is first needed and again when it has gone. It
    works on one question at a time and leaves out those that a later one has made pointless.
    """

    def __init__(self, connect: Callable[[], Backend]) -> None:
        """`connect` may take its time, and may raise a Failure, which `poll` passes on."""
        self._connect = connect
        self._backend: Backend | None = None
        self._questions: SimpleQueue[tuple[int, Question]] = SimpleQueue()
        self._answers: SimpleQueue[tuple[int, Answer | Exception]] = SimpleQueue()
        self._asked = self._answered = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        self._thread.start()

    def poll(self) -> Answer | None:
        """The next answer to the last question, once, and None while there is none; or its Failure."""
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

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    # --- For the kinds of questions ---------------------------------------------------------------------------

    @abstractmethod
    def _work(self, backend: Backend, number: int, question: Question) -> None:
        """In the thread: tell the answers to a question, looking every `TICK_SECONDS` whether it is still wanted."""

    def _put(self, question: Question) -> None:
        """Ask; answers to earlier questions that have not been polled yet are void."""
        self._asked += 1
        self._questions.put((self._asked, question))

    def _wanted(self, number: int) -> bool:
        """Whether a question's answers are still waited for."""
        return number == self._asked and not self._closing

    def _tell(self, number: int, answer: Answer | Exception) -> None:
        """Give an answer to the question of that number."""
        self._answered = number
        self._answers.put((number, answer))

    # --- The thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing:
            question = self._last_question()
            if question is not None:
                self._try(*question)
        self._hang_up()

    def _last_question(self) -> tuple[int, Question] | None:
        """The newest of the questions that have come, or None after a while without any."""
        question = None
        with suppress(Empty):
            question = self._questions.get(timeout=TICK_SECONDS)
            while True:
                question = self._questions.get_nowait()
        return question

    def _try(self, number: int, question: Question) -> None:
        """Work on a question, with a new backend if the one of an earlier question has left meanwhile."""
        kept = self._backend is not None
        try:
            if self._backend is None:
                self._backend = self._connect()
            if self._wanted(number):  # to connect can take long
                self._work(self._backend, number, question)
        except Exception as error:  # whatever it is, it is for the thread that polls
            self._hang_up()
            left = isinstance(error, Failure) and error.code in LEFT and self._answered != number
            if kept and left and not self._closing:
                self._try(number, question)
            else:
                self._tell(number, error)

    def _hang_up(self) -> None:
        if self._backend is not None:
            self._backend.close()
            self._backend = None
