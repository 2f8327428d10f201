"""A job as one value: the content, the styles with their weights, and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .errors import Failure
from .layers import check_layers

PRESETS = ("draft", "normal", "high", "full")
FULL_SIZES = ("detail", "paint")
DEVICES = ("auto", "cpu", "cuda", "mps")
INITS = ("content", "noise", "mixed")
OPTIMISERS = ("lbfgs", "adam")
POOLINGS = ("average", "max")
BYTES = {"u8": 1, "u16": 2, "f32": 4}
CHANNELS = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}

MIN_SIDE = 16
MAX_PIXELS = 400_000_000
MAX_SIDE = 524_288  # what GIMP itself allows
MAX_STYLES = 16


@dataclass(frozen=True)
class Picture:
    """Pixels in packed rows, sRGB-encoded, alpha not premultiplied, native byte order.

    `depth` is u8 (0..255), u16 (0..65535) or f32 (0..1, values outside are allowed);
    `channels` is 1 (Y), 2 (YA), 3 (RGB) or 4 (RGBA).
    """

    width: int
    height: int
    channels: int
    depth: str
    pixels: bytes | memoryview = field(repr=False)

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4)

    @property
    def header(self) -> dict[str, Any]:
        """The shape of the picture as JSON values, without its pixels."""
        return {"width": self.width, "height": self.height, "channels": self.channels, "depth": self.depth}

    @property
    def nbytes(self) -> int:
        """The number of bytes that the shape asks for."""
        return picture_bytes(self.header)

    def check(self, role: str) -> None:
        """Raise a Failure that names the `role` if the picture cannot be worked on."""
        check_header(self.header, role)
        if len(self.pixels) != self.nbytes:
            raise Failure("bad-picture", role=role, reason="its pixels do not match its size")


def picture_bytes(header: Mapping[str, Any]) -> int:
    """The bytes of a picture whose header has passed `check_header`."""
    return int(header["width"]) * int(header["height"]) * int(header["channels"]) * BYTES[header["depth"]]


def check_header(header: Mapping[str, Any], role: str) -> None:
    """Raise a Failure unless the header describes a picture of a kind and size that is accepted."""
    width, height = header.get("width"), header.get("height")
    if type(width) is not int or type(height) is not int:
        raise Failure("bad-picture", role=role, reason="its size is not given in whole numbers")
    if type(header.get("channels")) is not int or header["channels"] not in CHANNELS:
        raise Failure("bad-picture", role=role, reason=f"{header.get('channels')!r} channels are not known")
    if not isinstance(header.get("depth"), str) or header["depth"] not in BYTES:
        raise Failure("bad-picture", role=role, reason=f"the depth {header.get('depth')!r} is not known")
    if min(width, height) < MIN_SIDE:
        raise Failure("too-small", role=role, width=width, height=height, least=MIN_SIDE)
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise Failure("too-large", role=role, width=width, height=height, most=MAX_PIXELS // 1_000_000)


@dataclass(frozen=True)
class Style:
    """A style picture and its weight among several."""

    picture: Picture
    weight: float = 1.0


@dataclass(frozen=True)
class Settings:
    """How the picture is to be painted; None means what the preset says.

    `size` is the long side in pixels that is worked at; `style_strength` multiplies the weight of the
    style (1 is balanced); `stroke_size` multiplies the size of the strokes, as far as the style picture has the
    pixels for it; `steps` is the number of optimisation steps over all scales up to `size`; `weights` is `original`,
    `torchvision` or a file's path; `full_size` is how the result gets to the size of a layer larger than `size`:
    `detail` enlarges it with the layer's own detail, `paint` goes on painting with a few further steps at larger
    scales; `memory_limit` is what the whole worker process may take, in GB of 10⁹ bytes, None for all that is free;
    `keep_colours` takes only light and dark from the style, and the colours from the content; `style_layers` and
    `content_layers` are layers of the network with their weights relative to each other, which leave the strength to
    `style_strength`; None is what was chosen by looking.
    """

    preset: str = "normal"
    size: int = 512
    style_strength: float = 1.0
    steps: int | None = None
    seed: int = 0
    device: str = "auto"
    weights: str = "original"
    init: str = "content"
    optimiser: str = "lbfgs"
    pooling: str = "average"
    smoothness: float = 1.0
    stroke_size: float = 1.0
    full_size: str | None = None
    memory_limit: float | None = None
    keep_colours: bool = False
    style_layers: Mapping[str, float] | None = field(default=None, hash=False)
    content_layers: Mapping[str, float] | None = field(default=None, hash=False)

    def check(self) -> None:
        """Raise a Failure that names the first setting that is not allowed."""
        _one_of("preset", self.preset, PRESETS)
        _one_of("device", self.device, DEVICES)
        _one_of("init", self.init, INITS)
        _one_of("optimiser", self.optimiser, OPTIMISERS)
        _one_of("pooling", self.pooling, POOLINGS)
        if self.full_size is not None:
            _one_of("full_size", self.full_size, FULL_SIZES)
        _whole("size", self.size, 64, 16384)
        _number("style_strength", self.style_strength, 0.01, 100.0)
        _number("smoothness", self.smoothness, 0.0, 100.0)
        _number("stroke_size", self.stroke_size, 0.25, 4.0)
        if self.memory_limit is not None:
            _number("memory_limit", self.memory_limit, 0.5, 4096.0)
        if type(self.keep_colours) is not bool:
            raise Failure("bad-setting", name="keep_colours", value=repr(self.keep_colours), allowed="true or false")
        for name in ("style_layers", "content_layers"):
            if getattr(self, name) is not None:
                check_layers(name, getattr(self, name))
        _whole("seed", self.seed, 0, 2**31 - 1)
        if self.steps is not None:
            _whole("steps", self.steps, 1, 100_000)
        if not isinstance(self.weights, str) or not 0 < len(self.weights) <= 4096:
            raise Failure("bad-setting", name="weights", value=self.weights, allowed="original, torchvision or a file")

    def to_wire(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)

    @classmethod
    def from_wire(cls, values: Mapping[str, Any]) -> Settings:
        """Checked settings from JSON values; unknown names are ignored, so that newer clients are served."""
        known = {f.name for f in fields(cls)}
        settings = cls(**{name: value for name, value in values.items() if name in known})
        settings.check()
        return settings


@dataclass(frozen=True)
class Job:
    """Everything the backend needs to paint one picture."""

    content: Picture
    styles: tuple[Style, ...]
    settings: Settings = Settings()

    def check(self) -> None:
        """Raise a Failure if any part of the job is not allowed."""
        self.settings.check()
        self.content.check("content")
        check_style_count(len(self.styles))
        for style in self.styles:
            style.picture.check("style")
            _number("style weight", style.weight, 0.0, 1000.0)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The content, then the styles: the order in which pixels travel."""
        return (self.content, *(style.picture for style in self.styles))

    def to_wire(self) -> dict[str, Any]:
        """The job as JSON values, without pixels."""
        return {
            "content": self.content.header,
            "styles": [{**style.picture.header, "weight": style.weight} for style in self.styles],
            "settings": self.settings.to_wire(),
        }


def check_style_count(count: int) -> None:
    """Raise a Failure unless a job may have this many styles."""
    if not 1 <= count <= MAX_STYLES:
        raise Failure("bad-setting", name="styles", value=count, allowed=f"1 to {MAX_STYLES} style pictures")


def check_style_weight(weight: Any) -> None:
    """Raise a Failure unless `weight` may be a style's weight."""
    _number("style weight", weight, 0.0, 1000.0)


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise Failure("bad-setting", name=name, value=repr(value), allowed=", ".join(allowed))


def _whole(name: str, value: Any, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise Failure("bad-setting", name=name, value=repr(value), allowed=f"a whole number from {least} to {most}")


def _number(name: str, value: Any, least: float, most: float) -> None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Compared as it is: a whole number from JSON can be larger than any float. NaN is never within.
    if not good or not least <= value <= most:
        raise Failure("bad-setting", name=name, value=repr(value), allowed=f"a number from {least:g} to {most:g}")
