"""Installing without a network, from a folder of wheels that `download` has filled."""

from __future__ import annotations

import os
from pathlib import Path

from .problem import Problem


def use(folder: Path) -> None:
    """Let every pip that this process starts take its packages from the folder, and from nowhere else.

    Said by environment variables, which hold for all of pip's ways; the user's own settings of pip are left aside,
    since they may name indexes that are out of reach.
    """
    if not any(folder.glob("*.whl")):
        raise Problem(
            f"There are no wheels in {folder}.",
            "Name the folder that was filled by `python3 install.py download --to DIR` on a machine with a network.",
        )
    # As an address, since pip would split a path with spaces in it.
    os.environ.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=folder.resolve().as_uri(), PIP_CONFIG_FILE=os.devnull)


def in_use() -> bool:
    """Whether pip has been told to use no network, by us or by the user."""
    return bool(os.environ.get("PIP_NO_INDEX"))
