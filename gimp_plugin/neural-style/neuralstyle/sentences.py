"""What the user reads before and while a picture is painted."""

from __future__ import annotations

from protocol.estimate import Estimate
from protocol.events import Event, Progress, Queued

from .i18n import _


def sentence(event: Event) -> str | None:
    """How far the job is, in a line; None if the event tells nothing of that."""
    if isinstance(event, Queued):
        if event.position:
            return _("Waiting for its turn; pictures painted before it: {count}").format(count=event.position)
        return _("Getting ready")
    if not isinstance(event, Progress):
        return None
    percent = int(event.fraction * 100)
    if event.stage == "downloading":
        return _("Downloading the weights of the network: {percent}%").format(percent=percent)
    if event.stage != "painting":
        return _("Getting ready")
    values = {"scale": event.scale, "scales": event.scales, "percent": percent}
    if event.whole_seconds_left is None:
        return _("Painting, scale {scale} of {scales}: {percent}%").format(**values)
    left = duration(event.whole_seconds_left)
    return _("Painting, scale {scale} of {scales}: {percent}%, about {left} left").format(left=left, **values)


def cost(estimate: Estimate) -> str:
    """What a picture will take: `about 1 min 20 s, 0.8 GB`."""
    whole, tenth = divmod(round(estimate.bytes / 1e8), 10)
    # Translators: a number with your decimal sign, such as 0.8 GB
    memory = _("{whole}.{tenth} GB").format(whole=whole, tenth=tenth)
    return _("about {time}, {memory}").format(time=duration(estimate.about_seconds), memory=memory)


def duration(seconds: float) -> str:
    """Seconds as people say them: `8 s`, `1 min 20 s`, `2 min`, `2 h 5 min`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours and minutes:
        text = _("{hours} h {minutes} min")
    elif hours:
        text = _("{hours} h")
    elif minutes and rest:
        text = _("{minutes} min {seconds} s")
    else:
        text = _("{minutes} min") if minutes else _("{seconds} s")
    return text.format(hours=hours, minutes=minutes, seconds=rest)
