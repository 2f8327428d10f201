"""From the procedure's arguments to an entry of the history, and back."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from gi.repository import Gimp, Gio, GLib
from protocol.errors import Failure

from .failures import Refusal
from .history import Entry
from .library import Library, library_folder
from .styles import Chosen, chosen_styles

STYLES = ("style-file", "style-layer", "style-weight", "more-styles")
"""The arguments that an entry has as its styles."""
NO_SETTINGS = ("run-mode", "image", "drawables", *STYLES)


def remember(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig) -> None:
    """Put a run that ended well into the history; nothing if it cannot be written, or its style layer has gone."""
    library = Library(library_folder())
    with suppress(OSError, GLib.Error, Refusal, Failure):
        styles = tuple((_file(style, library).get_uri(), style.weight) for style in chosen_styles(config))
        usual = defaults(procedure)
        values = {name: config.get_property(name) for name in usual}
        changed = {name: value for name, value in values.items() if value not in (None, usual[name])}
        library.history.add(Entry(styles, changed, time.time()))


def values_of(entry: Entry, procedure: Gimp.Procedure) -> dict[str, Any]:
    """What every argument but the styles was in that run, in the order of the dialog."""
    values = {name: (entry.arguments.get(name, usual), usual) for name, usual in defaults(procedure).items()}
    # The entry may come from another version, or be damaged.
    return {name: value if type(value) is type(usual) else usual for name, (value, usual) in values.items()}


def defaults(procedure: Gimp.Procedure) -> dict[str, Any]:
    """The arguments that are settings and no styles, in the order of the dialog."""
    config = procedure.create_config()
    names = (argument.get_name() for argument in procedure.get_arguments())
    return {name: config.get_property(name) for name in names if name not in NO_SETTINGS}


def _file(style: Chosen, library: Library) -> Gio.File:
    """The style's file; a copy of what is a layer, since no layer is the same in another run."""
    if isinstance(style.place, Gio.File):
        return style.place
    return library.keep(style.read(), style.name)
