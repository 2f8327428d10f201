"""What an installation consists of, written down in its home folder as it comes into being.

The record is written before each thing it names, so that after an interruption at any point the next run
knows what is half-done, and `uninstall` knows what to remove.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .problems import Problem

NAME = "installation-record.json"
BACKENDS_OWN = {"run", "log", "speed.json", "speed.lock", "remote.json", "keys"}
"""What a backend started from a clone may have left in a home folder that was never installed to."""


@dataclass
class Record:
    """The state of one home folder. An empty `pins` or `code` means: not there, or not finished."""

    home: Path
    complete: bool = False
    pins: str = ""
    code: str = ""
    plug_ins: list[str] = field(default_factory=list)
    launcher: str = ""
    made_folders: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, home: Path) -> Record | None:
        """The record of a home folder, or None where nothing was installed."""
        try:
            values = json.loads((home / NAME).read_text("utf-8"))
            return cls(
                home, **{name: values[name] for name in cls.__dataclass_fields__ if name in values and name != "home"}
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            return cls(home)  # unreadable: as good as interrupted at the very start

    @classmethod
    def begin(cls, home: Path) -> Record:
        """A new record in a home folder that has none; a Problem if the folder is someone else's."""
        if home.is_dir() and {entry.name for entry in home.iterdir()} - BACKENDS_OWN:
            raise Problem(
                f"{home} holds files that are not ours.",
                "Empty it, or set NEURAL_STYLE_HOME to another folder, and run this again.",
            )
        record = cls(home)
        record.make_folder(home)
        return record

    def save(self) -> None:
        """Write the record, whole or not at all."""
        values = asdict(self)
        del values["home"]
        self.home.mkdir(parents=True, exist_ok=True)
        part = self.home / f"{NAME}.part"
        part.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
        os.replace(part, self.home / NAME)

    @contextmanager
    def unfinished(self) -> Iterator[None]:
        """The time of an installation: the record says incomplete until the block has ended well."""
        self.complete = False
        self.save()
        yield
        self.complete = True
        self.save()

    def make_folder(self, folder: Path) -> None:
        """Make a folder and its parents, and remember which were not there before."""
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        self.made_folders += [str(path) for path in missing if str(path) not in self.made_folders]
        folder.mkdir(parents=True, exist_ok=True)
        self.save()

    def add_plug_in(self, folder: Path) -> None:
        """Remember a plug-in folder before it is filled."""
        if str(folder) not in self.plug_ins:
            self.plug_ins.append(str(folder))
            self.save()
