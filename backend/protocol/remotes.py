"""Backends on other machines: where they are, the keys for them, and which one is to be used.

All of it is in one private file in the home folder, so the plug-in and the command line use the same backend.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .connection import Connection
from .errors import Failure
from .keys import KeyPair, is_key
from .messages import PROTOCOL
from .private import read_private, write_private

LOCAL = "local"
"""The word for the backend of this machine."""
EVERYWHERE = ("0.0.0.0", "::", "*")
"""Hosts that mean all addresses of the machine on which they are used."""
_ADDRESS = re.compile(r"tcp://(\[[0-9A-Fa-f:.%\w]+\]|[\w.*-]+):([1-9]\d{0,4})", re.ASCII)


@dataclass(frozen=True)
class Remote:
    """A backend on another machine: its address, its public key, and our own pair; keys in Z85."""

    address: str
    server_key: str
    client_key: str
    client_secret: str

    @property
    def connection(self) -> Connection:
        """What a client needs to reach it."""
        return Connection(self.address, None, PROTOCOL, "", self.server_key, self.client_key, self.client_secret)

    def write(self, path: Path) -> None:
        """Write it as an invitation, for this user's eyes only."""
        write_private(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Remote:
        """The remote that an invitation file tells of; a Failure if it is none."""
        values = read_private(path)
        if values is None:
            raise Failure("no-file", path=path)
        remote = cls._from(values)
        if remote is None:
            raise Failure("secret-damaged", path=path, reason="it is not an invitation")
        return remote

    @classmethod
    def _from(cls, values: Any) -> Remote | None:
        names = ("address", "server_key", "client_key", "client_secret")
        if not isinstance(values, dict) or not all(is_key(values.get(name)) for name in names[1:]):
            return None
        if not isinstance(values.get("address"), str) or not _ADDRESS.fullmatch(values["address"]):
            return None
        return cls(**{name: values[name] for name in names})


class Remotes:
    """The file of known remote backends; every change is written at once."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one; a Failure if it cannot be trusted."""
        self._path = path
        values = read_private(path) or {}
        try:
            self.used = str(values.get("use", LOCAL))
            known = [Remote._from(entry) for entry in values.get("backends", [])]
            self.known = {remote.address: remote for remote in known if remote is not None}
            self._own = KeyPair(**values["own"]) if values.get("own") else None
        except TypeError:
            raise Failure("secret-damaged", path=path, reason="it is not what was written there") from None

    def find(self, backend: str | None = None) -> Remote | None:
        """The remote of that address, by default the one in use; None for the backend of this machine."""
        wanted = backend or self.used
        if wanted == LOCAL:
            return None
        check_address(wanted)
        if wanted not in self.known:
            raise Failure("no-key", address=wanted)
        return self.known[wanted]

    def own_pair(self) -> KeyPair:
        """The pair of this machine for backends that gave no invitation, made when it is first asked for."""
        if self._own is None:
            self._own = KeyPair.new()
            self._write()
        return self._own

    def add(self, remote: Remote, address: str | None = None) -> Remote:
        """Keep the keys of a remote, under another address if one is given, and use it from now on."""
        remote = replace(remote, address=check_destination(address or remote.address))
        self.known[remote.address] = remote
        self.use(remote.address)
        return remote

    def use(self, backend: str) -> None:
        """Use a known remote, or the backend of this machine, from now on."""
        self.find(backend)
        self.used = backend
        self._write()

    def forget(self, address: str) -> None:
        """Drop the keys of a remote; if it was in use, the backend of this machine is again."""
        if self.find(check_address(address)) is not None:
            del self.known[address]
        self.used = LOCAL if self.used == address else self.used
        self._write()

    def _write(self) -> None:
        backends = [asdict(remote) for remote in self.known.values()]
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._path, {"use": self.used, "own": self._own and asdict(self._own), "backends": backends})


def check_address(address: str) -> str:
    """The address itself; a Failure `bad-address` if it is not of the form tcp://HOST:PORT."""
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[2]) > 65535:
        raise Failure("bad-address", address=address)
    return address


def check_destination(address: str) -> str:
    """The address itself; a Failure `bad-address` also if it is one to bind to, which leads nowhere from elsewhere."""
    if host_of(check_address(address)) in EVERYWHERE:
        raise Failure("bad-address", address=address)
    return address


def host_of(address: str) -> str:
    """The host in a checked address, without brackets."""
    match = _ADDRESS.fullmatch(address)
    assert match is not None
    return match[1].strip("[]")
