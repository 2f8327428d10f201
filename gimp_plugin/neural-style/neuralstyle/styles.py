"""The styles that a layer is painted in: one or several, from files or from an open image, each with a weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gi.repository import Gimp, Gio
from protocol.job import Picture, Style, check_style_count, check_style_weight

from .failures import Refusal
from .i18n import _
from .style import read_layer, read_style, stem


@dataclass(frozen=True)
class Chosen:
    """A style as it was chosen, before its pixels are read: a file, or a layer of an open image."""

    place: Gio.File | Gimp.Drawable
    weight: float = 1.0

    @property
    def name(self) -> str:
        """The file's name without its ending, or the layer's."""
        name: str = stem(self.place) if isinstance(self.place, Gio.File) else self.place.get_name()
        return name

    def read(self) -> Picture:
        """Its pixels; raises Refusal or Failure."""
        return read_style(self.place) if isinstance(self.place, Gio.File) else read_layer(self.place)


def chosen_styles(config: Gimp.ProcedureConfig) -> tuple[Chosen, ...]:
    """All styles of the arguments, the first one first; raises Refusal or Failure if one of them cannot be meant."""
    first = config.get_property("style-layer") or config.get_property("style-file")
    more = parse_styles(config.get_property("more-styles") or "")
    if first is None:
        if more:
            return more
        raise Refusal(_("No style picture is chosen. Choose the picture whose style the layer is to be painted in."))
    return (Chosen(first, config.get_property("style-weight")), *more)


def read_styles(config: Gimp.ProcedureConfig) -> tuple[Style, ...]:
    """The styles with their pixels; raises Refusal or Failure."""
    chosen = chosen_styles(config)
    check_style_count(len(chosen))
    return tuple(Style(style.read(), style.weight) for style in chosen)


def title(config: Gimp.ProcedureConfig) -> str:
    """What the styles are called together: `starry_night`, or `starry_night + the_wave`."""
    return " + ".join(style.name for style in chosen_styles(config))


def parse_styles(text: str) -> tuple[Chosen, ...]:
    """The styles of the argument more-styles: in each line a weight, a tab, and a path or URI."""
    return tuple(_parse_style(line) for line in text.splitlines() if line.strip())


def format_styles(styles: Sequence[Chosen]) -> str:
    """The text from which `parse_styles` makes these styles; they must be files."""
    return "\n".join(f"{style.weight:g}\t{style.place.get_parse_name()}" for style in styles)


def _parse_style(line: str) -> Chosen:
    weight, tab, place = line.partition("\t")
    try:
        number = float(weight)
    except ValueError:
        number = -1.0
    if not tab or not place.strip() or number <= 0:
        raise Refusal(
            _(
                "The further styles have a line that cannot be read: {line}. "
                "Write a weight above 0, a tab, and the path or URI of a picture."
            ).format(line=line)
        )
    check_style_weight(number)
    return Chosen(Gio.File.parse_name(place.strip()), number)
