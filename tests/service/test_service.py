"""Jobs through a real backend: real processes, real sockets, the real network."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import zmq

from backend.protocol import client
from backend.protocol.client import Backend, Run
from backend.protocol.connection import find_running
from backend.protocol.errors import Failure
from backend.protocol.events import Cancelled, Done, Event, Preview, Progress, Queued
from backend.protocol.installation import Installation
from backend.protocol.job import Picture, Settings
from backend.protocol.lock import is_locked
from tests.service.backends import FAST, LONG, job, processes_of, texture, wait_until

over_both_transports = pytest.mark.usefixtures("transport")


def all_events(run: Run) -> list[Event]:
    return [event for event in run.events() if event is not None]


def until_painting(run: Run) -> None:
    """Wait until the job's first steps are taken."""
    for event in run.events():
        if isinstance(event, Progress) and event.step > 1:
            return
    raise AssertionError("the job ended before it was painted")


@over_both_transports
def test_a_job_is_painted_and_reported(shared: Installation) -> None:
    with client.connect(shared) as backend:
        run = backend.submit(job(Settings(preset="draft", size=64, steps=30)))
        events = all_events(run)
    progress = [e for e in events if isinstance(e, Progress) and e.stage == "painting"]
    assert [type(e) for e in events if isinstance(e, (Done, Cancelled))] == [Done]
    assert isinstance(events[-1], Done)
    assert [p.step for p in progress] == sorted({p.step for p in progress})
    assert progress[-1].fraction == pytest.approx(1)
    assert progress[-1].losses is not None
    assert set(progress[-1].losses) == {"content", "style", "total"}
    assert progress[0].losses is not None
    assert progress[-1].losses["total"] < progress[0].losses["total"]
    assert progress[-1].seconds_left == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_result_is_of_the_contents_kind(shared: Installation, channels: int, depth: str) -> None:
    content = texture(40, 30, channels, depth)
    with client.connect(shared) as backend:
        *_, done = all_events(backend.submit(job(Settings(preset="draft", size=64, steps=1), content)))
    assert isinstance(done, Done)
    assert done.picture.header == content.header
    assert done.picture.pixels != content.pixels
    if content.has_alpha:
        size = {"u8": 1, "u16": 2, "f32": 4}[depth]
        for byte in range(size):
            start = (channels - 1) * size + byte
            assert done.picture.pixels[start :: channels * size] == content.pixels[start :: channels * size]


@over_both_transports
def test_a_picture_of_several_chunks_arrives_whole(shared: Installation) -> None:
    content = Picture(1500, 1200, 4, "u8", os.urandom(1500 * 1200) * 4)
    with client.connect(shared) as backend:
        *_, done = all_events(backend.submit(job(Settings(preset="draft", size=64, steps=1), content)))
    assert isinstance(done, Done)
    assert done.picture.pixels[3::4] == content.pixels[3::4]


@over_both_transports
def test_previews_come_when_asked_for(shared: Installation) -> None:
    with client.connect(shared) as backend:
        run = backend.submit(job(LONG), previews=True)
        previews: list[Preview] = []
        for event in run.events():
            if isinstance(event, Preview):
                previews.append(event)
                if len(previews) == 3:
                    run.cancel()
    assert len(previews) >= 3
    assert {(p.picture.channels, p.picture.depth) for p in previews} == {(3, "u8")}
    assert previews[0].picture.pixels != previews[-1].picture.pixels


@over_both_transports
def test_a_cancel_ends_the_job_once_and_the_next_one_runs(shared: Installation) -> None:
    with client.connect(shared) as backend:
        run = backend.submit(job(LONG))
        until_painting(run)
        started = time.monotonic()
        run.cancel()
        run.cancel()
        finals = [e for e in all_events(run) if isinstance(e, (Done, Cancelled))]
        assert time.monotonic() - started < 5  # it was not killed
        assert finals == [Cancelled()]
        assert isinstance(all_events(backend.submit(job(FAST)))[-1], Done)
        assert backend.status()["running"] == 0


@over_both_transports
def test_jobs_wait_for_each_other_and_a_waiting_one_can_be_cancelled(shared: Installation) -> None:
    with client.connect(shared) as first, client.connect(shared) as second:
        running = first.submit(job(LONG))
        until_painting(running)
        waiting = second.submit(job(FAST))
        events = waiting.events()
        assert next(e for e in events if e is not None) == Queued(1)
        waiting.cancel()
        assert all_events(waiting)[-1] == Cancelled()
        last = second.submit(job(FAST))
        running.cancel()
        assert all_events(running)[-1] == Cancelled()
        assert isinstance(all_events(last)[-1], Done)


def test_a_client_that_vanishes_has_its_job_cancelled(shared: Installation) -> None:
    with client.connect(shared) as backend:
        until_painting(backend.submit(job(LONG)))
    with client.connect(shared) as other:
        assert wait_until(lambda: other.status()["running"] == 0)
        assert isinstance(all_events(other.submit(job(FAST)))[-1], Done)


def test_a_client_that_is_killed_has_its_job_cancelled(shared: Installation) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.service.backends import LONG, job\n"
        "from backend.protocol import client\n"
        "from backend.protocol.installation import Installation\n"
        "with client.connect(Installation(Path(sys.argv[1]), Path(sys.executable))) as b:\n"
        "    for e in b.submit(job(LONG)).events(): print(e, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(shared.home)],
        stdout=subprocess.PIPE,
        text=True,
    ) as victim:
        assert victim.stdout is not None
        assert any("painting" in line for line in victim.stdout)
        victim.kill()
    with client.connect(shared) as other:
        assert wait_until(lambda: other.status()["running"] == 0)


def test_a_worker_that_is_killed_is_reported_and_replaced(installation: Installation) -> None:
    with client.connect(installation) as backend:
        run = backend.submit(job(LONG))
        until_painting(run)
        os.kill(backend.status()["worker"], signal.SIGKILL)
        with pytest.raises(Failure) as caught:
            all_events(run)
        assert caught.value.code == "worker-died"
        assert "memory" in str(caught.value)
        assert isinstance(all_events(backend.submit(job(FAST)))[-1], Done)


def test_a_worker_that_ignores_a_cancel_is_killed(installation: Installation) -> None:
    with client.connect(installation) as backend:
        run = backend.submit(job(LONG))
        until_painting(run)
        worker = backend.status()["worker"]
        os.kill(worker, signal.SIGSTOP)
        run.cancel()
        assert all_events(run)[-1] == Cancelled()
        assert isinstance(all_events(backend.submit(job(FAST)))[-1], Done)
        assert backend.status()["worker"] != worker


def test_a_backend_that_is_killed_is_reported_and_replaced(installation: Installation) -> None:
    with client.connect(installation) as backend:
        run = backend.submit(job(LONG))
        until_painting(run)
        worker = backend.status()["worker"]
        os.kill(backend.status()["pid"], signal.SIGKILL)
        started = time.monotonic()
        with pytest.raises(Failure) as caught:
            all_events(run)
        assert caught.value.code == "lost"
        assert time.monotonic() - started < 5
    assert wait_until(lambda: worker not in processes_of(installation.home))
    with client.connect(installation) as backend:  # the stale file and socket are in its way
        assert isinstance(all_events(backend.submit(job(FAST)))[-1], Done)


def test_a_backend_that_died_before_it_could_be_reached_is_not_waited_for(
    installation: Installation, transport: str
) -> None:
    with client.connect(installation) as backend:
        pid = backend.status()["pid"]
    connection = find_running(installation)
    assert connection is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: find_running(installation) is None)
    started = time.monotonic()
    with pytest.raises(Failure) as caught:
        Backend(installation, connection)
    assert caught.value.code == "lost"
    assert time.monotonic() - started < 4  # of the five that an answer may take


@over_both_transports
def test_many_simultaneous_starts_give_one_backend(installation: Installation) -> None:
    pids: list[int] = []

    def start() -> None:
        with client.connect(installation) as backend:
            pids.append(backend.status()["pid"])

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 6
    assert len(set(pids)) == 1


def test_stopping_leaves_no_process_and_no_file(installation: Installation) -> None:
    with client.connect(installation) as backend:
        assert isinstance(all_events(backend.submit(job(FAST)))[-1], Done)
    assert client.stop(installation)
    assert wait_until(lambda: not processes_of(installation.home), 2)
    assert sorted(p.name for p in installation.run.iterdir()) == ["backend.lock", "start.lock"]
    assert not client.stop(installation)


@over_both_transports
def test_stopping_tells_who_waits(installation: Installation) -> None:
    with client.connect(installation) as backend:
        run = backend.submit(job(LONG))
        until_painting(run)
        client.stop(installation)
        with pytest.raises(Failure) as caught:
            all_events(run)
        assert caught.value.code in ("stopping", "lost")


def test_an_idle_backend_leaves(installation: Installation) -> None:
    serve = [sys.executable, "-m", "backend", "serve", "--idle-exit", "1.5"]
    environment = {**os.environ, "NEURAL_STYLE_HOME": str(installation.home)}
    with subprocess.Popen(serve, env=environment, stderr=subprocess.DEVNULL) as process:
        assert wait_until(lambda: find_running(installation) is not None)
        with client.connect(installation) as backend:
            assert isinstance(all_events(backend.submit(job(FAST)))[-1], Done)
        assert process.wait(10) == 0
    assert not is_locked(installation.lock_file)
    assert not processes_of(installation.home)


def test_others_cannot_reach_the_folder_of_the_socket(shared: Installation) -> None:
    with client.connect(shared):
        assert stat.S_IMODE(shared.run.stat().st_mode) == 0o700
        assert stat.S_IMODE(shared.connection_file.stat().st_mode) == 0o600


@over_both_transports
def test_loopback_tcp_needs_the_key_of_the_connection_file(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURAL_STYLE_TRANSPORT", "tcp")
    with client.connect(installation) as backend:
        assert isinstance(all_events(backend.submit(job(FAST)))[-1], Done)
    connection = find_running(installation)
    assert connection is not None
    assert connection.endpoint.startswith("tcp://127.0.0.1:")
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.linger = 0
        stranger.curve_serverkey = connection.server_key.encode()
        stranger.curve_publickey, stranger.curve_secretkey = zmq.curve_keypair()
        stranger.connect(connection.endpoint)
        stranger.send(b'{"type": "hello"}')
        assert stranger.poll(1500) == 0


@over_both_transports
@pytest.mark.parametrize(
    "frames",
    [[b""], [b"{"], [b"[]"], [b'{"type": 1}'], [b'{"type": "fly"}'], [b"{}", b"x"], [b"\xff" * 100],
     [b'{"type": "submit"}'], [b'{"type": "submit", "job": "x", "content": 1, "styles": [], "settings": {}}'],
     [b'{"type": "submit", "job": ["x"]}'], [b'{"type": "hello"}', b"", b""]],
)  # fmt: skip
def test_what_is_no_message_is_refused_in_one_sentence(shared: Installation, frames: list[bytes]) -> None:
    with client.connect(shared) as backend:
        assert backend._transport.send(frames, 5)
        received = backend.receive(5)
        assert received is not None
        assert received[0]["type"] == "refused"
        assert "Traceback" not in str(received[0])
        assert backend.status()["type"] == "status"


@over_both_transports
def test_a_job_that_is_not_allowed_is_refused_by_the_backend_too(shared: Installation) -> None:
    wanted = job().to_wire()
    wanted["settings"]["preset"] = "best"
    with client.connect(shared) as backend:
        backend.send({"type": "submit", "job": "x", **wanted})
        with pytest.raises(Failure, match="draft, normal, high"):
            all_events(Run(backend, "x"))


def test_a_device_that_is_not_there_is_refused(shared: Installation) -> None:
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this machine has every device")
    with client.connect(shared) as backend, pytest.raises(Failure) as caught:
        all_events(backend.submit(job(Settings(preset="draft", device="mps"))))
    assert caught.value.code == "no-device"


def test_wrong_weights_are_reported(shared: Installation) -> None:
    path = shared.home / "wrong.pth"
    path.write_bytes(b"x")
    with client.connect(shared) as backend, pytest.raises(Failure) as caught:
        all_events(backend.submit(job(Settings(preset="draft", weights=str(path)))))
    assert caught.value.code == "weights-wrong"


def test_a_python_without_the_backend_is_reported(installation: Installation) -> None:
    with pytest.raises(Failure) as caught:
        client.connect(Installation(installation.home, Path("/no/such/python")))
    assert caught.value.code == "not-installed"


def test_a_backend_that_cannot_start_is_reported(installation: Installation) -> None:
    broken = Installation(installation.home, Path("/bin/false"))
    with pytest.raises(Failure) as caught:
        client.connect(broken)
    assert caught.value.code == "cannot-start"


@over_both_transports
def test_hello_from_another_protocol_is_refused(shared: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    with client.connect(shared):
        pass
    monkeypatch.setattr("backend.protocol.client.PROTOCOL", 99)
    connection = find_running(shared)
    assert connection is not None
    with pytest.raises(Failure) as caught:
        Backend(shared, connection)
    assert caught.value.code == "wrong-version"
