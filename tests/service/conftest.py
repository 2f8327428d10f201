"""Real backends in homes of their own, and proof that nothing of them is left."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.protocol import client
from backend.protocol.installation import Installation
from tests.service.backends import processes_of, wait_until


@pytest.fixture
def installation() -> Iterator[Installation]:
    # A short path, since pytest's own would be too long for a socket.
    home = Path(tempfile.mkdtemp(prefix="ns-"))
    found = Installation(home, Path(sys.executable))
    yield found
    pids = processes_of(home)
    client.stop(found)
    wait_until(lambda: not processes_of(home))
    for pid in processes_of(home):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(home)
    assert len(pids) <= 2, "one supervisor and one worker at most"
