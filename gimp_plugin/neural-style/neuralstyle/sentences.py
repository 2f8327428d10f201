"""What the user reads while a picture is painted."""

from __future__ import annotations

from protocol.events import Event, Progress, Queued

from .i18n import _


def sentence(event: Event) -> str | None:
    """How far the job is, in a line; None if the event tells nothing of that."""
    if isinstance(event, Queued):
        if event.position:
            return _("Waiting for its turn; before it: {count}").format(count=event.position)
        return _("Getting ready")
    if not isinstance(event, Progress):
        return None
    percent = int(event.fraction * 100)
    if event.stage == "downloading":
        return _("Downloading the weights of the network: {percent}%").format(percent=percent)
    if event.stage != "painting":
        return _("Getting ready")
    values = {"scale": event.scale, "scales": event.scales, "percent": percent}
    if event.seconds_left is None:
        return _("Painting, scale {scale} of {scales}: {percent}%").format(**values)
    left = duration(event.seconds_left)
    return _("Painting, scale {scale} of {scales}: {percent}%, about {left} left").format(left=left, **values)


def duration(seconds: float) -> str:
    """Seconds as people say them: `8 s`, `1 min 20 s`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return _("{seconds} s").format(seconds=whole)
    if whole < 3600:
        return _("{minutes} min {seconds} s").format(minutes=whole // 60, seconds=whole % 60)
    return _("{hours} h {minutes} min").format(hours=whole // 3600, minutes=whole % 3600 // 60)
