"""From the procedure's arguments to the settings that the backend understands."""

from __future__ import annotations

from gi.repository import Gimp
from protocol.job import Settings


def to_settings(config: Gimp.ProcedureConfig) -> Settings:
    """The job's settings as they stand in `config`; what the procedure's own types let through may still be wrong."""
    get = config.get_property
    return Settings(
        preset=get("preset"),
        size=get("size"),
        style_strength=get("style-strength"),
        stroke_size=get("stroke-size"),
        steps=get("steps") or None,
        seed=get("seed"),
        device=get("device"),
        init=get("init"),
        optimiser=get("optimiser"),
        pooling=get("pooling"),
        smoothness=get("smoothness"),
    )
