"""Jobs on a real Dask cluster on this machine: a scheduler and two workers, each a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from backend.cli import EXECUTOR_VARIABLE
from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.errors import Failure
from backend.protocol.estimate import Outline
from backend.protocol.events import Cancelled, Done, Preview, Progress, Queued
from backend.protocol.installation import Installation
from backend.protocol.job import Settings
from tests.service.backends import FAST, LONG, job, wait_until
from tests.service.conftest import home
from tests.service.dask_processes import Cluster, rest, until_painting

pytest.importorskip("distributed")


SHORT = Settings(preset="draft", size=64, steps=60)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        made = Cluster(stack)
        made.add_worker()
        made.add_worker()
        yield made


@pytest.fixture
def backend(spread: Installation) -> Iterator[Backend]:
    with client.connect(spread) as backend:
        yield backend


@pytest.fixture
def spread(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """A home whose backend spreads jobs over the cluster."""
    monkeypatch.setenv(EXECUTOR_VARIABLE, f"dask://{cluster.address}")
    with home(workers=0) as installation:
        with client.connect(installation) as backend:
            assert wait_until(lambda: len(backend.status()["workers"]) == len(cluster.workers), 30)
        yield installation


def test_jobs_are_painted_side_by_side_with_progress_and_previews(backend: Backend) -> None:
    backend.estimate(Outline(80, 60))  # measures the first worker's device
    one = backend.submit(job(LONG), previews=True)
    previews = (event for event in one.events() if isinstance(event, Preview))
    assert next(previews).picture.pixels != next(previews).picture.pixels
    two = backend.submit(job(LONG))
    until_painting(two)
    until_painting(one)  # it was not stopped for the other
    status = backend.status()
    assert status["running"] == 2
    assert status["device"] == "cpu"
    third = backend.submit(job(FAST))
    assert next(event for event in third.events() if isinstance(event, Queued)) == Queued(2)
    assert backend.estimate(Outline(80, 60)).seconds > 0  # at once, although both are busy
    one.cancel()
    assert rest(one)[-1] == Cancelled()
    events = rest(third)
    assert isinstance(events[-1], Done)
    assert any(isinstance(event, Progress) and event.fraction == pytest.approx(1) for event in events)
    two.cancel()
    assert rest(two)[-1] == Cancelled()


def test_a_failure_of_the_job_is_the_jobs(backend: Backend) -> None:
    with pytest.raises(Failure) as caught:
        rest(backend.submit(job(Settings(preset="draft", weights="/no/such/file.pth"))))
    assert caught.value.code.startswith("weights")


def test_a_client_that_goes_has_its_job_stopped_and_the_backends_death_too(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EXECUTOR_VARIABLE, f"dask://{cluster.address}")
    with home(workers=0) as installation:
        with client.connect(installation) as victim:
            until_painting(victim.submit(job(LONG)))
            os.kill(victim.status()["pid"], signal.SIGKILL)
        with client.connect(installation) as backend:
            # Both workers are free again: two jobs are painted at once.
            assert wait_until(lambda: len(backend.status()["workers"]) == 2, 30)
            runs = [backend.submit(job(FAST)) for _ in range(2)]
            assert isinstance(rest(runs[1])[-1], Done)


def test_a_job_whose_worker_dies_goes_on_at_another_one(cluster: Cluster, backend: Backend) -> None:
    import distributed

    run = backend.submit(job(LONG))
    until_painting(run)
    with distributed.Client(f"tcp://{cluster.address}", set_as_default=False) as look:
        [busy] = [address for address, tasks in look.processing().items() if tasks]
    cluster.workers.pop(busy).kill()
    began_again = False
    for event in run.events():
        if isinstance(event, Progress):
            began_again = began_again or event.step <= 1
            if began_again and event.step > 3:
                break
    run.cancel()
    assert rest(run)[-1] == Cancelled()
    assert isinstance(rest(backend.submit(job(FAST)))[-1], Done)
    # The last one dies too: the job waits for another one.
    run = backend.submit(job(SHORT))
    until_painting(run)
    cluster.workers.popitem()[1].kill()
    cluster.add_worker()
    assert isinstance(rest(run)[-1], Done)
