"""Clients in a sandbox: a Flatpak, which sees the user's files but another system, and a Snap, which sees neither.

The backend's Python belongs to the system outside, so it cannot be run inside, where another /usr is. A Flatpak that
is allowed to asks for it to be run outside, through `flatpak-spawn`; the socket and the locks, being files in the
user's folder, then work as they always do.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import Failure

FLATPAK_INFO = Path("/.flatpak-info")
"""What every Flatpak finds at its root, and nobody else."""
SPAWN = "flatpak-spawn"
REFUSED = ("org.freedesktop.Flatpak", "org.freedesktop.DBus")
"""What `flatpak-spawn` names when it is not allowed to run anything outside."""


def flatpak() -> str | None:
    """The name of the Flatpak that this process is in, or None."""
    info = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        info.read_string(FLATPAK_INFO.read_text("utf-8"))
        return info.get("Application", "name", fallback="org.gimp.GIMP")
    except (OSError, configparser.Error):
        return None


def outside(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> list[str]:
    """The command by which a Flatpak has another one run outside, in that folder and with those variables added."""
    named = [f"--env={name}={value}" for name, value in variables.items()]
    return [SPAWN, "--host", f"--directory={folder}", *named, *command]


def refusal(app: str, said: str) -> Failure | None:
    """The failure of a Flatpak that may not run anything outside, if that is what `flatpak-spawn` said."""
    return Failure("flatpak-may-not-start", app=app) if any(name in said for name in REFUSED) else None


def check_entry(home: Path) -> None:
    """A Failure if this process may not look into the home folder, as a Snap may not into a hidden one."""
    try:
        with os.scandir(home):
            return
    except PermissionError as error:
        if os.environ.get("SNAP"):
            raise Failure("snap-confined", path=home) from None
        raise Failure("folder", path=home, reason=error.strerror or error) from None
    except OSError:
        return  # not there, which is another failure's to say
