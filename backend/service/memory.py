"""How much memory is free on the device that paints."""

from __future__ import annotations

import os
from pathlib import Path

import torch

SHARE = 0.9
"""The part of the free memory that a job may plan with: the rest of the system goes on living."""
MEMINFO = Path("/proc/meminfo")


def free_memory(device: torch.device) -> float:
    """Bytes that a job may use on the device; infinite where the system does not tell."""
    if device.type == "cuda":
        return SHARE * torch.cuda.mem_get_info(device)[0]
    return SHARE * _host()


def _host() -> float:
    try:
        lines = MEMINFO.read_text().splitlines()
        values = dict(line.split(":", 1) for line in lines)
        return float(values["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        pass
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) / 2
    except (AttributeError, ValueError, OSError):
        return float("inf")
