"""A GIMP for a test session: the provisioned tree, a home of its own, and the plug-in as `install.py` installs it."""

from __future__ import annotations

import functools
import json
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chroot import LOCALE, Chroot, outside_python
from provision import RELEASES, CannotProvision, provision

from backend.protocol import client
from backend.protocol.connection import find_running
from backend.protocol.installation import Installation
from installer import plugin
from tests.speed import know_the_speed

REPOSITORY = Path(__file__).resolve().parents[2]
PHOTO = REPOSITORY / "demo" / "photo.jpg"
STYLE = REPOSITORY / "demo" / "style.jpg"
INSIDE = Path(__file__).with_name("inside.py")
# GIMP tells of a group that a plug-in left open with these words.
OPEN_UNDO_GROUP = "inconsistent state"
LANGUAGE = f'(prev-language "{LOCALE}")\n'
"""In gimprc; without it GIMP asks all its plug-ins anew, since their texts might be in another language."""


@dataclass(frozen=True)
class Machine:
    """GIMP `version` with the plug-in in it, and the installation whose backend that plug-in starts."""

    version: str
    chroot: Chroot
    folder: Path
    installation: Installation

    @property
    def config(self) -> Path:
        """GIMP's settings folder."""
        return self.folder / "gimp"

    def get_to_know(self, config: Path) -> None:
        """Make a settings folder that of a GIMP which was used before, so that it need not ask its own plug-ins."""
        config.mkdir(parents=True, exist_ok=True)
        (config / "pluginrc").write_bytes(_own_plug_ins(self.version, self.chroot.tree))
        (config / "gimprc").write_text(LANGUAGE)

    def play(
        self,
        name: str,
        cases: Sequence[dict[str, Any]],
        seconds: float = 400,
        program: Path = INSIDE,
        fonts: bool = False,
    ) -> dict[str, Any]:
        """Have one start of GIMP play the cases; their outcomes, and under "output" what GIMP printed.

        GIMP starts sooner without fonts.
        """
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "cases.json").write_text(json.dumps(list(cases)))
        command = [f"gimp-console-{self.version}", "-i", "-d", "-s", *(() if fonts else ("-f",))]
        command += ["--batch-interpreter=python-fu-eval", "-b", f'exec(open("{program}").read())', "--quit"]
        variables = {
            "GIMP3_DIRECTORY": str(self.config),
            "NEURAL_STYLE_TEST_FOLDER": str(folder),
            "NEURAL_STYLE_TEST_PLUG_IN": str(self.config / "plug-ins" / "neural-style"),
            "NEURAL_STYLE_TEST_PHOTO": str(PHOTO),
        }
        code, output = self.chroot.run(command, variables, seconds)
        assert code == 0, output
        outcomes: dict[str, Any] = json.loads((folder / "outcomes.json").read_text())
        return outcomes | {"output": output}


@contextmanager
def machine(version: str, knows_its_speed: bool = False) -> Iterator[Machine]:
    """A machine whose GIMP meets the plug-in for the first time; at the end its backend and its folder are removed.

    A backend that does not know its speed takes seconds to measure it when a dialog asks for estimates.
    """
    tree = _tree(version)
    # Directly in the temporary folder: the path of a Unix socket in it must be short.
    folder = Path(tempfile.mkdtemp(prefix="neural-style-gimp-"))
    try:
        installation = Installation(folder / "home", outside_python(folder / "python", REPOSITORY))
        installation.home.mkdir()
        (installation.home / "wheels").symlink_to(_downloads().name)
        plugin.install(folder / "gimp" / "plug-ins", installation.home, installation.python)
        chroot = Chroot(tree, folder, (PHOTO.parent, INSIDE.parent))
        if knows_its_speed:
            know_the_speed(installation)
        made = Machine(version, chroot, folder, installation)
        made.get_to_know(made.config)
        try:
            yield made
        finally:
            stop_backend(installation)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def _downloads() -> tempfile.TemporaryDirectory[str]:
    """Where the machines of a test session keep what is downloaded for their plug-ins."""
    return tempfile.TemporaryDirectory(prefix="neural-style-gimp-")


@functools.cache
def _own_plug_ins(version: str, tree: Path) -> bytes:
    """What GIMP notes of its own plug-ins when it starts for the first time and asks each of more than a hundred."""
    with tempfile.TemporaryDirectory(prefix="neural-style-gimp-") as folder:
        command = [f"gimp-console-{version}", "-i", "-d", "-s", "-f", "--quit"]
        code, output = Chroot(tree, Path(folder), ()).run(command, {"GIMP3_DIRECTORY": f"{folder}/gimp"}, 400)
        assert code == 0, output
        return (Path(folder) / "gimp" / "pluginrc").read_bytes()


def stop_backend(installation: Installation) -> None:
    """Stop the backend, if one runs, and see that its process has gone."""
    connection = find_running(installation)
    client.stop(installation)
    deadline = time.monotonic() + 10
    while connection is not None and _runs(connection.pid):
        assert time.monotonic() < deadline, "the backend's process is still there"
        time.sleep(0.05)


def _runs(pid: int | None) -> bool:
    """Whether there is such a process; one that was started here has ended when it has no command line any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def _tree(version: str) -> Path:
    """The provisioned tree; without the means the test is skipped, in CI it fails."""
    try:
        return provision(version)
    except CannotProvision as reason:
        must = os.environ.get("CI") == "true" and not RELEASES[version].moving
        if must:
            pytest.fail(f"GIMP {version}: {reason}")
        warnings.warn(f"GIMP {version} is NOT TESTED: {reason}", stacklevel=2)
        pytest.skip(f"GIMP {version} is not tested: {reason}")
