"""The settings of earlier runs: a folder with one file for each, which is named after what it holds.

So the same settings again are the same file with a newer date, and two GIMPs that end a run at once do not undo each
other's: nothing is read, changed and written back.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KEPT = 20
"""How many runs are remembered."""
LATEST = 2.5e11
"""Seconds since 1970 that still are a date."""


@dataclass(frozen=True)
class Entry:
    """The styles of a run as URIs with their weights, the arguments that were not the default, and when it ended."""

    styles: tuple[tuple[str, float], ...]
    arguments: Mapping[str, str | float | bool]
    when: float
    """In seconds since 1970."""

    @property
    def name(self) -> str:
        """The same for the same styles and arguments."""
        what = json.dumps([self.styles, self.arguments], sort_keys=True)
        return hashlib.sha256(what.encode()).hexdigest()[:32]


class History:
    """A folder of entries; whatever of it cannot be read counts as not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> list[Entry]:
        """The last runs, the newest one first, each combination of settings once."""
        found = [entry for path in self._folder.glob("*.json") if (entry := _read(path)) is not None]
        return sorted(found, key=lambda entry: entry.when, reverse=True)[:KEPT]

    def add(self, entry: Entry) -> None:
        """Remember a run, and forget what has become too old; raises OSError if the folder cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        before = set(self._folder.glob("*.json"))
        # Swapped in whole: another GIMP may read it at this moment.
        scratch = self._file(entry).with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(vars(entry), indent=1) + "\n", "utf-8")
        scratch.replace(self._file(entry))
        for path in before - {self._file(kept) for kept in self.entries()}:
            path.unlink(missing_ok=True)

    def _file(self, entry: Entry) -> Path:
        return self._folder / f"{entry.name}.json"


def _read(path: Path) -> Entry | None:
    try:
        values = json.loads(path.read_text("utf-8"))
        styles = tuple((str(uri), float(weight)) for uri, weight in values["styles"])
        entry = Entry(styles, dict(values["arguments"]), float(values["when"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry if styles and 0 < entry.when < LATEST else None
