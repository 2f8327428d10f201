"""From an exception to the one sentence, with its remedy, that the user reads."""

from __future__ import annotations

import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from .i18n import _

if TYPE_CHECKING:
    from protocol.errors import Failure

PLUG_IN = Path(__file__).resolve().parent.parent
INSTALLATION = PLUG_IN / "installation.json"
PHRASES = {
    # Translators: this and the next one stand for {role} in "The {role} picture …"
    "content": _("content"),
    "style": _("style"),
    "it belongs to another user": _("it belongs to another user"),
    "other users can write into it": _("other users can write into it"),
}
"""Words that the protocol puts into its sentences."""
STOPPED = _("The backend was told to stop before the picture was finished. Run the filter again.")


class Refusal(Exception):
    """What the plug-in does not do, as a sentence with the remedy."""


def explain(error: Exception) -> str:
    """The text for the user; the details of an error that nobody foresaw go to a log file."""
    if isinstance(error, Refusal):
        return str(error)
    if isinstance(error, ImportError):
        return _(
            "The Neural Style plug-in is not completely installed ({error}). "
            "Run `python3 install.py` from the Neural Style folder and restart GIMP."
        ).format(error=error)
    from protocol.errors import Failure

    if isinstance(error, Failure):
        return _translated(error)
    return _("Neural Style stopped because of an unexpected {error}. Try again; the details are in {log}.").format(
        error=type(error).__name__, log=_write_log(error)
    )


def _translated(failure: Failure) -> str:
    """The failure in the user's language; in English where the backend has not told what it was made from."""
    from protocol.errors import ERRORS, TOLD_FROM_AFAR

    details = {name: PHRASES.get(value, value) for name, value in failure.details.items()}
    try:
        sentence, remedy = (_(text).format(**details) for text in ERRORS[failure.code])
    except KeyError:
        return str(failure)
    if failure.told_by is not None:
        sentence = _(TOLD_FROM_AFAR).format(address=failure.told_by, sentence=sentence)
    return f"{sentence} {remedy}"


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
