"""Files as GIMP opens them, without the messages of its own that it would show beside the plug-in's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gimp, Gio


def open_quietly(file: Gio.File) -> Gimp.Image | None:
    """The file as an image, None if GIMP cannot open it; the caller says so in one sentence."""
    with _messages_on_the_console():
        return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)


@contextmanager
def _messages_on_the_console() -> Iterator[None]:
    usual = Gimp.message_get_handler()
    # With windows GIMP shows its messages in them: the console is what another run has chosen here, or left behind.
    if usual == Gimp.MessageHandlerType.CONSOLE and Gimp.default_display() is not None:
        usual = Gimp.MessageHandlerType.MESSAGE_BOX
    Gimp.message_set_handler(Gimp.MessageHandlerType.CONSOLE)
    try:
        yield
    finally:
        Gimp.message_set_handler(usual)
