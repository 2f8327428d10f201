"""From an exception to the one sentence, with its remedy, that the user reads."""

from __future__ import annotations

import tempfile
import time
import traceback
from pathlib import Path

PLUG_IN = Path(__file__).resolve().parent.parent
INSTALLATION = PLUG_IN / "installation.json"


class Refusal(Exception):
    """What the plug-in does not do, as a sentence with the remedy."""


def explain(error: Exception) -> str:
    """The text for the user; the details of an error that nobody foresaw go to a log file."""
    if isinstance(error, Refusal):
        return str(error)
    if isinstance(error, ImportError):
        return (
            f"The Neural Style plug-in is not completely installed ({error}). "
            "Run `python3 install.py` from the Neural Style folder and restart GIMP."
        )
    from protocol.errors import Failure

    if isinstance(error, Failure):
        return str(error)
    return (
        f"Neural Style stopped because of an unexpected {type(error).__name__}. "
        f"Try again; the details are in {_write_log(error)}."
    )


def _write_log(error: Exception) -> Path:
    """Append the traceback to the plug-in's log in the installation's home, or in the temporary folder."""
    entry = time.strftime("%Y-%m-%d %H:%M:%S ") + "".join(traceback.format_exception(error))
    for log in _log_files():
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "a", encoding="utf-8") as file:
                file.write(entry)
        except OSError:
            continue
        return log
    return log


def _log_files() -> list[Path]:
    from protocol.errors import Failure
    from protocol.installation import Installation

    fallback = Path(tempfile.gettempdir()) / "neural-style-plug-in.log"
    try:
        return [Installation.load(INSTALLATION).home / "log" / "plug-in.log", fallback]
    except Failure:
        return [fallback]
