"""What a job will take, told before it starts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from .events import duration
from .job import Job, Settings
from .messages import Message


@dataclass(frozen=True)
class Estimate:
    """The `seconds` a job takes once it is its turn, and the `bytes` of the whole process that paints it, at most."""

    seconds: float
    bytes: int

    @property
    def about_seconds(self) -> int:
        """The seconds as exactly as people say what they do not know exactly."""
        steps = ((20, 1), (60, 5), (600, 10), (36000, 60))
        step = next((step for below, step in steps if self.seconds < below), 300)
        return max(1, step * round(self.seconds / step))

    @property
    def time(self) -> str:
        """These seconds in words: `8 s`, `1 min 20 s`, `2 h 5 min`."""
        return duration(self.about_seconds).removesuffix(" 0 s").removesuffix(" 0 min")

    @property
    def memory(self) -> str:
        """The bytes as people say them: `0.8 GB`."""
        return f"{self.bytes / 1e9:.1f} GB"

    def text(self) -> str:
        """One short line for a dialog."""
        return f"about {self.time}, {self.memory}"

    @classmethod
    def from_wire(cls, values: Message) -> Estimate:
        """The estimate that a backend told."""
        return cls(float(values["seconds"]), int(values["bytes"]))


@dataclass(frozen=True)
class Outline:
    """A job without its pixels, which is all that an estimate needs.

    `width` and `height` are the content's, with its `channels` and `depth`; `styles` are the headers of the style
    pictures; without any, one is assumed that is just large enough.
    """

    width: int
    height: int
    settings: Settings = Settings()  # noqa: RUF009 (frozen)
    styles: Sequence[Message] = ()
    channels: int = 3
    depth: str = "u8"

    @classmethod
    def of(cls, job: Job) -> Outline:
        """The outline of a job."""
        content, styles = job.content, [style.picture.header for style in job.styles]
        return cls(content.width, content.height, job.settings, styles, content.channels, content.depth)

    def question(self) -> Message:
        """The message that asks for the estimate."""
        content = {"width": self.width, "height": self.height, "channels": self.channels, "depth": self.depth}
        about = {"content": content, "styles": list(self.styles), "settings": self.settings.to_wire()}
        return {"type": "estimate", "request": uuid.uuid4().hex, **about}
