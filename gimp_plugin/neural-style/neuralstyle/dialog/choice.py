"""The chosen styles, as the arguments have them: read from the config, and written to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gi.repository import Gio

from ..failures import Refusal, explain
from ..styles import Chosen, chosen_styles, format_styles
from .context import Context

ARGUMENTS = ("style-file", "style-layer", "style-weight", "more-styles")


class Choice:
    """The list of styles; the first one is the arguments' own, the further ones are lines of more-styles."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._writing = False
        self._act: list[Callable[[], None]] = []

    @property
    def styles(self) -> tuple[Chosen, ...]:
        """What is chosen; empty if nothing is, or if what a script wrote cannot be read."""
        try:
            styles = chosen_styles(self._context.config)
        except Refusal as refusal:
            get = self._context.config.get_property
            nothing = not (get("style-file") or get("style-layer") or get("more-styles"))
            self._context.notice.tell("styles", None if nothing else explain(refusal))
            return ()
        self._context.notice.tell("styles", None)
        return styles

    def follow(self, act: Callable[[], None]) -> None:
        """Act now, and whenever other styles are chosen, or other weights."""
        self._act.append(act)
        self._context.follow(lambda: None if self._writing else act(), *ARGUMENTS)

    def choose(self, file: Gio.File) -> None:
        """Paint in this style instead of the first one."""
        self.write((Chosen(file, self.styles[0].weight if self.styles else 1.0), *self.styles[1:]))

    def add(self, file: Gio.File) -> None:
        """Paint in this style too."""
        self.write((*self.styles, Chosen(file)))

    def remove(self, index: int) -> None:
        """Do without a style."""
        self.write(self.styles[:index] + self.styles[index + 1 :])

    def weigh(self, index: int, weight: float) -> None:
        """Give a style another weight."""
        styles = list(self.styles)
        styles[index] = replace(styles[index], weight=weight)
        self.write(styles)

    def write(self, styles: Sequence[Chosen]) -> None:
        """Have the arguments say just these styles, and tell those who follow once."""
        first = styles[0] if styles else None
        file = first.place if first is not None and isinstance(first.place, Gio.File) else None
        layer = first.place if first is not None and file is None else None
        self._writing = True
        try:
            config = self._context.config
            config.set_property("style-layer", layer)
            config.set_property("style-file", file)
            config.set_property("style-weight", first.weight if first is not None and len(styles) > 1 else 1.0)
            config.set_property("more-styles", format_styles(styles[1:]))
        finally:
            self._writing = False
        for act in self._act:
            act()
