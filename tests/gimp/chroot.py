"""Programs of a provisioned tree, run so that they share the network and chosen folders with this system."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LOCALE = "C.UTF-8"
# The mounts live in a namespace of their own and vanish with its last process.
ENTER = """
set -e; tree=$1; shift
mount --rbind /dev "$tree/dev"
mount -t proc proc "$tree/proc"
mount --bind "$1" "$tree/tmp"; shift
while [ "$1" != -- ]; do mkdir -p "$tree$1"; mount --bind "$1" "$tree$1"; shift; done; shift
exec chroot "$tree" env -i "$@"
"""


@dataclass(frozen=True)
class Chroot:
    """A tree, the folder that is its user's home and holds its /tmp, and folders that lie inside as they do outside."""

    tree: Path
    home: Path
    shared: tuple[Path, ...]

    @property
    def tmp(self) -> Path:
        """Where the tree's /tmp lies outside of it."""
        return self.home / "tmp"

    @contextmanager
    def start(
        self, command: Sequence[str], variables: Mapping[str, str], output: IO[str] | int
    ) -> Iterator[subprocess.Popen[str]]:
        """Run a command while the block runs; all processes of its session are ended with the block."""
        process = subprocess.Popen(
            self._enter(command, variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def run(self, command: Sequence[str], variables: Mapping[str, str], seconds: float) -> tuple[int, str]:
        """Exit code and output of a command; subprocess.TimeoutExpired when it takes longer."""
        with self.start(command, variables, subprocess.PIPE) as process:
            output, _ = process.communicate(timeout=seconds)
            return process.returncode, output

    def program(self, path: Path, command: Sequence[str], variables: Mapping[str, str]) -> Path:
        """Write a program to `path` that runs a command inside, with further arguments given to it."""
        path.write_text(f'#!/bin/sh\nexec {shlex.join(self._enter(command, variables))} "$@"\n')
        path.chmod(0o755)
        return path

    def _enter(self, command: Sequence[str], variables: Mapping[str, str]) -> list[str]:
        base = {"HOME": str(self.home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": LOCALE}
        assignments = [f"{name}={value}" for name, value in (base | dict(variables)).items()]
        self.tmp.mkdir(parents=True, exist_ok=True)
        folders = [str(folder) for folder in (self.tmp, self.home, *self.shared)]
        return ["unshare", "-m", "sh", "-c", ENTER, "sh", str(self.tree), *folders, "--", *assignments, *command]


def outside_python(path: Path, working_folder: Path) -> Path:
    """Write a program to `path` that is this Python even when it is called inside a tree.

    A GIMP inside starts the backend with it: the program steps out of the tree through this process's root, so
    that the backend runs on this system's libraries and in this very virtual environment.
    """
    path.write_text(
        f'#!/bin/sh\nexec chroot /proc/{os.getpid()}/root env -C "{working_folder}" "{sys.executable}" "$@"\n'
    )
    path.chmod(0o755)
    return path
