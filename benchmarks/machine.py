"""The machine that was measured on: its name, and how fast it multiplies matrices."""

from __future__ import annotations

import datetime
import os
import platform
import time
from pathlib import Path
from typing import Any

import torch

from backend import __version__
from backend.service.device import choose_device, choose_precision, held_to_avx2

SIDE = 2048
"""Rows and columns of the matrices whose product is the peak."""
REPEATS = 6


def describe() -> dict[str, Any]:
    """What the machine is and what runs on it, with the date and the load that other programs put on it."""
    return {
        "processor": _processor(),
        "instructions": instructions(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_bytes": _memory(),
        "system": f"{_system()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "precision": name_of(engine_precision()),
        "version": __version__,
        "date": datetime.date.today().isoformat(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        # Half precision takes minutes where the processor has no instructions for it; there the engine does without.
        "peaks": {name_of(dtype): matrix_rate(dtype) for dtype in dict.fromkeys((engine_precision(), torch.float32))},
    }


def instructions() -> list[str]:
    """Those of the processor that decide how fast it multiplies in half precision."""
    return [flag for flag in _flags() if flag == "avx2" or not held_to_avx2()]


def _processor() -> str:
    name = _field(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine()
    return f"{name}, its libraries held to AVX2" if held_to_avx2() and "avx512f" in _flags() else name


def _flags() -> list[str]:
    flags = (_field(Path("/proc/cpuinfo"), "flags") or "").split()
    return [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]


def engine_precision() -> torch.dtype:
    """The precision that the engine works in on this machine's processor."""
    return choose_precision(choose_device("cpu"))


def name_of(dtype: torch.dtype) -> str:
    """The name of a type without `torch.`."""
    return str(dtype).removeprefix("torch.")


def matrix_rate(dtype: torch.dtype, side: int = SIDE, device: str = "cpu") -> float:
    """Floating-point operations a second of a product of two square matrices, the best of some tries."""
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    _wait_for(torch.mm(a, b))  # the first call prepares the kernel
    best = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        _wait_for(torch.mm(a, b))
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best


def _wait_for(result: torch.Tensor) -> None:
    if result.is_cuda:
        torch.cuda.synchronize(result.device)


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _system() -> str:
    name = _field(Path("/etc/os-release"), "PRETTY_NAME", "=")
    return name.strip('"') if name else platform.platform()


def _field(path: Path, name: str, sign: str = ":") -> str | None:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return None
    return next((line.split(sign, 1)[1].strip() for line in lines if line.split(sign)[0].strip() == name), None)
