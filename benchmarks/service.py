"""The real backend in a home of its own, and the memory of its worker."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from torch import Tensor

from backend.engine.memory import Plan
from backend.imaging.pixels import colours, preview
from backend.protocol import client
from backend.protocol.events import Cancelled, Done
from backend.protocol.installation import Installation
from backend.protocol.job import Job, Settings, Style
from backend.service.device import choose_device
from backend.service.paint import planned_for
from benchmarks.machine import engine_precision

PROC = Path("/proc")


@dataclass(frozen=True)
class Painted:
    """A finished picture (1, 3, H, W) in 0..1 and the seconds from its submission to its arrival."""

    picture: Tensor
    seconds: float


class TooSlow(Exception):
    """A job was cancelled because its time was over."""


class Service:
    """A backend that is started for a `with` statement, and is gone with its home afterwards."""

    def __enter__(self) -> Service:
        self._home = tempfile.TemporaryDirectory(prefix="ns-", ignore_cleanup_errors=True)
        self._installation = Installation(Path(self._home.name), Installation.find().python)
        self.backend = client.connect(self._installation)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.backend.close()
        client.stop(self._installation)
        self._home.cleanup()

    def paint(self, job: Job, limit: float = float("inf")) -> Painted:
        """Paint a job; TooSlow if it is not finished in `limit` seconds, a Failure if it fails."""
        began = time.monotonic()
        run = self.backend.submit(job)
        for event in run.events():
            if isinstance(event, Done):
                return Painted(colours(event.picture), time.monotonic() - began)
            if isinstance(event, Cancelled):
                raise TooSlow(f"The job was stopped after {time.monotonic() - began:.0f} s.")
            if time.monotonic() - began > limit:
                run.cancel()
                limit = float("inf")
        raise AssertionError("a job ends with Done or Cancelled")

    @property
    def worker(self) -> int:
        """The worker's process number."""
        supervisor = self.backend.status()["pid"]
        return next(pid for pid in _processes() if _field(pid, "PPid") == supervisor)

    def memory(self) -> tuple[int, int]:
        """The worker's resident memory and the most it was since the last `forget_peak`, in bytes; Linux only."""
        worker = self.worker
        return _field(worker, "VmRSS") * 1024, _field(worker, "VmHWM") * 1024

    def forget_peak(self) -> None:
        """Let the worker's peak begin again at what it holds now."""
        (PROC / str(self.worker) / "clear_refs").write_text("5")


def make_job(content: Tensor, style: Tensor, settings: Settings) -> Job:
    """A job from pictures (1, 3, H, W) in 0..1."""
    return Job(preview(content), (Style(preview(style)),), settings)


def planned(job: Job, loaded: int) -> Plan:
    """The plan of a worker that uses `loaded` bytes and is given a job on this machine's processor."""
    return planned_for(job, choose_device("cpu"), engine_precision(), loaded + len(job.content.pixels))


def _processes() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _field(pid: int, name: str) -> int:
    """A number from a process's status; 0 if the process has just gone."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)
