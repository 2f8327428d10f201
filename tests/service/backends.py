"""What the service tests share: small jobs, and looks at the processes of a backend."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from backend.protocol.job import Job, Picture, Settings, Style
from benchmarks.reliability.home import processes_of, wait_until

__all__ = ["FAST", "LONG", "bridges_of", "job", "processes_of", "run_cli", "texture", "wait_until"]

# Processes started in other folders must find this checkout.
os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])

FAST = Settings(preset="draft", size=64, steps=4)
LONG = Settings(preset="draft", size=64, steps=5000)


def texture(width: int, height: int, channels: int = 3, depth: str = "u8", seed: int = 1) -> Picture:
    """A picture of deterministic stripes."""
    size = width * height * channels * {"u8": 1, "u16": 2, "f32": 4}[depth]
    if depth == "f32":
        import struct

        return Picture(width, height, channels, depth, struct.pack("f", 0.5) * (size // 4))
    return Picture(width, height, channels, depth, bytes((i * seed) % 251 for i in range(size)))


def job(settings: Settings = FAST, content: Picture | None = None) -> Job:
    return Job(content or texture(80, 60), (Style(texture(50, 70, seed=7)),), settings)


def bridges_of(home: Path) -> list[int]:
    """The bridges among them."""

    def is_bridge(pid: int) -> bool:
        try:
            return b"backend.protocol.bridge" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    return [pid for pid in processes_of(home) if is_bridge(pid)]


def run_cli(home: Path, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "backend", *map(str, arguments)],
        env={**os.environ, "NEURAL_STYLE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
    )
