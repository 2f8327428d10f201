"""A backend on another machine: who is let in, who is not, and what a client there may do."""

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

from backend.protocol.connection import find_running
from backend.protocol.installation import Installation
from backend.protocol.keys import KeyPair
from backend.protocol.remotes import Remote
from backend.service.keyring import KeyRing
from tests.service.backends import processes_of, run_cli, wait_until
from tests.service.remotes import CONNECT, PAINT, Studio, studio

KNOCK = """
import zmq
with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
    socket.linger = 0
    socket.curve_serverkey = connection.server_key.encode()
    socket.curve_publickey = connection.client_key.encode()
    socket.curve_secretkey = connection.client_secret.encode()
    socket.connect(connection.endpoint)
    for _ in range(600):
        time.sleep(0.05)
        while socket.poll(0): socket.recv()
        try: socket.send(b'{"type": "hello"}', zmq.NOBLOCK)
        except zmq.Again: pass
        tell("knocked")
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Studio]:
    with studio() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The home folder of a user on the client machine."""
    return tmp_path / "desk"


def on_the_desk(place: Studio, desk: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line as that user runs it."""
    return subprocess.run(
        place.client.inside(sys.executable, "-m", "backend", *arguments),
        env={**os.environ, "NEURAL_STYLE_HOME": str(desk)},
        capture_output=True,
        text=True,
        timeout=90,
    )


def test_an_invited_user_paints_on_the_server(place: Studio, desk: Path, tmp_path: Path) -> None:
    demo = Path(__file__).parents[2] / "demo"
    keys = ("--keys", place.installation.keys)
    made = run_cli(
        place.installation.home, "keys", "new", "anna", "--address", place.address, "-o", tmp_path / "i", *keys
    )
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "i").stat().st_mode & 0o777 == 0o600
    used = on_the_desk(place, desk, "remote", "use", tmp_path / "i")
    assert used.stdout == f"Pictures are painted at {place.address}, from GIMP too.\n"
    assert (desk / "remote.json").stat().st_mode & 0o777 == 0o600
    out = tmp_path / "out.png"
    pictures = (demo / "photo.jpg", demo / "style.jpg", "-o", out)
    done = on_the_desk(place, desk, "stylize", *pictures, "--size", 64, "--steps", 2, "--preset", "draft")
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 10_000
    assert not (desk / "run").exists(), "a client of another machine starts nothing on its own"
    assert not processes_of(desk)
    status = on_the_desk(place, desk, "status")
    assert status.stdout.startswith(f"backend: {place.address}\n")


def test_who_shows_a_key_is_let_in_too_until_it_is_taken_back(place: Studio, desk: Path, transport: str) -> None:
    key = on_the_desk(place, desk, "remote", "key").stdout.strip()
    allowed = run_cli(place.installation.home, "keys", "allow", "bert", key)
    server_key = allowed.stdout.split()[-1]
    assert on_the_desk(place, desk, "remote", "use", place.address, "--server-key", server_key).returncode == 0
    assert on_the_desk(place, desk, "status").returncode == 0
    assert f"bert: {key}" in run_cli(place.installation.home, "keys", "list").stdout
    run_cli(place.installation.home, "keys", "revoke", "bert")
    refused = on_the_desk(place, desk, "status")
    assert refused.returncode == 1
    assert "does not accept this computer's key" in refused.stderr


def changed(remote: Remote, what: str, ring: KeyRing) -> Remote:
    """A remote whose keys do not open the door."""
    if what == "wrong":
        pair = KeyPair.new()
        return replace(remote, client_key=pair.public, client_secret=pair.secret)
    if what == "missing":
        return replace(remote, server_key="", client_key="", client_secret="")
    if what == "stolen name":  # an allowed public key without its secret
        return replace(remote, client_secret=KeyPair.new().secret)
    if what == "other server":
        return replace(remote, server_key=KeyPair.new().public)
    ring.revoke("carl")
    return remote


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("wrong", "key-refused"),
        ("revoked", "key-refused"),
        ("missing", "wrong-server"),
        ("other server", "wrong-server"),
        ("stolen name", "wrong-server"),
    ],
)
def test_a_key_that_does_not_fit_reaches_nothing(place: Studio, what: str, code: str) -> None:
    remote = place.invite("carl")
    try:
        assert place.tell(CONNECT, remote) == ["served"]
        remote = changed(remote, what, place.ring)
        before = place.messages()
        failed, given, seconds, sentence = place.tell(CONNECT, remote)
        assert (failed, given) == ("failed", code)
        assert float(seconds) < 3
        assert place.address in sentence
        assert place.messages() == before, "not one message was read"
    finally:
        if what != "revoked":
            place.ring.revoke("carl")


def test_a_key_that_is_taken_back_ends_job_and_connection(place: Studio) -> None:
    with place.start(PAINT, place.invite("dora")) as painter:
        assert painter.stdout is not None
        assert "painting" in painter.stdout.readline()
        started = time.monotonic()
        run_cli(place.installation.home, "keys", "revoke", "dora")
        last = [line for line in painter.stdout if line.startswith("failed")][-1].split("|")
        assert last[1] == "key-refused"
        assert time.monotonic() - started < 15
    assert wait_until(lambda: place.running() == 0)
    assert wait_until(lambda: place.connections() == 0)


def test_who_knocks_on_after_that_is_not_heard(place: Studio) -> None:
    with place.start(KNOCK, place.invite("ewan")) as stranger:
        try:
            before = place.messages()
            assert wait_until(lambda: place.messages() > before + 3)
            assert place.connections() == 1
            place.ring.revoke("ewan")
            assert wait_until(lambda: place.connections() == 0)
            heard = place.messages()
            assert stranger.stdout is not None
            for _ in range(30):  # about as many tries to be heard
                assert stranger.stdout.readline() == "knocked\n"
            assert place.messages() == heard
        finally:
            stranger.kill()


def test_only_its_own_machine_can_stop_it(place: Studio, desk: Path, tmp_path: Path) -> None:
    place.invite("finn").write(tmp_path / "i")
    on_the_desk(place, desk, "remote", "use", tmp_path / "i")
    stopped = on_the_desk(place, desk, "stop", "--backend", place.address)
    assert stopped.returncode == 1
    assert "not stopped from another machine" in stopped.stderr
    assert on_the_desk(place, desk, "stop").stdout == "The backend was not running.\n", "that is the desk's own"
    assert find_running(place.installation) is not None


def test_no_file_of_the_server_can_be_named(place: Studio, desk: Path, tmp_path: Path) -> None:
    place.invite("gina").write(tmp_path / "i")
    on_the_desk(place, desk, "remote", "use", tmp_path / "i")
    asked = on_the_desk(place, desk, "estimate", 200, 200, "--weights", "/etc/passwd")
    assert asked.returncode == 1
    assert f"{place.address} says: A weights file is not opened" in asked.stderr


def test_a_desk_with_a_backend_of_its_own_keeps_the_two_apart(place: Studio, desk: Path, tmp_path: Path) -> None:
    place.invite("hugo").write(tmp_path / "i")
    on_the_desk(place, desk, "remote", "use", tmp_path / "i")
    with own(place, desk):
        assert on_the_desk(place, desk, "status").stdout.startswith(f"backend: {place.address}\n")
        assert on_the_desk(place, desk, "status", "--backend", "local").stdout.startswith("backend: this computer\n")
        assert on_the_desk(place, desk, "stop").stdout == "The backend has stopped.\n"
    assert find_running(place.installation) is not None
    on_the_desk(place, desk, "remote", "use", "local")
    assert on_the_desk(place, desk, "status").returncode == 1


@contextmanager
def own(place: Studio, desk: Path) -> Iterator[None]:
    """A backend that the desk has for itself."""
    serve = place.client.inside(sys.executable, "-m", "backend", "serve")
    with subprocess.Popen(
        serve, env={**os.environ, "NEURAL_STYLE_HOME": str(desk)}, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert wait_until(lambda: find_running(Installation(desk, Path(sys.executable))) is not None, 30)
            yield
            assert process.wait(10) == 0
        finally:
            process.send_signal(signal.SIGTERM)


def test_a_port_that_answers_nothing_is_told(place: Studio) -> None:
    remote = replace(place.invite("iris"), address=f"tcp://{place.server.address}:9")
    assert place.tell(CONNECT, remote)[1] == "unreachable"
