"""What the backend says of itself."""

from __future__ import annotations

import os
import time
from pathlib import Path

from backend import __version__
from backend.protocol.messages import PROTOCOL, Message
from backend.service.executor import Executor
from backend.service.jobs import Jobs, Record


def status_of(executor: Executor, jobs: Jobs, log: Path, started: float) -> Message:
    """The answer to `status`: nothing in it says whose the jobs are, or what is in the pictures."""
    running = jobs.in_state("running")
    return {
        "type": "status",
        "version": __version__,
        "protocol": PROTOCOL,
        "pid": os.getpid(),
        **executor.status(),
        "running": len(running),
        "jobs": [_about(record) for record in running],
        "queue": len(jobs.in_state("queued")),
        "uptime": round(time.monotonic() - started, 1),
        "log": str(log),
    }


def _about(record: Record) -> Message:
    content, settings = record.request["content"], record.request["settings"]
    return {
        "width": content["width"],
        "height": content["height"],
        "size": settings["size"],
        "preset": settings["preset"],
        "fraction": record.fraction,
    }
