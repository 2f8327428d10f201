"""Another user of this computer reaches neither the backend nor its files, and no other computer does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from backend.protocol import client
from backend.protocol.client import Backend
from backend.protocol.connection import find_running
from backend.protocol.installation import Installation
from backend.protocol.remotes import Remotes
from backend.service.keyring import KeyRing
from tests.service.backends import run_cli, wait_until

NOBODY = 65534
TRY = """
import json, os, socket, sys
import zmq
user, home, endpoint = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if user:
    os.setgroups([]); os.setgid(user); os.setuid(user)

def opens(path):
    try: open(path).close()
    except PermissionError: return False
    return True

def lists(path):
    try: os.listdir(path)
    except PermissionError: return False
    return True

def connects():
    try:
        with socket.socket(socket.AF_UNIX) as plain: plain.connect(endpoint.removeprefix("ipc://"))
    except PermissionError: return False
    return True

def answers():
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.connect(endpoint)
        dealer.send(b'{"type": "hello", "protocol": 1}')
        return bool(dealer.poll(1000))

files = ("run/connection.json", "run/backend.lock", "log/backend.log", "remote.json", "keys/server.json",
         "keys/clients/anna.json")
reached = {name: opens(f"{home}/{name}") for name in files}
reached |= {name: lists(f"{home}/{name}") for name in ("run", "log", "keys")}
print(json.dumps(reached | {"plain socket": connects(), "hello": answers()}))
"""


def attempt(installation: Installation, user: int) -> dict[str, bool]:
    """What a user reaches of a home and its backend."""
    connection = find_running(installation)
    assert connection is not None
    command = [sys.executable, "-c", TRY, str(user), str(installation.home), connection.endpoint]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    reached: dict[str, bool] = json.loads(done.stdout)
    return reached


def test_another_user_reaches_neither_socket_nor_files(installation: Installation) -> None:
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can try it as another user")
    # The folders themselves must keep others out, even from a home that lets everybody in.
    installation.home.chmod(0o755)
    Remotes(installation.remote_file).own_pair()
    KeyRing(installation.keys).invite("anna", "tcp://gpu.example:5555")
    with client.connect(installation):
        own, others = attempt(installation, 0), attempt(installation, NOBODY)
    assert set(own.values()) == {True}, "or the attempt itself proves nothing"
    assert set(others.values()) == {False}, others


def test_a_backend_that_nobody_opened_listens_on_no_network(installation: Installation) -> None:
    with client.connect(installation) as backend:
        status = backend.status()
        assert status["listens"] is None
        for pid in (status["pid"], *status["workers"]):
            assert psutil.Process(pid).net_connections("inet") == []


def test_without_unix_sockets_only_loopback_is_listened_at(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURAL_STYLE_TRANSPORT", "tcp")
    with client.connect(installation) as backend:
        sockets = psutil.Process(backend.status()["pid"]).net_connections("inet")
    assert {socket.laddr.ip for socket in sockets} == {"127.0.0.1"}


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:5570", "tcp://[::]:5570", "tcp://192.0.2.1:5570", "tcp://*:5570"])
def test_other_machines_are_let_in_with_keys_only(installation: Installation, address: str) -> None:
    done = run_cli(installation.home, "serve", "--bind", address)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert address in done.stderr
    assert "--keys DIR" in done.stderr
    assert find_running(installation) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_loopback_is_opened_to_those_who_come_by_a_tunnel(installation: Installation, host: str) -> None:
    try:
        with socket.create_server(
            (host.strip("[]"), 0), family=socket.AF_INET6 if "[" in host else socket.AF_INET
        ) as s:
            address = f"tcp://{host}:{s.getsockname()[1]}"
    except OSError:
        pytest.skip("this machine has no IPv6")
    remote = KeyRing(installation.keys).invite("anna", "tcp://gpu.example:5555")
    command = [sys.executable, "-m", "backend", "serve", "--quiet", "--bind", address]
    with subprocess.Popen(command, env={**os.environ, "NEURAL_STYLE_HOME": str(installation.home)}) as process:
        try:
            assert wait_until(lambda: find_running(installation) is not None, 30)
            with Backend(installation, replace(remote, address=address).connection) as backend:
                assert backend.status()["listens"] == address
        finally:
            process.terminate()


def test_an_address_that_cannot_be_had_is_told(installation: Installation, tmp_path: Path) -> None:
    KeyRing(tmp_path / "keys").invite("anna", "tcp://gpu.example:5555")
    done = run_cli(installation.home, "serve", "--bind", "tcp://192.0.2.1:5570", "--keys", tmp_path / "keys")
    assert done.returncode == 1
    assert "cannot listen at tcp://192.0.2.1:5570" in done.stderr
    assert "Traceback" not in done.stderr
    assert not installation.connection_file.exists()
