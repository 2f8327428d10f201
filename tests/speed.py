"""The speed of this machine, measured once for all tests: a backend that does not know it takes seconds to find it."""

from __future__ import annotations

import functools

from backend.protocol import client
from backend.protocol.estimate import Outline
from backend.protocol.installation import Installation
from benchmarks.reliability.home import new_home


def know_the_speed(installation: Installation) -> None:
    """Leave in the home what its backend would have measured before the first estimate."""
    installation.home.mkdir(parents=True, exist_ok=True)
    installation.speed_file.write_text(_measured())


@functools.cache
def _measured() -> str:
    with new_home() as installation:
        with client.connect(installation) as backend:
            backend.estimate(Outline(100, 100))
        return installation.speed_file.read_text()
