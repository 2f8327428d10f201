"""What the service tests share: small jobs, and looks at the processes of a backend."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from backend.protocol.job import Job, Picture, Settings, Style

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


def processes_of(home: Path) -> list[int]:
    """The processes whose environment names the home: the backend, its workers, and bridges to it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if f"NEURAL_STYLE_HOME={home}".encode() in environment and state != "Z":
                found.append(int(entry.name))
    return found


def bridges_of(home: Path) -> list[int]:
    """The bridges among them."""

    def is_bridge(pid: int) -> bool:
        try:
            return b"backend.protocol.bridge" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    return [pid for pid in processes_of(home) if is_bridge(pid)]


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


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
