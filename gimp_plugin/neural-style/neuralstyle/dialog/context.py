"""What every part of the dialog works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gi.repository import Gimp, GLib, GObject

from ..source import Source

if TYPE_CHECKING:
    from .notice import Notice

SPACING = 12
GAP = 6


@dataclass(frozen=True)
class Context:
    """The procedure with its arguments' texts, the values chosen so far, the layer, and where to say what is wrong."""

    procedure: Gimp.Procedure
    config: Gimp.ProcedureConfig
    source: Source
    notice: Notice

    def label(self, name: str) -> str:
        """The argument's label, with its mnemonic."""
        text: str = self._argument(name).get_nick()
        return text

    def tip(self, name: str) -> str:
        """What the argument does to the picture."""
        text: str = self._argument(name).get_blurb()
        return text

    def _argument(self, name: str) -> GObject.ParamSpec:
        return self.procedure.find_argument(name) or self.procedure.find_aux_argument(name)

    def follow(self, act: Callable[[], None], *names: str) -> None:
        """Act now and whenever one of the arguments, or any of them if none is named, has changed."""
        for name in names or ("",):
            self.config.connect(f"notify::{name}" if name else "notify", lambda *_: act())
        act()


class Delay:
    """Acts once a while after the last of several calls, so that a slider being dragged does not ask for it all."""

    def __init__(self, act: Callable[[], Any], milliseconds: int = 300) -> None:
        self._act = act
        self._milliseconds = milliseconds
        self._source = 0

    def __call__(self) -> None:
        """Act later, and not for earlier calls."""
        self.cancel()
        self._source = GLib.timeout_add(self._milliseconds, self._run)

    def cancel(self) -> None:
        """Do not act any more for what was called so far."""
        if self._source:
            GLib.source_remove(self._source)
            self._source = 0

    def _run(self) -> bool:
        self._source = 0
        self._act()
        return bool(GLib.SOURCE_REMOVE)
