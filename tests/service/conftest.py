"""Real backends in homes of their own, and proof that nothing of them is left."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.cli import WORKERS_VARIABLE
from backend.protocol import client
from backend.protocol.installation import Installation
from backend.protocol.transport import CLIENT_VARIABLE
from tests.service.backends import processes_of, wait_until
from tests.speed import know_the_speed


@contextmanager
def home(workers: int = 1) -> Iterator[Installation]:
    """A new home for a backend with at most so many workers; nothing of it is left afterwards."""
    # A short path, since pytest's own would be too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="ns-"))
    found = Installation(folder, Path(sys.executable))
    pids: list[int] = []
    try:
        yield found
        pids = processes_of(folder)
        client.stop(found)
        wait_until(lambda: not processes_of(folder))
    finally:
        for pid in processes_of(folder):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    assert len(pids) <= 1 + workers, "one supervisor and its workers at most"


@pytest.fixture
def installation() -> Iterator[Installation]:
    with home() as found:
        yield found


@pytest.fixture(scope="module")
def shared() -> Iterator[Installation]:
    """One home for those tests of a module that leave its backend as it was."""
    with home() as found:
        yield found


@pytest.fixture(scope="module")
def measured(shared: Installation) -> Installation:
    """That home, where the machine's speed is known already."""
    know_the_speed(shared)
    return shared


@pytest.fixture
def two_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """A home whose backend paints two jobs at once."""
    monkeypatch.setenv(WORKERS_VARIABLE, "2")
    with home(workers=2) as found:
        yield found


@pytest.fixture(params=["zmq", "bridge"])
def transport(request: pytest.FixtureRequest) -> Iterator[str]:
    """How the clients of the test reach the backend."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLIENT_VARIABLE, request.param)
        yield request.param
