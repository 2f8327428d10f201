"""From the procedure's arguments to the settings that the backend understands."""

from __future__ import annotations

from gi.repository import Gimp
from protocol.job import Settings
from protocol.layers import layers_from_text


def to_settings(config: Gimp.ProcedureConfig) -> Settings:
    """The job's settings as they stand in `config`; a Failure for layers that cannot be read."""
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
        keep_colours=get("keep-colors"),
        style_layers=layers_from_text("style-layers", get("style-layers") or ""),
        content_layers=layers_from_text("content-layers", get("content-layers") or ""),
    )
