"""Jobs on a real Dask cluster on this machine: a scheduler and two workers, each a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import zmq

from backend.cli import EXECUTOR_VARIABLE
from backend.protocol import client
from backend.protocol.client import Backend, Run
from backend.protocol.errors import Failure
from backend.protocol.events import Cancelled, Done, Event, Preview, Progress, Queued
from backend.protocol.installation import Installation
from backend.protocol.job import Settings
from backend.protocol.messages import Message
from tests.service.backends import FAST, LONG, job, processes_of, run_cli, wait_until
from tests.service.conftest import home

pytest.importorskip("distributed")

from backend.service import dask_cluster
from backend.service.dask_executor import DaskExecutor

SHORT = Settings(preset="draft", size=64, steps=60)


class Cluster:
    """The processes, which end with the `with` statement."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        # Their own home, so that they are not counted among the backend's processes.
        self._home = stack.enter_context(tempfile.TemporaryDirectory(prefix="ns-dask-"))
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        assert self.scheduler.stderr is not None
        said = (re.search(r"Scheduler at:\s+tcp://(\S+)", line) for line in self.scheduler.stderr)
        self.address = next(found[1] for found in said if found)
        self.workers: dict[str, subprocess.Popen[str]] = {}

    def add_worker(self, nanny: bool = False) -> None:
        port = _free_port()
        self.workers[f"tcp://127.0.0.1:{port}"] = self._start(
            "worker", f"tcp://{self.address}", "--nthreads", "1", "--nanny" if nanny else "--no-nanny",
            "--no-dashboard", "--host", "127.0.0.1", "--worker-port", str(port), "--local-directory", self._home,
        )  # fmt: skip

    def _start(self, *command: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "NEURAL_STYLE_HOME": self._home}
        errors = subprocess.PIPE if command[0] == "scheduler" else subprocess.DEVNULL
        process = self._stack.enter_context(
            subprocess.Popen([sys.executable, "-m", "dask", *command], env=environment, stderr=errors, text=True)
        )
        self._stack.callback(process.kill)
        return process


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def rest(run: Run) -> list[Event]:
    return [event for event in run.events() if event is not None]


def until_painting(run: Run) -> None:
    assert any(isinstance(event, Progress) and event.step > 1 for event in run.events())


def test_jobs_are_painted_side_by_side_with_progress_and_previews(backend: Backend) -> None:
    backend.estimate(80, 60)  # measures the first worker's device
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
    assert backend.estimate(80, 60).seconds > 0  # at once, although both are busy
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


def test_a_worker_that_ignores_a_cancel_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    with ExitStack() as stack:
        cluster = Cluster(stack)
        cluster.add_worker(nanny=True)
        look = stack.enter_context(distributed.Client(f"tcp://{cluster.address}", set_as_default=False))
        monkeypatch.setenv(EXECUTOR_VARIABLE, f"dask://{cluster.address}")
        installation = stack.enter_context(home(workers=0))
        with client.connect(installation) as backend:
            run = backend.submit(job(LONG))
            until_painting(run)
            [frozen] = look.run(os.getpid).values()
            os.kill(frozen, signal.SIGSTOP)
            run.cancel()
            assert rest(run)[-1] == Cancelled()
            assert isinstance(rest(backend.submit(job(FAST)))[-1], Done)
            assert list(look.run(os.getpid).values()) != [frozen]
        look.retire_workers()


def test_a_cluster_without_workers_is_reported_and_does_not_paint_later(monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    monkeypatch.setattr(dask_cluster, "EMPTY_SECONDS", 1.0)
    with ExitStack() as stack, zmq.Context() as context:
        cluster = Cluster(stack)
        look = stack.enter_context(distributed.Client(f"tcp://{cluster.address}", set_as_default=False))
        executor = DaskExecutor(context, f"dask://{cluster.address}")
        executor.start()
        try:
            assert executor.free == 0  # nothing is known yet
            assert _next(executor) == {"type": "capacity", "workers": [], "devices": [], "memory": 0}
            assert executor.free == 1
            wanted = job(FAST)
            request = {**wanted.to_wire(), "previews": False}
            executor.run("1", request, b"".join(picture.pixels for picture in wanted.pictures))
            assert wait_until(lambda: _tasks(look) == 1)
            failed = _next(executor)
            assert (failed["job"], failed["code"]) == ("1", "cluster")
            assert "no workers" in failed["sentence"]
            assert wait_until(lambda: _tasks(look) == 0)
        finally:
            executor.end()


def _tasks(look: Any) -> int:
    return int(look.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))


def _next(executor: DaskExecutor) -> Message:
    while executor.socket.poll(30_000):
        for message, _ in executor.receive():
            return message
    raise AssertionError("no event came")


def test_a_cluster_that_is_not_there_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXECUTOR_VARIABLE, f"dask://127.0.0.1:{_free_port()}")
    with home(workers=0) as installation, client.connect(installation) as backend:
        for ask in (lambda: rest(backend.submit(job(FAST))), lambda: backend.estimate(80, 60)):
            with pytest.raises(Failure) as caught:
                ask()
            assert caught.value.code == "cluster"
        pids = processes_of(installation.home)
        assert client.stop(installation)
        assert wait_until(lambda: not processes_of(installation.home), 3)
        assert len(pids) == 1


def test_a_place_that_is_none_is_refused(installation: Installation) -> None:
    done = run_cli(installation.home, "serve", "--executor", "ray://x")
    assert done.returncode == 2
    assert "dask://HOST:PORT" in done.stderr
