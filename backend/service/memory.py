"""How much memory a job may use on the device that paints."""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path

import psutil
import torch

from backend.engine import winograd

SHARE = 0.9
"""The part of the free memory that a job may plan with: the rest of the system goes on living."""
GB = 1e9
CGROUP = Path("/sys/fs/cgroup")
"""Where a container finds its own limit (cgroup v2)."""


def free_memory(device: torch.device, limit: float | None = None, loaded: float | None = None) -> float:
    """Bytes that a job may still use on the device; `limit` in GB bounds all that this process uses there.

    With `loaded`, what a job may use that begins when the process uses so many bytes there, instead of now.
    """
    on_gpu = device.type == "cuda"
    free = torch.cuda.mem_get_info(device)[0] if on_gpu else min(psutil.virtual_memory().available, _container())
    used = used_memory(device)
    if loaded is not None:
        free, used = free + used - loaded, loaded
    return SHARE * free if limit is None else min(SHARE * free, limit * GB - used)


def used_memory(device: torch.device) -> float:
    """Bytes that this process uses on the device."""
    return float(torch.cuda.memory_allocated(device) if device.type == "cuda" else psutil.Process().memory_info().rss)


def give_back() -> None:
    """Return to the system what finished jobs took; the allocators would keep it, and it would count as used."""
    winograd.forget()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def _container() -> float:
    """Bytes that the limit of a container leaves, which psutil does not know; infinite without one."""
    try:
        limit, used = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        lines = (CGROUP / "memory.stat").read_text().splitlines()
        # Copies of files are dropped when the memory is needed.
        return limit - used + int(dict(line.split() for line in lines)["inactive_file"])
    except (OSError, ValueError, KeyError):
        return float("inf")
