"""The layers of the network that settings may name, and their weights, as a mapping and as a line of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import Failure

BLOCKS = (2, 2, 4, 4, 4)
"""The convolutions in each block of VGG-19."""
LAYERS = tuple(
    f"{kind}{block}_{index}"
    for block, count in enumerate(BLOCKS, 1)
    for index in range(1, count + 1)
    for kind in ("conv", "relu")
)
"""All names: `convB_I` is the response of a convolution, `reluB_I` the same after rectification."""
MOST = 1000.0
ALLOWED = (
    f"layers named conv1_1 to conv5_4 or relu1_1 to relu5_4 with weights from 0 to {MOST:g}, one of them above 0, "
    "for example conv1_1=1,conv3_1=0.5"
)


def check_layers(name: str, layers: Any) -> None:
    """Raise a Failure that names the setting `name` unless `layers` are layers with their weights."""
    good = isinstance(layers, dict) and all(layer in LAYERS and _is_weight(w) for layer, w in layers.items())
    if not good or not any(weight > 0 for weight in layers.values()):
        raise _refusal(name, layers)


def layers_from_text(name: str, text: str) -> dict[str, float] | None:
    """The layers of a text such as `conv1_1=1,conv2_1=0.5`, checked; None, the defaults, for an empty one.

    A layer without a weight weighs 1.
    """
    if not text.strip():
        return None
    layers: dict[str, float] = {}
    for part in text.split(","):
        layer, equals, weight = (piece.strip() for piece in part.partition("="))
        try:
            layers[layer] = float(weight) if equals else 1.0
        except ValueError:
            raise _refusal(name, text) from None
    if len(layers) != len(text.split(",")):
        raise _refusal(name, text)
    check_layers(name, layers)
    return layers


def layers_to_text(layers: Mapping[str, float] | None) -> str:
    """The text that `layers_from_text` reads as these layers."""
    return ",".join(f"{layer}={weight!r}" for layer, weight in (layers or {}).items())


def _is_weight(value: Any) -> bool:
    # A whole number from JSON can be larger than any float. NaN is never within.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MOST


def _refusal(name: str, value: Any) -> Failure:
    text = value if isinstance(value, str) else repr(value)
    return Failure("bad-setting", name=name, value=text if len(text) <= 100 else f"{text[:100]}…", allowed=ALLOWED)
