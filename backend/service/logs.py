"""The backend's log: one file of a bounded size, in which each event is one line.

Only the supervisor's process writes it; what a worker prints comes through a pipe. Programs never get the file as their
standard output: nobody could stop them from filling the disk with it.
"""

from __future__ import annotations

import logging
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path

from backend.protocol.installation import private_folder, unusable

LOG_BYTES = 1_000_000
BACKUPS = 3
"""Older files that are kept, each of at most LOG_BYTES."""
MOST_CHARACTERS = 4000
"""What is kept of one event."""

log = logging.getLogger(__name__)


class OneLine(logging.Formatter):
    """An event, its traceback included, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        lines = (line.strip() for line in super().format(record).splitlines())
        return " | ".join(line for line in lines if line)[:MOST_CHARACTERS]


def start_logging(path: Path, quiet: bool = True, most: int = LOG_BYTES) -> None:
    """Log into a file, and unless `quiet` into the standard error too; a Failure if the file cannot be written."""
    private_folder(path.parent)
    try:
        file = RotatingFileHandler(path, maxBytes=most, backupCount=BACKUPS, encoding="utf-8", errors="replace")
    except OSError as error:
        raise unusable(path.parent, error) from None
    handlers: list[logging.Handler] = [file]
    if not quiet:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.captureWarnings(True)
    # A full disk is no reason to complain about it on every event.
    logging.raiseExceptions = False
    threading.excepthook = lambda about: log.error("in a thread", exc_info=about.exc_value)
