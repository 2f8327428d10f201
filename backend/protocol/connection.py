"""The connection file: how a client finds the backend that runs, and never one that has gone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from .errors import Failure
from .installation import Installation
from .lock import holder
from .private import write_private


@dataclass(frozen=True)
class Connection:
    """What a client must know: the endpoint, and for tcp the CURVE keys; `pid` is None on another machine."""

    endpoint: str
    pid: int | None
    protocol: int
    version: str
    server_key: str = ""
    client_key: str = ""
    client_secret: str = ""

    def write(self, path: Path) -> None:
        """Write the file for this user's eyes only, whole or not at all."""
        write_private(path, asdict(self))

    @property
    def is_remote(self) -> bool:
        """Whether the backend is another machine's."""
        return self.pid is None

    def silent(self) -> Failure:
        """The failure of a backend that does not answer."""
        return Failure("unreachable", address=self.endpoint) if self.is_remote else Failure("no-answer")

    def lost(self, log: Path) -> Failure:
        """The failure of a backend that has gone; `log` is where one of this machine would say more."""
        return Failure("remote-lost", address=self.endpoint) if self.is_remote else Failure("lost", log=log)

    @classmethod
    def read(cls, path: Path) -> Connection | None:
        """The connection in the file, or None if there is no such file or it is not whole."""
        try:
            values = json.loads(path.read_text("utf-8"))
            return cls(**{f.name: values[f.name] for f in fields(cls)})
        except (OSError, ValueError, KeyError, TypeError):
            return None


def find_running(installation: Installation) -> Connection | None:
    """The connection of the backend that runs now; a file left by one that died does not count."""
    pid = holder(installation.lock_file)
    connection = Connection.read(installation.connection_file)
    # While a new backend starts, the file may still be that of one that was killed.
    return connection if connection is not None and connection.pid == pid else None
