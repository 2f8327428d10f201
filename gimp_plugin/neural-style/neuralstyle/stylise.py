"""One run: the source and the style go to the backend, and a new layer comes of it."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gimp
from protocol.client import Backend, connect
from protocol.events import Done, Progress
from protocol.installation import Installation
from protocol.job import Job, Picture

from . import layers
from .failures import INSTALLATION, STOPPED, Refusal
from .i18n import _
from .sentences import sentence
from .settings import to_settings
from .source import Source
from .styles import read_styles, title


def stylise(source: Source, config: Gimp.ProcedureConfig, *, watched: bool) -> Gimp.Layer | None:
    """The new layer above the source, None if the user did not want it any more.

    With a user who watches, the layer is there from the start and a window tells how far it is; without one the image
    is not touched before the picture is finished.
    """
    job = Job(layers.read(source), read_styles(config), to_settings(config))
    name = _("{style} on {layer}").format(style=title(config), layer=source.layer.get_name())

    def backend() -> Backend:
        return connect(Installation.load(INSTALLATION), config.get_property("backend"))

    if watched:
        from .watched import paint

        return paint(source, job, backend, name, keep=config.get_property("keep-on-cancel"))
    return layers.add_above(source, _painted(job, backend), name)


def _painted(job: Job, connected: Callable[[], Backend]) -> Picture:
    """The finished picture, while GIMP's progress bar, where there is one, shows how far it is.

    The bar's Cancel button ends this process at once; the backend notices that and stops painting.
    """
    Gimp.progress_init(_("Neural Style"))
    Gimp.progress_pulse()
    try:
        with connected() as backend:
            for event in backend.submit(job).events():
                if isinstance(event, Done):
                    return event.picture
                if event is not None and (text := sentence(event)):
                    Gimp.progress_set_text(text)
                if isinstance(event, Progress):
                    Gimp.progress_update(event.fraction)
    finally:
        Gimp.progress_end()
    raise Refusal(STOPPED)
