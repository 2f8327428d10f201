"""Keys, the files that hold them, the key ring of a server and the remotes of a client."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.protocol.errors import Failure
from backend.protocol.keys import KeyPair, is_key, shown, typed
from backend.protocol.private import read_private, write_private
from backend.protocol.remotes import LOCAL, Remote, Remotes, check_address, check_destination, host_of
from backend.service.endpoint import Listen
from backend.service.keyring import KeyRing

ADDRESS = "tcp://gpu.example:5555"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def a_remote(address: str = ADDRESS) -> Remote:
    pair = KeyPair.new()
    return Remote(address, KeyPair.new().public, pair.public, pair.secret)


def test_a_key_is_typed_as_it_is_shown() -> None:
    for _ in range(50):
        key = KeyPair.new().public
        assert is_key(key)
        assert len(shown(key)) == 64
        assert typed(f" {shown(key)}\n") == key


@given(st.text(max_size=80) | st.text("0123456789abcdef", max_size=80).filter(lambda text: len(text) != 64))
def test_what_is_no_key_is_told(text: str) -> None:
    assert not is_key(text) or len(text) == 40
    with pytest.raises(Failure) as caught:
        typed(text)
    assert caught.value.code == "bad-key"


def test_a_secret_is_private_from_its_first_byte_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    replace = os.replace

    def look(source: Path, target: Path) -> None:
        seen.append(mode(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    before = os.umask(0)
    try:
        for values in ({"a": 1}, {"a": 2}):
            write_private(tmp_path / "x", values)
    finally:
        os.umask(before)
    assert seen == [0o600, 0o600]
    assert mode(tmp_path / "x") == 0o600
    assert read_private(tmp_path / "x") == {"a": 2}
    with pytest.raises(TypeError):
        write_private(tmp_path / "x", {"a": object()})
    assert read_private(tmp_path / "x") == {"a": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_link_in_the_way_of_a_secret_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / f"x.{os.getpid()}.part").symlink_to(tmp_path / "elsewhere")
    write_private(tmp_path / "x", {})
    assert not (tmp_path / "elsewhere").exists()


def test_a_secret_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    write_private(tmp_path / "x", {})
    (tmp_path / "x").chmod(0o640)
    with pytest.raises(Failure, match="chmod 600"):
        read_private(tmp_path / "x")


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"use": 1, "backends": 5}', '{"own": {"x": 1}}', '{"own": 5}', "\xff"]
)
def test_a_damaged_file_of_remotes_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "remote.json"
    write_private(path, {})
    path.write_text(text, "latin-1")
    with pytest.raises(Failure) as caught:
        Remotes(path)
    assert caught.value.code == "secret-damaged"


def test_a_remote_is_used_until_another_one_is(tmp_path: Path) -> None:
    path = tmp_path / "home" / "remote.json"
    assert Remotes(path).find() is None
    first, second = a_remote(), a_remote("tcp://[2001:db8::1]:5555")
    Remotes(path).add(first)
    Remotes(path).add(second)
    assert mode(path) == 0o600
    assert Remotes(path).find() == second
    assert Remotes(path).find(ADDRESS) == first
    assert Remotes(path).find(LOCAL) is None
    Remotes(path).use(ADDRESS)
    assert Remotes(path).find() == first
    Remotes(path).forget(ADDRESS)
    assert Remotes(path).find() is None
    with pytest.raises(Failure) as caught:
        Remotes(path).find(ADDRESS)
    assert caught.value.code == "no-key"


def test_this_computers_own_pair_stays_the_same(tmp_path: Path) -> None:
    own = Remotes(tmp_path / "remote.json").own_pair()
    Remotes(tmp_path / "remote.json").add(a_remote())
    assert Remotes(tmp_path / "remote.json").own_pair() == own


def test_an_invitation_comes_out_as_it_went_in(tmp_path: Path) -> None:
    remote = a_remote()
    remote.write(tmp_path / "i")
    assert Remote.read(tmp_path / "i") == remote
    assert remote.connection.is_remote
    write_private(tmp_path / "i", {**asdict(remote), "client_secret": "x"})
    with pytest.raises(Failure) as caught:
        Remote.read(tmp_path / "i")
    assert caught.value.code == "secret-damaged"
    with pytest.raises(Failure) as caught:
        Remote.read(tmp_path / "none")
    assert caught.value.code == "no-file"


@pytest.mark.parametrize("address", ["", "local", "gpu", "gpu:1", "tcp://gpu", "tcp://gpu:0", "tcp://gpu:70000",
                                     "ipc:///x", "tcp://a b:1", "tcp://gpu:1\n", "tcp://:5"])  # fmt: skip
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(Failure) as caught:
        check_address(address)
    assert caught.value.code == "bad-address"


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:5555", "tcp://[::]:5555", "tcp://*:5555"])
def test_where_a_backend_listens_is_not_where_it_is_found(tmp_path: Path, address: str) -> None:
    for go in (lambda: check_destination(address), lambda: Remotes(tmp_path / "r").add(a_remote(), address)):
        with pytest.raises(Failure) as caught:
            go()
        assert caught.value.code == "bad-address"
    assert check_destination(check_address("tcp://127.0.0.1:5555")), "a tunnel"


def test_the_host_of_an_address() -> None:
    assert [host_of(a) for a in (ADDRESS, "tcp://[::1]:1", "tcp://10.0.0.1:1")] == ["gpu.example", "::1", "10.0.0.1"]


def test_a_key_ring_lets_in_whom_it_was_told_to(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    with pytest.raises(Failure) as caught:
        ring.server  # noqa: B018
    assert caught.value.code == "no-server-keys"
    anna, bert = ring.invite("anna", ADDRESS), KeyPair.new()
    KeyRing(tmp_path / "keys").allow("bert", bert.public)
    assert ring.clients() == {anna.client_key: "anna", bert.public: "bert"}
    assert ring.server.public == anna.server_key
    assert {mode(path) for path in (tmp_path / "keys").rglob("*.json")} == {0o600}
    assert {mode(path) for path in (tmp_path / "keys", tmp_path / "keys" / "clients")} == {0o700}
    assert anna.client_secret not in "".join(path.read_text() for path in (tmp_path / "keys").rglob("*.json"))
    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: ring.invite("anna", ADDRESS), "name-taken"),
        (lambda: ring.allow("berta", bert.public), "key-known"),
        (lambda: ring.revoke("nobody"), "no-such-key"),
    ]
    for change, code in refused:
        with pytest.raises(Failure) as caught:
            change()
        assert caught.value.code == code
    ring.revoke("anna")
    assert ring.clients() == {bert.public: "bert"}


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-x", "a b", "x" * 65, "a\n"])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure) as caught:
        KeyRing(tmp_path / "keys").invite(name, ADDRESS)
    assert caught.value.code == "bad-name"
    assert not (tmp_path / "keys").exists()


def test_nobody_is_let_in_by_a_server_whose_own_keys_are_damaged(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    (tmp_path / "server.json").write_text("{}")
    (tmp_path / "server.json").chmod(0o600)
    for let_in in (lambda: ring.invite("anna", ADDRESS), lambda: ring.allow("bert", KeyPair.new().public)):
        with pytest.raises(Failure) as caught:
            let_in()
        assert caught.value.code == "secret-damaged"
    assert ring.clients() == {}


def test_a_damaged_entry_lets_nobody_in_and_keeps_nobody_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ring = KeyRing(tmp_path)
    anna, bert = ring.invite("anna", ADDRESS), ring.invite("bert", ADDRESS)
    (tmp_path / "clients" / "anna.json").write_text("{")
    (tmp_path / "clients" / "x.json").mkdir()
    for _ in range(3):  # as a backend does every second
        assert ring.clients() == {bert.client_key: "bert"}
    assert sorted(message.split(":")[0] for message in caplog.messages) == ["key anna", "key x"]
    (tmp_path / "clients" / "anna.json").write_text(json.dumps({"key": anna.client_key}))
    assert set(ring.clients().values()) == {"anna", "bert"}


@pytest.mark.parametrize("folder", [".", "clients"])
def test_a_folder_that_others_can_write_into_is_not_trusted(tmp_path: Path, folder: str) -> None:
    ring = KeyRing(tmp_path / "keys")
    ring.invite("anna", ADDRESS)
    (tmp_path / "keys" / folder).chmod(0o770)
    with pytest.raises(Failure, match="other users can write"):
        ring.server  # noqa: B018
    with pytest.raises(Failure, match="other users can write"):
        ring.invite("bert", ADDRESS)


def test_only_loopback_needs_no_folder_of_keys(tmp_path: Path) -> None:
    KeyRing(tmp_path).invite("anna", ADDRESS)
    for address in ("tcp://127.0.0.1:5555", "tcp://[::1]:5555"):
        assert Listen.checked(address, None, tmp_path).address == address
    for address in ("tcp://0.0.0.0:5555", "tcp://localhost:5555", "tcp://*:5555"):
        with pytest.raises(Failure) as caught:
            Listen.checked(address, None, tmp_path)
        assert caught.value.code == "needs-keys"
        assert Listen.checked(address, tmp_path, tmp_path / "none").address == address
