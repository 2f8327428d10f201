"""One painting: the source and the style go to the backend, progress comes back, and a new layer is made."""

from __future__ import annotations

from gi.repository import Gimp
from protocol.client import connect
from protocol.events import Done, Progress, Queued
from protocol.installation import Installation
from protocol.job import Job, Picture

from . import layers
from .failures import INSTALLATION, Refusal
from .settings import to_settings
from .source import Source
from .styles import read_styles, title


def stylise(source: Source, config: Gimp.ProcedureConfig) -> Gimp.Layer:
    """The new layer above the source; the image is not touched before the picture is finished."""
    job = Job(layers.read(source), read_styles(config), to_settings(config))
    picture = _painted(job, config.get_property("backend"))
    return layers.add_above(source, picture, f"{title(config)} on {source.layer.get_name()}")


def _painted(job: Job, where: str | None) -> Picture:
    """The finished picture, while GIMP's progress bar shows how far it is.

    The bar's Cancel button ends this process at once; the backend notices that and stops painting.
    """
    Gimp.progress_init("Starting Neural Style")
    Gimp.progress_pulse()
    try:
        with connect(Installation.load(INSTALLATION), where) as backend:
            for event in backend.submit(job).events():
                if isinstance(event, Done):
                    return event.picture
                _show(event)
    finally:
        Gimp.progress_end()
    raise Refusal("The backend was told to stop before the picture was finished. Run the filter again.")


def _show(event: object) -> None:
    if isinstance(event, Queued) and event.position:
        Gimp.progress_set_text(f"Waiting, {event.position} before this one")
    elif isinstance(event, Progress):
        Gimp.progress_set_text(event.text())
        Gimp.progress_update(event.fraction)
