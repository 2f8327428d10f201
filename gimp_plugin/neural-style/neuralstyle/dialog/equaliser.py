"""The weights of the network's style layers as a row of upright sliders, from grain to large forms."""

from __future__ import annotations

from gi.repository import Gtk
from protocol.errors import Failure
from protocol.layers import layers_from_text, layers_to_text

from ..failures import explain
from ..i18n import _
from .context import Context

USUAL = {"conv1_1": 1.0, "conv2_1": 1.0, "conv3_1": 1.0, "conv4_1": 1.0, "conv5_1": 0.4}
"""What an empty text stands for."""
SHOWN = {
    "conv1_1": _("Colour"),
    "conv2_1": _("Grain"),
    "conv3_1": _("Strokes"),
    "conv4_1": _("Shapes"),
    "conv5_1": _("Forms"),
}
MOST = 2.0
HEIGHT = 96


class Equaliser:
    """One slider for each of the paper's layers; others that a script has named stay as they are."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sliders: dict[str, Gtk.Scale] = {}
        self._showing = False
        self.widget = Gtk.Box(homogeneous=True)
        for layer, name in SHOWN.items():
            self.widget.pack_start(self._column(layer, name), True, True, 0)
        context.follow(self._show, "style-layers")

    def _column(self, layer: str, name: str) -> Gtk.Widget:
        slider = Gtk.Scale.new_with_range(Gtk.Orientation.VERTICAL, 0.0, MOST, 0.1)
        slider.set_inverted(True)
        slider.set_digits(1)
        slider.set_size_request(-1, HEIGHT)
        slider.set_tooltip_text(
            _("{name} ({layer}): how much the picture takes after the style in this").format(name=name, layer=layer)
        )
        slider.get_accessible().set_name(name)
        slider.connect("value-changed", lambda _slider: self._write())
        self._sliders[layer] = slider
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        column.pack_start(slider, True, True, 0)
        column.pack_start(Gtk.Label(label=name), False, False, 0)
        return column

    def _layers(self) -> dict[str, float]:
        """The layers of the argument; the usual ones for an empty text, and for one that cannot be read."""
        try:
            layers = layers_from_text("style-layers", self._context.config.get_property("style-layers") or "")
        except Failure as failure:
            self._context.notice.tell("style-layers", explain(failure))
            return dict(USUAL)
        self._context.notice.tell("style-layers", None)
        return layers or dict(USUAL)

    def _show(self) -> None:
        layers = self._layers()
        self._showing = True
        for layer, slider in self._sliders.items():
            slider.set_value(layers.get(layer, 0.0))
        self._showing = False

    def _write(self) -> None:
        if self._showing:
            return
        layers = self._layers()
        for layer, slider in self._sliders.items():
            layers[layer] = round(slider.get_value(), 2)
        used = {layer: weight for layer, weight in layers.items() if weight > 0}
        text = "" if used == USUAL else layers_to_text(used)
        self._context.config.set_property("style-layers", text)
