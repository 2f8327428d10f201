"""From what the engine has painted to what a client gets: previews, and the finished picture."""

from __future__ import annotations

from torch import Tensor

from backend.imaging.colour import luma
from backend.imaging.keep_colours import recoloured
from backend.imaging.pixels import colours, painted, preview
from backend.imaging.resize import resize
from backend.imaging.sizes import factor_for_area, scaled
from backend.protocol.job import Job, Picture
from backend.protocol.messages import CHUNK


class Finish:
    """The last touches to a job's pictures (1, 3, h, w)."""

    def __init__(self, job: Job, *, previews: bool) -> None:
        """Take the job before it is painted, when there is memory for its colours, and whether previews are wanted."""
        self._content = job.content
        self._keep = job.settings.keep_colours
        self._colours = _bounded(colours(job.content)).clamp(0, 1) if self._keep and previews else None

    def preview(self, picture: Tensor) -> Picture:
        """The picture so far as 8-bit RGB, small enough for one message."""
        small = _bounded(picture).float().cpu()
        if self._colours is not None:
            small = recoloured(luma(small), resize(self._colours, (small.shape[2], small.shape[3])).clamp(0, 1))
        return preview(small)

    def result(self, picture: Tensor) -> Picture:
        """The finished picture, of the content's kind and size."""
        return painted(picture, self._content, keep_colours=self._keep)


def _bounded(picture: Tensor) -> Tensor:
    size = (picture.shape[2], picture.shape[3])
    factor = factor_for_area(size, CHUNK / 3.1)
    return resize(picture, scaled(size, factor)) if factor < 1 else picture
