"""What a running job reports to its client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .job import Picture


@dataclass(frozen=True)
class Queued:
    """The job waits; `position` jobs are before it."""

    position: int


@dataclass(frozen=True)
class Progress:
    """How far the job is.

    `stage` is loading, downloading or painting; `scale` counts from 1; `step` counts all steps of all scales;
    `fraction` is 0..1; `losses` has content, style and total; `seconds_left` is None while unknown.
    """

    stage: str
    scale: int = 0
    scales: int = 0
    step: int = 0
    steps: int = 0
    fraction: float = 0.0
    losses: dict[str, float] | None = None
    seconds_left: float | None = None

    @property
    def whole_seconds_left(self) -> int | None:
        """The seconds left as they are told; None while unknown, and in the last half second."""
        return None if self.seconds_left is None else round(self.seconds_left) or None

    def text(self) -> str:
        """One short line for a progress bar."""
        if self.stage == "downloading":
            return f"Downloading the VGG-19 weights, {self.fraction:.0%}"
        if self.stage != "painting":
            return "Preparing"
        left = f", {duration(seconds)} left" if (seconds := self.whole_seconds_left) else ""
        return f"Painting: scale {self.scale} of {self.scales}, {self.fraction:.0%}{left}"

    @classmethod
    def from_wire(cls, values: dict[str, Any]) -> Progress:
        """Progress from a peer's JSON values; unknown names are ignored."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})


@dataclass(frozen=True)
class Preview:
    """The picture so far, at most the working size, as 8-bit RGB or RGBA."""

    picture: Picture


@dataclass(frozen=True)
class Cancelling:
    """The backend has heard the cancel; the job ends when the step that is being taken is over."""


@dataclass(frozen=True)
class Done:
    """The end of a job that went well; the picture has the size, channels, depth and alpha of the content.

    `seconds` is how long it was worked on, without the wait for its turn and the way of its pixels.
    """

    picture: Picture
    seconds: float = 0.0


@dataclass(frozen=True)
class Cancelled:
    """The end of a job that its client cancelled."""


Event = Queued | Progress | Preview | Cancelling | Done | Cancelled


def duration(seconds: float) -> str:
    """Seconds as people say them: `8 s`, `1 min 20 s`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
