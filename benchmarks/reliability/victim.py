"""A client in a process of its own, to be killed or frozen: `python -m benchmarks.reliability.victim HOME WORK`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from backend.protocol import client
from backend.protocol.errors import Failure
from backend.protocol.events import Done, Progress
from backend.protocol.installation import Installation
from benchmarks.reliability.home import CHECKOUT
from benchmarks.reliability.work import LONG, job


@contextlib.contextmanager
def victim(installation: Installation, work: str = "long") -> Iterator[subprocess.Popen[str]]:
    """Such a client, whose standard output tells what it hears; it is gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(installation.home), work],
        cwd=CHECKOUT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def until(process: subprocess.Popen[str], word: str) -> None:
    """Wait until a victim says the word."""
    assert process.stdout is not None
    if not any(word in line for line in process.stdout):
        raise AssertionError(f"the client ended before it said {word}")


def main(home: str, work: str) -> None:
    """Run a long or a short job and say what is heard of it, last `Done` with the backend's pid, or the failure."""
    try:
        with client.connect(Installation(Path(home), Path(sys.executable))) as backend:
            run = backend.submit(LONG if work == "long" else job())
            for event in run.events():
                if isinstance(event, Progress) and event.stage == "painting":
                    print("painting", flush=True)
                if isinstance(event, Done):
                    print("done", backend.status()["pid"], flush=True)
    except Failure as failure:
        print("failed", failure.code, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
