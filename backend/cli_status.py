"""What `neural-style status` prints: the backend's answer in people's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from backend.protocol.events import duration


def lines(status: Mapping[str, Any]) -> Iterator[str]:
    """A line for each thing that the backend told; what this version does not know is shown as it is."""
    for name, value in status.items():
        if name == "jobs":
            yield from (f"job: {_job(about)}" for about in value)
        elif name != "type":
            yield f"{name}: {_value(name, value)}"


def _job(about: Mapping[str, Any]) -> str:
    picture = f"{about['width']} x {about['height']} pixels at size {about['size']}"
    return f"{picture}, preset {about['preset']}, {about['fraction']:.0%} done"


def _value(name: str, value: Any) -> str:
    if value is None or value == []:
        return "-"
    if name == "memory":
        return f"{value / 1e9:.1f} GB"
    if name == "uptime":
        return duration(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
