"""What a GIMP in a sandbox is allowed, and what only its user may decide (see backend/protocol/sandbox.py)."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path

from .places import find_flatpaks, find_gimps

SERVICE = "org.freedesktop.Flatpak"
"""What a Flatpak must be allowed to talk to, to have a program run outside."""
SYSTEM = Path("/var/lib/flatpak/overrides")


def advice() -> Iterator[str]:
    """The lines that tell the user of what a GIMP of theirs cannot do; none if it can do all."""
    for name in find_flatpaks():
        if not may_start(name):
            yield "Flatpak      GIMP's sandbox lets it use a backend, but not start one. Allow that once and for all:"
            yield f"             flatpak override --user --talk-name={SERVICE} {name}"
            yield "             or start it yourself each time before you paint: neural-style serve"
    if any(gimp.package == "Snap" for gimp in find_gimps()):
        yield "Snap         its confinement keeps GIMP from the backend: use another package of GIMP for this filter"


def may_start(name: str, user: Path | None = None, system: Path = SYSTEM) -> bool:
    """Whether a Flatpak has been allowed to run programs outside, by `flatpak override`."""
    own = (user or Path.home()) / ".local" / "share" / "flatpak" / "overrides"
    return any(_allows(folder / app) for folder in (own, system) for app in (name, "global"))


def _allows(file: Path) -> bool:
    policy = configparser.ConfigParser(interpolation=None, strict=False)
    policy.optionxform = str  # type: ignore[assignment,method-assign]  # names of services have capitals
    try:
        policy.read_string(file.read_text("utf-8"))
    except (OSError, configparser.Error):
        return False
    return policy.get("Session Bus Policy", SERVICE, fallback="") in ("talk", "own")
