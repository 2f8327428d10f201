"""Dask clusters that are not there, have no workers, or a worker that froze."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from typing import Any

import pytest
import zmq

from backend.cli import EXECUTOR_VARIABLE
from backend.protocol import client
from backend.protocol.errors import Failure
from backend.protocol.estimate import Outline
from backend.protocol.events import Cancelled, Done
from backend.protocol.installation import Installation
from backend.protocol.messages import Message
from tests.service.backends import FAST, LONG, job, processes_of, run_cli, wait_until
from tests.service.conftest import home
from tests.service.dask_processes import Cluster, free_port, rest, until_painting

pytest.importorskip("distributed")

from backend.service import dask_cluster
from backend.service.dask_executor import DaskExecutor


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
            executor.run("1", request, [bytes(picture.pixels) for picture in wanted.pictures])
            assert wait_until(lambda: _tasks(look) == 1)
            failed = _next(executor)
            assert (failed["job"], failed["code"]) == ("1", "cluster")
            assert "no workers" in failed["sentence"]
            assert wait_until(lambda: _tasks(look) == 0)
        finally:
            executor.end()


def test_a_job_that_no_worker_has_yet_is_cancelled_at_once() -> None:
    with ExitStack() as stack, zmq.Context() as context:
        executor = DaskExecutor(context, f"dask://{Cluster(stack).address}")
        executor.start()
        try:
            assert _next(executor)["type"] == "capacity"
            executor.run("1", {**job(FAST).to_wire(), "previews": False}, [])
            executor.cancel("1")
            assert _next(executor) == {"type": "cancelled", "job": "1"}
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
    monkeypatch.setenv(EXECUTOR_VARIABLE, f"dask://127.0.0.1:{free_port()}")
    with home(workers=0) as installation, client.connect(installation) as backend:
        for ask in (lambda: rest(backend.submit(job(FAST))), lambda: backend.estimate(Outline(80, 60))):
            with pytest.raises(Failure) as caught:
                ask()
            assert caught.value.code == "cluster"
        pids = processes_of(installation.home)
        time.sleep(2 * dask_cluster.RETRY_SECONDS)
        assert installation.log_file.read_text().count("the Dask scheduler at") == 1, "tried often, said once"
        assert client.stop(installation)
        assert wait_until(lambda: not processes_of(installation.home), 3)
        assert len(pids) == 1


@pytest.mark.parametrize(
    "place", ["ray://x", "dask://", "dask://gpu", "dask://:8786", "dask://gpu:0", "dask+tls://gpu"]
)
def test_a_place_that_is_none_is_refused(installation: Installation, place: str) -> None:
    done = run_cli(installation.home, "serve", "--executor", place)
    assert done.returncode == 2
    assert "dask://HOST:PORT" in done.stderr
