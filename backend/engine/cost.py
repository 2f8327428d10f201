"""How long a picture takes to paint, told from how fast the device was seen to be.

Plain arithmetic, so that it can be asked while the device works on something else. A step's time is a line over the
pixels that it computes; so is the time to prepare a scale: the content's features, the styles' statistics, and the
first evaluation. Both lines are measured (`service.calibration`): nothing here depends on how a step is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from backend.engine.layers import Taps, halo, multiplications, values
from backend.engine.regions import Span, tiles
from backend.engine.schedule import exact_steps
from backend.engine.settings import TAPS, Scale
from backend.imaging.sizes import Size

HALO_SHARE = 46 / 70
"""The pixels of its surroundings that a tile computes on each side, as a share of those that it reads: on the way to
conv5_1 it is 70 at the first layer, less at every deeper one, and 46 on average, each taken by its multiplications."""
FORWARD = 0.4
"""The share of an evaluation that the way forward needs: the first pass over several tiles adds it, and the last step
at a scale, of which only the loss is wanted, takes no more. With `HALO_SHARE`, tiles of 256 px make 512 x 512 cost 1.95
and 512 x 341 2.1 times the whole, tiles of 128 px 3.4 and 3.3 times; 1.8, 2.3, 3.2 and 3.6 times were measured."""
SEEN = 1150
"""Multiplications that take as long as looking at one value of a layer: its loss and gradient."""
REST = 63_000
"""Multiplications for each pixel that take as long as what no layer changes: the optimiser and the smoothness. With
both, steps with five other sets of layers are told to take 0.38, 0.54, 0.50, 1.05 and 1.42 times those with the usual
one; 0.38, 0.40, 0.42, 1.11 and 1.40 were measured."""
STYLE = 0.27
"""The style's share of the time that a scale takes to prepare, where it has the content's area."""


@dataclass(frozen=True)
class Line:
    """Seconds as a line over pixels: `fixed` whatever their number, and `rate` for each."""

    fixed: float
    rate: float

    def at(self, pixels: float, times: float = 1) -> float:
        """The seconds for so many pixels that are worked on in so many pieces."""
        return times * self.fixed + self.rate * pixels


@dataclass(frozen=True)
class Speed:
    """What a device was seen to need, in seconds.

    `step` and `setup` are those of a scale, over its pixels; `layer` is for each pixel of the layer and the styles,
    which are decoded, resampled and encoded; `loading` is for the network. `step` and `setup` are with the reduced
    network, an exact step takes `exact` times as long, and `reduction` is for each picture that the network is reduced
    to; 0 if it is not reduced on this device, and all steps are alike. The direct convolutions of tiles take `direct`
    times as long as the usual ones. `factor` multiplies all of it: it is what later jobs taught about the measurements.
    """

    step: Line
    setup: Line
    layer: float
    loading: float
    exact: float = 1.0
    direct: float = 1.0
    reduction: float = 0.0
    factor: float = 1.0


def fit(points: Sequence[tuple[float, float]]) -> Line:
    """The line through (pixels, seconds), all above 0, with the least relative errors; neither part is negative."""
    # Divided by the seconds, the line is fixed * u + rate * v = 1 for each point.
    us, vs = [1 / s for _, s in points], [p / s for p, s in points]
    uu, vv = sum(u * u for u in us), sum(v * v for v in vs)
    uv = sum(u * v for u, v in zip(us, vs, strict=True))
    fixed, rate, area = sum(us) * vv - sum(vs) * uv, sum(vs) * uu - sum(us) * uv, uu * vv - uv * uv
    if area <= 1e-9 * uu * vv or fixed < 0:
        return Line(0, sum(vs) / vv)
    if rate < 0:
        return Line(sum(us) / uu, 0)
    return Line(fixed / area, rate / area)


def seconds(
    speed: Speed,
    schedule: Sequence[Scale],
    tile: int,
    layer_pixels: int,
    styles: Sequence[int] = (),
    style_size: float = 1.0,
    taps: Taps = TAPS,
) -> float:
    """The seconds a job takes with a network that is loaded; see `timeline`."""
    return timeline(speed, schedule, tile, layer_pixels, styles, style_size, taps)[-1]


def timeline(
    speed: Speed,
    schedule: Sequence[Scale],
    tile: int,
    layer_pixels: int,
    styles: Sequence[int] = (),
    style_size: float = 1.0,
    taps: Taps = TAPS,
) -> list[float]:
    """How many seconds after its begin each step of a job is over and, at last, the job, with a network that is loaded.

    `tile` is the longest side of a tile; `styles` are the pixels of each style picture, of which an unknown one is
    taken to have as many as are wanted. `taps` are the layers that are looked at: the speed was measured with the
    default ones, and others take as many times longer as they mean more work.
    """
    effort = _work(taps) / _work(TAPS)
    steps: list[float] = []
    for index, scale in enumerate(schedule):
        parts = reads((scale.height, scale.width), tile, taps)
        exact = exact_steps(schedule, index, tile) if speed.reduction else 0
        steps += _steps(speed, scale, exact, parts, styles, style_size)
    steps[0] += speed.reduction * (1 + max(1, len(styles)))
    # The layer and the styles are taken in before the first step, and the result is made after the last one.
    handling = speed.layer * (layer_pixels + sum(styles))
    ends = [handling / 2 + effort * done for done in accumulate(steps)]
    return [speed.factor * end for end in (*ends, ends[-1] + handling / 2)]


def _steps(
    speed: Speed, scale: Scale, exact: int, parts: tuple[int, int], styles: Sequence[int], style_size: float
) -> list[float]:
    """The seconds of each step at one scale, of which the last ones are exact.

    `parts` are the tiles and the pixels that they compute. The first step with a network has the preparation in it, the
    last one of all is without a gradient.
    """
    pixels = scale.height * scale.width
    count, read = parts
    passes, slower = (1 + FORWARD, speed.direct) if count > 1 else (1, 1.0)
    wanted = pixels * style_size**2
    style = sum(min(wanted, own) for own in styles) if styles else wanted
    prepared = read * ((1 - STYLE) * passes + STYLE * style / pixels)
    setup, step = speed.setup.at(prepared, count), speed.step.at(passes * read, passes * count)
    kinds = ((slower, scale.steps - exact), (slower * speed.exact, exact))
    found = [times * (step + (0 if number else setup)) for times, steps in kinds for number in range(steps)]
    found[-1] -= slower * (speed.exact if exact else 1.0) * (step - speed.step.at(FORWARD * read, FORWARD * count))
    return found


def _work(taps: Taps) -> float:
    """The work for each pixel with some layers, in multiplications."""
    return multiplications(taps) + SEEN * sum(values(layer[4:]) for layer in (*taps.style, *taps.content)) + REST


def reads(size: Size, tile: int, taps: Taps = TAPS) -> tuple[int, int]:
    """The tiles of a picture of `size` (height, width), and the pixels they compute, with their surroundings."""
    parts, around = tiles(size, tile), round(HALO_SHARE * halo(taps.all))
    read = sum(_read(part.rows, size[0], around) * _read(part.columns, size[1], around) for part in parts)
    return len(parts), read


def _read(span: Span, length: int, around: int) -> int:
    return min(span.stop + around, length) - max(span.start - around, 0)
