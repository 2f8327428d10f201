"""What is known of each device's speed, kept in a file and corrected by every job."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from backend.engine.cost import Line, Speed
from backend.protocol.lock import wait_for_lock

FORMAT = 5
"""Raised when the numbers in the file mean something else, or the engine has become another one; older files then count
for nothing."""
MOST = 16
"""Devices that are remembered, the latest ones."""
RATE = 0.5
"""How much of the difference between a long job and its estimate is believed."""
LOCK_SECONDS = 2.0
"""How long one worker waits for another one that is writing."""
LONG = 10.0
"""Seconds from which on a job is believed as much as any; a shorter one is believed in proportion."""
SURPRISE = 2.0
"""The factor beyond which a single job's difference is not believed: the machine may have slept."""
RANGE = 10.0
"""The factor beyond which jobs never move an estimate from what was measured."""


@dataclass(frozen=True)
class Known:
    """A device's speed, and the bytes that the process uses there with a loaded network and no job."""

    speed: Speed
    loaded: float

    def after(self, told: float, taken: float) -> Known:
        """What is known after a job that was told to take `told` seconds and took `taken`, both above 0."""
        believed = RATE * min(1.0, taken / LONG)
        ratio = min(max(taken / told, 1 / SURPRISE), SURPRISE)
        factor = min(max(self.speed.factor * ratio**believed, 1 / RANGE), RANGE)
        return replace(self, speed=replace(self.speed, factor=factor))


class Speeds:
    """The known devices by their names, for all workers of this machine; may be read from any thread.

    The file is read anew each time, since other workers write it too. What could not be written is kept here.
    """

    def __init__(self, path: Path) -> None:
        """The file may be missing; a damaged one, or one of another format, is as good as empty."""
        self._path = path
        self._unwritten: dict[str, Known] = {}

    def get(self, device: str) -> Known | None:
        """What is known of a device."""
        return self._unwritten.get(device) or _read(self._path).get(device)

    def put(self, device: str, known: Known) -> None:
        """Remember a device beside the others in the file, which is written whole or not at all."""
        self._unwritten[device] = known
        # Without the file the next backend measures again: no reason to fail.
        with contextlib.suppress(OSError), wait_for_lock(self._path.with_suffix(".lock"), LOCK_SECONDS):
            others = {name: value for name, value in _read(self._path).items() if name != device}
            _write(self._path, dict([*others.items(), (device, known)][-MOST:]))
            del self._unwritten[device]


def _write(path: Path, known: Mapping[str, Known]) -> None:
    values = {"format": FORMAT, "devices": {name: asdict(value) for name, value in known.items()}}
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(values), "utf-8")
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _read(path: Path) -> dict[str, Known]:
    try:
        values = json.loads(path.read_text("utf-8"))
        if values["format"] != FORMAT:
            return {}
        return {str(name): _known(known) for name, known in values["devices"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _known(values: Mapping[str, Any]) -> Known:
    speed = values["speed"]
    step, setup = (Line(_amount(speed[name]["fixed"]), _amount(speed[name]["rate"])) for name in ("step", "setup"))
    names = ("layer", "loading", "exact", "direct", "reduction", "factor")
    return Known(Speed(step, setup, *(_amount(speed[name]) for name in names)), _amount(values["loaded"]))


def _amount(value: Any) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError("not an amount")
    return float(value)
