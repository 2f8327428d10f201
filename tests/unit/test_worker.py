"""Which jobs the worker learns from: those whose time was all their own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

from backend.engine.stylise import Iterate
from backend.protocol.estimate import Estimate
from backend.protocol.job import Job, Settings
from backend.service.channel import Channel, Message
from backend.service.worker import Worker
from backend.weights.sources import Report

HEADER = {"width": 32, "height": 32, "channels": 3, "depth": "u8"}
JOB = {
    "job": "1", "previews": False, "content": HEADER, "styles": [{**HEADER, "weight": 1.0}],
    "settings": Settings().to_wire(),
}  # fmt: skip
TOLD = 5.0


class Painter:
    """Paints grey in one step, after a download or not."""

    def __init__(self, downloads: bool = False, fails: bool = False) -> None:
        self._downloads = downloads
        self._fails = fails

    def paint(self, job: Job, report: Report) -> Iterator[Iterate]:
        if self._downloads:
            report(0.5)
        yield Iterate(1, 1, 1, 1, 1.0, {"total": 1.0}, lambda: torch.full((1, 3, 32, 32), 0.5))
        if self._fails:
            raise ValueError("too bad")


class Estimator:
    """Knows a device once it is measured."""

    def __init__(self) -> None:
        self._measured = False

    def foresee(self, request: Message) -> list[float]:
        return [TOLD, TOLD]

    def measure(self, request: Message) -> None:
        self._measured = True

    def estimate(self, request: Message) -> Estimate | None:
        return Estimate(1.0, 2) if self._measured else None


@pytest.fixture
def pipe() -> Iterator[Channel]:
    """A channel that hears what is sent into it."""
    source, sink = os.pipe()
    with os.fdopen(source, "rb") as reader, os.fdopen(sink, "wb") as writer:
        yield Channel(reader, writer)


@pytest.fixture
def worker(pipe: Channel) -> Worker:
    made = Worker(pipe)
    made._estimator = Estimator()
    return made


def serve(worker: Worker, painter: Painter) -> float | None:
    worker._cancels.take_in("1")
    return worker._serve(painter, JOB, [bytes(2 * 32 * 32 * 3)])


def test_a_job_that_went_well_is_learned_from(worker: Worker) -> None:
    assert serve(worker, Painter()) == TOLD


def test_a_download_is_not_taken_for_slowness(worker: Worker) -> None:
    assert serve(worker, Painter(downloads=True)) is None
    assert serve(worker, Painter()) == TOLD


def test_a_job_that_failed_is_not_learned_from(worker: Worker) -> None:
    assert serve(worker, Painter(fails=True)) is None


def test_a_measurement_between_two_steps_answers_and_is_not_taken_for_slowness(worker: Worker, pipe: Channel) -> None:
    request = {"request": "7"}
    assert not worker._answer(request)
    worker._unanswered.append(request)
    assert serve(worker, Painter()) is None
    said = [pipe.receive()[0] for _ in range(3)]
    assert said[-1] == {"type": "estimated", "request": "7", "seconds": 1.0, "bytes": 2}
