"""The bridge of a client without pyzmq: that it carries everything, and that nothing is left of it or because of it.

The tests of the service that concern a client run over both transports; here is what only a bridge can do wrong.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import zmq

from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.connection import Connection, find_running
from backend.protocol.errors import Failure
from backend.protocol.events import Done, Event, Progress
from backend.protocol.installation import Installation
from backend.protocol.job import Picture, Settings
from backend.protocol.transport import CLIENT_VARIABLE
from tests.service.backends import FAST, LONG, bridges_of, job, wait_until

PAINTS = """
import sys
from pathlib import Path
{first}
from backend.protocol import client
from backend.protocol.installation import Installation
from tests.service.backends import FAST, LONG, job
with client.connect(Installation(Path(sys.argv[1]), Path(sys.executable))) as backend:
    for event in backend.submit(job({settings})).events():
        print(event, flush=True)
"""
WITHOUT_PYZMQ = "sys.modules['zmq'] = None"


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CLIENT_VARIABLE, "bridge")


@contextmanager
def painting_client(installation: Installation) -> Iterator[subprocess.Popen[str]]:
    """A process without pyzmq that paints for long."""
    program = PAINTS.format(first=WITHOUT_PYZMQ, settings="LONG")
    with subprocess.Popen(
        [sys.executable, "-c", program, str(installation.home)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert any("painting" in line for line in process.stdout)
        yield process
        process.kill()


def until_painting(backend: Backend) -> Iterator[Event | None]:
    """The further events of a job that has begun to be painted."""
    events = backend.submit(job(LONG)).events()
    assert any(isinstance(event, Progress) and event.step > 1 for event in events)
    return events


def idle(backend: Backend) -> bool:
    return bool(backend.status()["running"] == 0)


@contextmanager
def watching(installation: Installation) -> Iterator[Backend]:
    """Another client, with a socket of its own."""
    connection = find_running(installation)
    assert connection is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLIENT_VARIABLE, "zmq")
        backend = Backend(installation, connection)
    with backend:
        yield backend


def test_a_python_without_pyzmq_paints(shared: Installation) -> None:
    program = PAINTS.format(first=WITHOUT_PYZMQ, settings="FAST")
    done = subprocess.run([sys.executable, "-c", program, str(shared.home)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("Done")
    assert not bridges_of(shared.home)


@pytest.mark.parametrize(("number", "seconds"), [(signal.SIGKILL, 5), (signal.SIGSTOP, 12)], ids=["killed", "frozen"])
def test_a_client_that_is_no_more_takes_bridge_and_job_along(
    shared: Installation, number: signal.Signals, seconds: float
) -> None:
    with painting_client(shared) as victim, watching(shared) as other:
        assert len(bridges_of(shared.home)) == 1
        victim.send_signal(number)
        assert wait_until(lambda: idle(other), seconds)
        assert not bridges_of(shared.home)
        assert isinstance([event for event in other.submit(job(FAST)).events() if event][-1], Done)


@pytest.mark.usefixtures("bridge")
def test_a_bridge_that_is_killed_is_told_of_and_takes_the_job_along(shared: Installation) -> None:
    with client.connect(shared) as backend, watching(shared) as other:
        events = until_painting(backend)
        [pid] = bridges_of(shared.home)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        with pytest.raises(Failure) as caught:
            list(events)
        assert time.monotonic() - killed < 3
        assert caught.value.code == "bridge-died"
        assert "signal 9" in caught.value.sentence
        assert wait_until(lambda: idle(other), 5)
        with pytest.raises(Failure):
            backend.status()
    with client.connect(shared) as backend:
        assert idle(backend)


@pytest.mark.usefixtures("bridge")
def test_a_bridge_that_is_frozen_is_given_up(shared: Installation) -> None:
    with client.connect(shared) as backend, watching(shared) as other:
        backend.silence = 2.5
        events = until_painting(backend)
        [pid] = bridges_of(shared.home)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Failure) as caught:
            list(events)
        assert caught.value.code == "lost"
        assert wait_until(lambda: idle(other), 12)
    assert not bridges_of(shared.home)


@pytest.mark.usefixtures("bridge")
def test_a_backend_that_is_killed_is_told_of_and_takes_the_bridge_along(installation: Installation) -> None:
    with client.connect(installation) as backend:
        events = until_painting(backend)
        os.kill(backend.status()["pid"], signal.SIGKILL)
        killed = time.monotonic()
        with pytest.raises(Failure) as caught:
            list(events)
        assert time.monotonic() - killed < 3
        assert caught.value.code == "lost"
        assert wait_until(lambda: not bridges_of(installation.home), 3)  # though the client has not hung up


@pytest.mark.usefixtures("bridge")
def test_a_client_that_cannot_send_gives_up_and_leaves_nothing(installation: Installation) -> None:
    content = Picture(6000, 6000, 3, "u8", bytes(6000 * 6000 * 3))  # more than all queues on the way take in
    with client.connect(installation) as backend:
        backend.silence = 1
        pid = backend.status()["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(Failure) as caught:
                backend.submit(job(FAST, content))
        finally:
            os.kill(pid, signal.SIGCONT)
        assert caught.value.code in ("no-answer", "lost")
    assert not bridges_of(installation.home)


@pytest.mark.usefixtures("transport")
def test_a_client_that_takes_its_time_gets_all(shared: Installation) -> None:
    content = Picture(2000, 1500, 4, "u16", bytes(range(250)) * 96_000)  # more than all queues on the way take in
    with client.connect(shared) as backend:
        events = backend.submit(job(Settings(preset="draft", size=64, steps=1), content)).events()
        assert any(isinstance(event, Progress) and event.fraction == 1 for event in events)
        time.sleep(5.5)  # longer than a client may be frozen
        *_, done = [event for event in events if event]
    assert isinstance(done, Done)
    assert len(done.picture.pixels) == len(content.pixels)


@pytest.mark.usefixtures("bridge")
def test_closing_leaves_no_bridge_whatever_is_on_its_way(shared: Installation) -> None:
    backends = [client.connect(shared) for _ in range(4)]
    assert len(bridges_of(shared.home)) == 4
    for backend in backends:
        backend.send({"type": "status"})  # the answer is never read
        backend.close()
    assert not bridges_of(shared.home)


@pytest.mark.usefixtures("bridge")
def test_a_python_that_cannot_run_the_bridge_is_told_of(installation: Installation) -> None:
    with client.connect(installation):
        for python, code in (("/bin/false", "bridge-died"), ("/no/such/python", "cannot-start")):
            with pytest.raises(Failure) as caught:
                client.connect(Installation(installation.home, Path(python)))
            assert caught.value.code == code
        with pytest.raises(Failure) as caught:
            client.connect(Installation(installation.home, not_python(installation.home / "python")))
        assert caught.value.code == "bridge-died"
        assert "no pyzmq either" in installation.start_log.read_text()
        assert str(installation.start_log) in caught.value.remedy


def not_python(path: Path) -> Path:
    """A program that is no Python and says so."""
    path.write_text("#!/bin/sh\necho no pyzmq either >&2\nexit 3\n")
    path.chmod(0o755)
    return path


def test_a_bridge_tells_why_a_backend_refuses(
    installation: Installation, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURAL_STYLE_TRANSPORT", "tcp")
    client.connect(installation).close()
    known = find_running(installation)
    assert known is not None
    public, secret = (key.decode() for key in zmq.curve_keypair())
    for wrong, code in (
        (replace(known, pid=None, client_key=public, client_secret=secret), "key-refused"),
        (replace(known, pid=None, endpoint="tcp://no port"), "bad-address"),
    ):
        with pytest.raises(Failure) as caught:
            Backend(installation, wrong)
        assert caught.value.code == code
        assert wrong.endpoint in caught.value.sentence
    with Backend(installation, replace(known, pid=None)) as backend:
        assert backend.status()["pid"] == known.pid
    assert not bridges_of(installation.home)


@pytest.mark.usefixtures("bridge")
def test_no_key_is_in_the_command_line_of_a_bridge_or_its_environment(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURAL_STYLE_TRANSPORT", "tcp")
    with client.connect(installation):
        connection = Connection.read(installation.connection_file)
        assert connection is not None
        [pid] = bridges_of(installation.home)
        seen = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    assert connection.client_secret
    assert connection.client_secret.encode() not in seen
