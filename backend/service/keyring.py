"""The server's own key pair and the public keys that it lets in: a folder with one file for each client.

One file a client makes every change a single step of the file system: nothing is read, changed and written back, so no
two changes can undo each other, and taking a key back is the removal of a file.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from dataclasses import asdict
from pathlib import Path

from backend.protocol.errors import Failure
from backend.protocol.keys import KeyPair, is_key, shown
from backend.protocol.private import read_private, write_private
from backend.protocol.remotes import Remote

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

log = logging.getLogger(__name__)


class KeyRing:
    """The keys in a folder. Nothing is cached: what another process changes counts at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clients = folder / "clients"
        self._complaints: set[str] = set()

    @property
    def server(self) -> KeyPair:
        """The server's pair; a Failure if there is none or others can read or change it."""
        self._check_folder()
        values = read_private(self._folder / "server.json")
        if values is None:
            raise Failure("no-server-keys", path=self._folder)
        if not is_key(values.get("public")) or not is_key(values.get("secret")):
            raise Failure("secret-damaged", path=self._folder / "server.json", reason="it holds no keys")
        return KeyPair(values["public"], values["secret"])

    def clients(self) -> dict[str, str]:
        """The names of the clients that are let in, by their public keys in Z85; one that is damaged is not."""
        found = {}
        for path in sorted(self._clients.glob("*.json")):
            try:
                key = (read_private(path) or {}).get("key")
            except Failure as failure:
                self._complain(f"key {path.stem}: {failure}")
                continue
            if isinstance(key, str) and is_key(key):
                found[key] = path.stem
        return found

    def invite(self, name: str, address: str) -> Remote:
        """Let a new client in and return all it needs to come; the server's pair is made if it is the first."""
        pair = KeyPair.new()
        self.allow(name, pair.public)
        return Remote(address, self.server.public, pair.public, pair.secret)

    def allow(self, name: str, key: str) -> None:
        """Let in the client that has the secret to a public key in Z85."""
        path = self._file(name)
        self._prepare()
        if path.exists():
            raise Failure("name-taken", name=name)
        if (known := self.clients().get(key)) is not None:
            raise Failure("key-known", name=known)
        write_private(path, {"key": key})

    def revoke(self, name: str) -> None:
        """Let a client in no longer."""
        try:
            self._file(name).unlink()
        except FileNotFoundError:
            raise Failure("no-such-key", name=name) from None

    def shown(self) -> list[tuple[str, str]]:
        """The names of the clients and their keys as people see them."""
        return [(name, shown(key)) for key, name in self.clients().items()]

    def _file(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise Failure("bad-name", name=repr(name))
        return self._clients / f"{name}.json"

    def _complain(self, complaint: str) -> None:
        """Log it, but once: a backend looks every second."""
        if complaint not in self._complaints:
            self._complaints.add(complaint)
            log.warning(complaint)

    def _prepare(self) -> None:
        """Make the folders and the server's pair if they are not there."""
        try:
            for folder in (self._folder, self._clients):  # each by itself: `parents` would not heed the mode
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_folder()
            if not (self._folder / "server.json").exists():
                write_private(self._folder / "server.json", asdict(KeyPair.new()))
        except OSError as error:
            raise Failure("folder", path=self._folder, reason=error.strerror or error) from None
        self.server  # noqa: B018 (nobody is let in by half, with a server that has no keys)

    def _check_folder(self) -> None:
        """Whoever can write into the folder decides who is let in. It is left as it is: it may be anybody's."""
        if os.name != "posix":
            return
        for folder in (self._folder, self._clients):
            if folder.exists() and stat.S_IMODE(folder.stat().st_mode) & 0o022:
                raise Failure("folder", path=folder, reason="other users can write into it")
