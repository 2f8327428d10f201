"""The files that make up Neural Style: their fingerprint, and the copy that outlives the clone."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .places import SOURCE

PARTS = ("install.py", "installer", "backend", "gimp_plugin", "pyproject.toml")
"""What an installation is made from; a change in any of it is a new installation."""
COMPANIONS = ("demo", "README.md", "LICENSE", "THIRD_PARTY.md")
SKIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache")


def code_digest() -> str:
    """A fingerprint of everything that is installed from this folder."""
    digest = hashlib.sha256()
    for part in PARTS:
        for path in _files(SOURCE / part):
            digest.update(f"{path.relative_to(SOURCE).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def file_digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file in a folder, by its path in it; Python's caches left out."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(folder)
    }


def keep_copy(home: Path) -> Path:
    """Copy this folder into the home folder, so that check and uninstall work when the clone is gone."""
    target = home / "installer"
    if target.resolve() == SOURCE:
        return target
    with tempfile.TemporaryDirectory(prefix=".installer-", dir=home) as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        for name in (*PARTS, *COMPANIONS):
            copy(SOURCE / name, new / name)
        swap_in(new, target)
    return target


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, if it is there, without caches."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=SKIPPED)
    elif source.exists():
        shutil.copy2(source, target)


def swap_in(new: Path, target: Path) -> None:
    """Put a finished folder in the place of an old one; `new`'s parent is a scratch folder on the same disk."""
    if target.exists():
        target.rename(new.parent / "old")
    new.rename(target)


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield path
