"""What is in the service's way on a real machine: full disks, damaged files, too many pixels, readers that hang up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backend.imaging import files
from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.connection import find_running
from backend.protocol.errors import Failure
from backend.protocol.estimate import Outline
from backend.protocol.events import Cancelled, Done, Progress
from backend.protocol.installation import Installation
from backend.protocol.job import MAX_PIXELS, Picture, Settings
from backend.protocol.transport_zmq import ZmqTransport
from tests.service.backends import FAST, LONG, job, run_cli, wait_until

HUGE = {"width": 20_000, "height": MAX_PIXELS // 20_000, "channels": 1, "depth": "u8"}


@contextmanager
def disk(size: str, options: str = "rw") -> Iterator[Path]:
    """A small disk of its own, mounted for the test; without the right to mount the test is skipped, in CI it fails."""
    with tempfile.TemporaryDirectory(prefix="ns-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size},{options}", "tmpfs", folder]
        done = subprocess.run(mount, capture_output=True, text=True)
        if done.returncode:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no disk: {done.stderr}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_told_and_what_to_do(content_and_style: list[Path]) -> None:
    with disk("64k") as home:
        (home / "all").write_bytes(bytes(60 << 10))
        for command in (
            ["estimate", "80", "60"],
            ["serve"],
            ["stylize", *content_and_style, "-o", "/dev/null/out.png"],
        ):
            done = run_cli(home, *command)
            assert done.returncode != 0
            assert done.stderr.count("\n") == 1, done.stderr
        with pytest.raises(Failure) as caught:
            client.connect(Installation(home, Path(sys.executable)))
        assert caught.value.code == "disk-full"
        assert "Free some space" in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_picture_that_a_disk_has_no_room_for_is_told_so(suffix: str) -> None:
    noise = Picture(400, 400, 3, "u8", os.urandom(400 * 400 * 3))
    with disk("64k") as folder:
        with pytest.raises(Failure) as caught:
            files.write(noise, folder / f"out{suffix}")
        assert caught.value.code == "disk-full"
        assert not list(folder.iterdir())


def test_a_disk_that_fills_while_the_backend_runs_stops_no_job() -> None:
    with disk("4m") as home:
        installation = Installation(home, Path(sys.executable))
        with client.connect(installation) as backend:
            with pytest.raises(OSError), open(home / "all", "wb") as file:  # noqa: PT011 (ENOSPC is what it is for)
                while True:
                    file.write(bytes(1 << 16))
                    file.flush()
            assert isinstance([event for event in backend.submit(job(FAST)).events() if event][-1], Done)
        client.stop(installation)


@pytest.mark.parametrize("make", ["read-only", "no folder"])
def test_a_home_that_cannot_be_written_is_told(make: str) -> None:
    with disk("64k", "ro") as folder:
        home = folder / "home" if make == "read-only" else Path("/dev/null/home")
        for command in (["estimate", "80", "60"], ["serve"]):
            done = run_cli(home, *command)
            assert done.returncode == 1
            assert done.stderr.count("\n") == 1, done.stderr
            assert "cannot be used" in done.stderr
        assert "not running" in run_cli(home, "status").stdout


def test_a_damaged_connection_file_is_made_anew(installation: Installation) -> None:
    installation.run.mkdir(mode=0o700)
    installation.connection_file.write_bytes(b"\x00garbage")
    with client.connect(installation) as first:
        pid = first.status()["pid"]
        for damage in (b"", b"[]", b'{"endpoint": 7}', b"\xff\xfe", None):
            if damage is None:
                installation.connection_file.unlink()
            else:
                installation.connection_file.write_bytes(damage)
            with client.connect(installation) as second:
                assert second.status()["pid"] == pid
        assert find_running(installation) is not None


def test_pixels_that_would_fill_the_memory_are_refused(installation: Installation) -> None:
    """Headers are enough to be counted: 64 jobs of 1.6 GB are more than a quarter of any machine's memory."""
    wanted = job(FAST).to_wire()
    huge = {**HUGE, "depth": "f32"}
    with client.connect(installation) as good:
        greedy = [client.connect(installation) for _ in range(4)]
        try:
            answers: list[dict[str, Any]] = []
            for number in range(60):
                backend = greedy[number % len(greedy)]
                backend.send({"type": "submit", "job": str(number), **wanted, "content": huge})
                if answer := _refusal(backend):
                    answers.append(answer)
            assert answers
            assert {answer["code"] for answer in answers} <= {"busy-memory", "no-size-fits"}
            assert any("Try again when" in answer["remedy"] or "Scale" in answer["remedy"] for answer in answers)
        finally:
            for backend in greedy:
                backend.close()
        assert wait_until(lambda: good.status()["running"] == 0)
        assert isinstance([event for event in good.submit(job(FAST)).events() if event][-1], Done)


def _refusal(backend: Backend) -> dict[str, Any] | None:
    """What is refused, known as soon as the backend has answered a later question."""
    backend.send({"type": "hello", "protocol": 1})
    refused = None
    while (received := backend.receive(10)) is not None:
        if received[0]["type"] == "refused":
            refused = received[0]
        if received[0]["type"] == "welcome":
            return refused
    raise AssertionError("no answer")


def test_a_reader_that_hangs_up_is_no_failure(installation: Installation) -> None:
    environment = {**os.environ, "NEURAL_STYLE_HOME": str(installation.home)}
    command = [sys.executable, "-m", "backend", "status"]
    with client.connect(installation):
        piped = f"{' '.join(command)} | head -1"
        done = subprocess.run(["sh", "-c", piped], env=environment, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("backend: this computer\n", "")
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as closed:
            ended = subprocess.run(command, env=environment, stdout=closed, stderr=subprocess.PIPE)
        assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_cancel_while_the_worker_is_busy_with_more_than_a_step_keeps_it(installation: Installation) -> None:
    """Once while it gets ready, once while it measures its device for another client."""
    with client.connect(installation) as backend, client.connect(installation) as other:
        worker = backend.status()["worker"]
        early = backend.submit(job(Settings(preset="draft", size=64, steps=5000)))
        early.cancel()
        assert [event for event in early.events() if event][-1] == Cancelled()
        run = backend.submit(job(LONG))
        assert any(isinstance(event, Progress) and event.step > 1 for event in run.events())
        other.send(Outline(80, 60).question())
        time.sleep(0.5)  # the step that is being taken is over, and the measurement has begun
        asked = time.monotonic()
        run.cancel()
        assert [event for event in run.events() if event][-1] == Cancelled()
        assert time.monotonic() - asked < 5
        assert other.receive(120) is not None
        assert isinstance([event for event in backend.submit(job(FAST)).events() if event][-1], Done)
        assert backend.status()["worker"] == worker


READS_LATE = """
import subprocess, sys, time
from pathlib import Path
import zmq
from backend.protocol.installation import Installation
from backend.service.endpoint import Endpoint
with zmq.Context() as context:
    endpoint = Endpoint(Installation(Path(sys.argv[1]), Path(sys.executable)), context)
    subprocess.run([sys.executable, "-c", sys.argv[2], endpoint.connection.endpoint])
    time.sleep(2.5)
    print(all(endpoint.receive()[1] == [b"{}"] for _ in range(1000)))
    endpoint.close()
"""
DIES_SOON = """
import os, sys, time, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.connect(sys.argv[1])
for _ in range(1000): socket.send(b"{}")
time.sleep(0.5)
os._exit(0)
"""


def test_a_client_that_leaves_before_it_was_heard_out_harms_nobody(installation: Installation) -> None:
    """With a bounded queue an assertion of libzmq ended the backend: it could not read, and its heartbeat was due."""
    done = subprocess.run(
        [sys.executable, "-c", READS_LATE, installation.home, DIES_SOON], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_a_message_to_a_backend_that_has_just_ended_does_not_wait_for_ever(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a look had found to be possible may be so no more; a socket without a connection waits without end."""
    with client.connect(installation) as backend:
        pid = backend.status()["pid"]
        connection = find_running(installation)
        assert connection is not None
        transport = ZmqTransport(installation, connection)
        try:
            assert transport.send([b'{"type": "status"}'], 20)
            os.kill(pid, signal.SIGKILL)
            assert wait_until(lambda: find_running(installation) is None)
            wait, looks = transport._wait, iter([True])  # the last look that still saw it
            monkeypatch.setattr(transport, "_wait", lambda *what: next(looks, False) or wait(*what))
            with pytest.raises(Failure) as caught:
                transport.send([b"{}"], 20)
            assert caught.value.code == "lost"
        finally:
            transport.close()


@pytest.fixture
def content_and_style(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "content.png", tmp_path / "style.png"]
    for path, picture in zip(paths, job(FAST).pictures, strict=True):
        files.write(picture, path)
    return paths
