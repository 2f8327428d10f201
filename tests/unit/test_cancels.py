"""A cancelled job is told of exactly once, by the thread that can do it soonest."""

from __future__ import annotations

import threading

from backend.service.cancels import Cancels


def test_between_two_steps_the_painting_thread_answers() -> None:
    cancels = Cancels()
    cancels.take_in("1")
    cancels.look("1", True)
    assert not cancels.cancel("1")
    assert not cancels.wanted("1")
    assert cancels.end("1")
    assert not cancels.end("1")


def test_while_it_is_busy_with_more_the_reader_does() -> None:
    cancels = Cancels()
    cancels.take_in("1")
    assert cancels.cancel("1")
    assert not cancels.cancel("1")  # twice cancelled, once answered
    cancels.look("1", True)
    assert not cancels.wanted("1")
    assert not cancels.end("1")


def test_a_job_that_is_over_cannot_be_cancelled() -> None:
    cancels = Cancels()
    cancels.take_in("1")
    assert cancels.end("1")
    assert not cancels.cancel("1")
    assert not cancels.cancel("never heard of")


def test_whatever_the_moment_one_thread_answers() -> None:
    cancels, answers = Cancels(), list[str]()

    def paint() -> None:
        for number in range(2000):
            name = str(number)
            for looks in (True, False):
                cancels.look(name, looks)
                if not cancels.wanted(name):
                    break
            if cancels.end(name):
                answers.append(name)

    def read() -> None:
        for number in range(2000):
            if cancels.cancel(str(number)):
                answers.append(str(number))

    for number in range(2000):
        cancels.take_in(str(number))
    threads = [threading.Thread(target=run) for run in (paint, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers, key=int) == [str(number) for number in range(2000)]
