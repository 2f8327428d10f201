#!/usr/bin/env python3
"""Paint style.jpg: an invented evening landscape, laid down stroke by stroke like oil on canvas.

The picture is built as a painter builds one: a dark ground, then layers of brush strokes from broad to fine
that follow the forms (rings of light around the sun, wind in the sky, the roll of the hills), then contours
and accents. Every stroke carries bristle streaks, two colours that do not quite mix, and a thickness; the
thickness of all the paint is lit from the upper left at the end. Same seed, same picture.

    python demo/paint_style.py [OUT] [--seed 7] [--scale 2]      needs numpy and Pillow
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]
WIDTH, HEIGHT = 800, 600
PALETTE = {
    "prussian": "#0b1c3c", "indigo": "#1a2a63", "ultramarine": "#1f3f97", "cobalt": "#2c63b8",
    "cerulean": "#3b93c4", "teal": "#1f7d85", "turquoise": "#6cc0bd", "mist": "#c7ddcf", "cream": "#f6ecc6",
    "lemon": "#f4d35e", "ochre": "#d99a2b", "orange": "#e06f1f", "sienna": "#a5421c", "wine": "#561f2e",
    "moss": "#4a6b3a", "viridian": "#14504f", "violet": "#48407f",
}  # fmt: skip


def colour(name: str) -> Array:
    """A colour of the palette as three floats 0..1."""
    code = PALETTE[name]
    return np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)


def ramp(position: Array, *names: str) -> Array:
    """Colours along a ramp of the palette: position 0 is the first name, 1 the last."""
    stops = np.stack([colour(name) for name in names])
    at = np.clip(position, 0, 1) * (len(names) - 1)
    low = np.minimum(at.astype(int), len(names) - 2)
    part = (at - low)[..., None]
    return np.asarray(stops[low] * (1 - part) + stops[low + 1] * part, np.float32)


def smooth(value: Array, low: float, high: float) -> Array:
    """A soft step from 0 at low to 1 at high."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> Array:
    """Smooth noise, -1..1, with about `cells` (rows, columns) bumps over the shape."""
    grid = Image.fromarray(rng.uniform(-1, 1, cells).astype(np.float32))
    return np.asarray(grid.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float32)


# ---------------------------------------------------------------------------------------------- the motif


@dataclass
class Motif:
    """What is painted: the colour, the direction and the kind of place at every pixel."""

    colours: Array
    """height x width x 3."""
    angles: Array
    """Direction of the strokes in radians, y downwards."""
    sky: Array
    """1 in the sky, 0 on the land."""
    field: Array
    """1 in the wheat in front."""
    warmth: Array
    """1 at the sun, falling to 0 away from it."""
    ridges: list[Array]
    """Height (in pixels) of each crest, column by column."""


# x, y, radius, lift, turn: bumps in the sky's height map, whose level lines are rings
EDDIES: tuple[tuple[float, float, float, float, float], ...] = (
    (1.000, 0.235, 0.120, 0.62, 0.10),  # the sun
    (0.400, 0.270, 0.115, -0.50, 0.30),
    (0.690, 0.425, 0.070, 0.26, -0.30),
    (0.090, 0.120, 0.085, 0.24, 0.25),
)


def motif(rng: np.random.Generator, width: int, height: int) -> Motif:
    """The landscape: a windy evening sky with a low sun over blue hills and wheat."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / height
    wander = noise(rng, (height, width), (5, 7))
    colours, angles, warmth = _sky(x, y, wander)
    crests = _crests(x[0])
    for number, crest in enumerate(crests):
        below = smooth(y - crest, -0.002, 0.002)
        land, slope = _land(number, x, y, crest, wander)
        colours = colours * (1 - below[..., None]) + land * below[..., None]
        angles = np.where(below > 0.5, slope, angles)
    return Motif(
        colours.astype(np.float32),
        angles.astype(np.float32),
        (y < crests.min(axis=0)).astype(np.float32),
        (y > crests[-1]).astype(np.float32),
        warmth,
        [crest * height for crest in crests],
    )


def _sky(x: Array, y: Array, wander: Array) -> tuple[Array, Array, Array]:
    lift = 0.75 * y + 0.085 * np.sin(4.1 * x + 2.2 * y + 0.6) + 0.035 * np.sin(9.0 * x - 5 * y) + 0.03 * wander
    turn = np.zeros_like(x)
    for cx, cy, radius, height, spiral in EDDIES:
        bump = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * radius**2))
        lift = lift + height * bump
        turn = turn + spiral * bump
    dy, dx = np.gradient(lift)
    angles = np.arctan2(-dx, dy) + turn  # along the level lines, drawn inwards where the air turns
    band = 0.5 + 0.5 * np.sin(2 * np.pi * 6.5 * lift + 1.3 * wander)
    depth = np.clip(0.62 * band + 0.33 * y + 0.10 * wander, 0, 1)
    colours = ramp(depth, "prussian", "indigo", "ultramarine", "cobalt", "cerulean", "turquoise", "mist")
    sun = np.hypot(x - EDDIES[0][0], y - EDDIES[0][1])
    rings = sun + 0.020 * np.sin(2 * np.pi * sun / 0.062) + 0.014 * wander
    glow = ramp(rings / 0.25, "cream", "lemon", "lemon", "ochre", "orange", "ochre", "mist", "turquoise")
    warm = 1 - smooth(rings, 0.10, 0.27)
    colours = colours * (1 - warm[..., None]) + glow * warm[..., None]
    haze = 0.75 * smooth(y, 0.46, 0.62) * (0.55 + 0.45 * np.sin(26 * lift))
    colours = colours * (1 - haze[..., None]) + ramp(band, "ochre", "lemon", "mist") * haze[..., None]
    return colours, angles, (1 - smooth(sun, 0.05, 0.40)).astype(np.float32)


def _crests(x: Array) -> Array:
    far = 0.60 - 0.075 * np.exp(-(((x - 0.30) / 0.16) ** 2)) - 0.045 * np.exp(-(((x - 0.66) / 0.10) ** 2))
    far = far - 0.055 * np.exp(-(((x - 1.22) / 0.16) ** 2)) + 0.008 * np.sin(31 * x)
    middle = 0.685 + 0.040 * np.sin(4.6 * x + 0.4) + 0.012 * np.sin(11 * x)
    near = 0.815 - 0.055 * np.sin(3.3 * x + 0.2) + 0.010 * np.sin(9 * x + 1)
    return np.stack([far, middle, near]).astype(np.float32)


def _land(number: int, x: Array, y: Array, crest: Array, wander: Array) -> tuple[Array, Array]:
    depth = y - crest
    slope = np.arctan2(np.gradient(crest) * x.shape[0], 1.0)[None, :] + 0 * x
    if number == 0:  # mountains: planes that turn towards the light and away from it
        folds = 0.55 * np.sin(24 * x + 14 * depth + 2.5 * wander) + 0.35 * wander
        facing = np.clip(0.48 + 1.1 * slope + 0.38 * folds - 0.9 * depth, 0, 1)
        fall = np.sign(slope + 0.12 * folds) * (0.35 + 0.3 * np.abs(folds))
        return ramp(facing, "prussian", "indigo", "violet", "cobalt", "sienna", "ochre"), slope + fall
    if number == 1:  # hills in bands, hedges dark, meadows in the last light
        band = 0.5 + 0.5 * np.sin(2 * np.pi * 11 * depth + 3.0 * np.sin(5 * x) + 2 * wander)
        return ramp(band, "prussian", "viridian", "teal", "moss", "ochre", "lemon"), slope + 0.35 * np.sin(
            7 * x + 9 * depth
        )
    sway = np.sin(7.5 * x + 8 * depth + 1.5 * wander)
    ripple = np.clip(
        0.5 + 0.32 * np.sin(2 * np.pi * 9 * depth + 2.5 * sway) + 0.25 * wander - 0.9 * (depth - 0.08), 0, 1
    )
    return ramp(ripple, "prussian", "wine", "sienna", "orange", "ochre", "lemon"), slope - 0.95 + 0.45 * sway


# --------------------------------------------------------------------------------------------- the paint


class Canvas:
    """Wet paint: its colour and its thickness, with the brush that lays it down."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng = rng
        self.colour = np.empty((height, width, 3), np.float32)
        self.colour[:] = colour("prussian") * 0.8 + colour("sienna") * 0.2
        self.thickness = np.zeros((height, width), np.float32)
        # One long sheet of bristle marks; a stroke cuts its own piece out of it: rows across, columns along.
        fine = noise(rng, (512, 2048), (256, 40))
        coarse = noise(rng, (512, 2048), (64, 24))
        self.bristles = 0.62 * fine + 0.55 * coarse

    def stroke(self, path: Array, width: float, paints: tuple[Array, Array], load: float = 1.0) -> None:
        """Draw one stroke along the path (points of x, y) with two half-mixed paints; load 0..1.5 is how much."""
        left, top = np.floor(path.min(axis=0) - width).astype(int)
        right, bottom = np.ceil(path.max(axis=0) + width).astype(int) + 1
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, self.colour.shape[1]), min(bottom, self.colour.shape[0])
        if right - left < 2 or bottom - top < 2:
            return
        along, across, length = _brush_coordinates(path, left, top, right, bottom)
        alpha, streak, ridge = self._mark(along, across, length, width, load)
        box = (slice(top, bottom), slice(left, right))
        mix = np.clip(0.5 + 0.55 * streak + 0.55 * across / width, 0, 1)[..., None]
        paint = np.clip(paints[0] * (1 - mix) + paints[1] * mix + 0.055 * streak[..., None], 0, 1)
        cover = alpha[..., None]
        self.colour[box] = self.colour[box] * (1 - cover) + paint * cover
        self.thickness[box] = self.thickness[box] * (1 - 0.8 * alpha) + ridge * alpha

    def _mark(
        self, along: Array, across: Array, length: float, width: float, load: float
    ) -> tuple[Array, Array, Array]:
        """Cover 0..1, bristle streak -1..1 and paint thickness of a stroke at every pixel of its box."""
        half = width / 2
        row, column = self.rng.integers(0, 512), self.rng.integers(0, 2048)
        hairs = np.clip(width * 1.1, 12, 70)
        rows = (row + (across / half) * hairs / 2).astype(int) % 512
        columns = (column + along * (260 / max(length, 60.0))).astype(int) % 2048
        streak = self.bristles[rows, columns]
        part = along / length
        # A brush lands round, leaves ragged: single hairs run dry before others.
        pressure = 0.62 + 0.38 * smooth(part, -0.05, 0.25) - 0.30 * smooth(part, 0.55, 1.1)
        end = np.where(
            along < 0,
            np.hypot(along, across),
            np.where(part > 1, np.hypot(along - length, across), np.abs(across)),
        )
        reach = half * pressure * (1 + 0.26 * streak)
        edge = np.clip((reach - end) / max(0.09 * half, 0.8), 0, 1)
        dry = np.clip((load + 0.55 * streak - 1.02 * smooth(part, 0.35, 1.15)) / 0.16, 0, 1)
        alpha = edge * dry
        rim = np.exp(-(((reach - end) / (0.22 * half)) ** 2))
        swell = 0.6 + 0.4 * smooth(part, -0.1, 0.15)
        ridge = np.sqrt(width) * load * swell * (0.55 + 0.55 * streak + 0.45 * rim)
        return alpha.astype(np.float32), streak.astype(np.float32), ridge.astype(np.float32)

    def lit(self, scale: float) -> Array:
        """The painting under light from the upper left: relief, a little gloss, canvas where the paint is thin."""
        height, width = self.thickness.shape
        weave = _weave(self.rng, height, width, scale)
        relief = 0.20 * scale * self.thickness + 0.10 * scale * weave * np.clip(1.2 - 0.35 * self.thickness, 0.1, 1)
        dy, dx = np.gradient(relief)
        slope = (dx + dy) / np.sqrt(1 + dx**2 + dy**2)
        shade = np.clip(1 + 0.46 * slope, 0.55, 1.45)[..., None]
        gloss = (0.20 * np.clip(slope - 0.28, 0, 1) ** 1.2)[..., None]
        return np.asarray(np.clip(self.colour * shade + gloss, 0, 1), np.float32)


def _brush_coordinates(path: Array, left: int, top: int, right: int, bottom: int) -> tuple[Array, Array, float]:
    """For each pixel of a box: distance along the path, signed distance across it; and the path's length."""
    steps = np.diff(path, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    tangents = np.gradient(path, axis=0)
    tangents /= np.maximum(np.hypot(tangents[:, 0], tangents[:, 1]), 1e-6)[:, None]
    reached = np.concatenate([[0.0], np.cumsum(lengths)]).astype(np.float32)
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    distance = (x[..., None] - path[:, 0]) ** 2 + (y[..., None] - path[:, 1]) ** 2
    nearest = distance.argmin(axis=-1)
    dx, dy = x - path[nearest, 0], y - path[nearest, 1]
    tx, ty = tangents[nearest, 0], tangents[nearest, 1]
    return reached[nearest] + dx * tx + dy * ty, dy * tx - dx * ty, float(reached[-1])


def _weave(rng: np.random.Generator, height: int, width: int, scale: float) -> Array:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / scale
    wobble = noise(rng, (height, width), (40, 54))
    return np.asarray(0.5 * (np.sin(2.1 * x + 1.2 * wobble) + np.sin(2.1 * y + 1.2 * wobble)), np.float32)


# ------------------------------------------------------------------------------------------- the painter


@dataclass(frozen=True)
class Layer:
    """One round over the canvas with one brush; lengths in pixels of the finished picture."""

    width: float
    length: float
    spacing: float
    jitter: float
    load: float
    skip: float = 0.0


ROUNDS = (
    Layer(width=46, length=190, spacing=23, jitter=0.05, load=1.3),
    Layer(width=28, length=140, spacing=15, jitter=0.07, load=1.25),
    Layer(width=18, length=105, spacing=12, jitter=0.09, load=1.2, skip=0.20),
    Layer(width=11, length=66, spacing=11, jitter=0.11, load=1.15, skip=0.50),
    Layer(width=6.5, length=40, spacing=11, jitter=0.13, load=1.2, skip=0.80),
)

SPARKS: tuple[str, ...] = ("cream", "mist", "turquoise", "ochre", "lemon", "mist", "orange")
EMBERS: tuple[str, ...] = ("lemon", "ochre", "orange", "cream", "cerulean")
DARKS: tuple[str, ...] = ("ultramarine", "teal", "sienna", "prussian")


class Painter:
    """Walks over a motif and puts its strokes on a canvas."""

    def __init__(self, seed: int, scale: float) -> None:
        self.rng = np.random.default_rng(seed)
        self.scale = scale
        self.size = round(WIDTH * scale), round(HEIGHT * scale)
        self.motif = motif(np.random.default_rng(seed + 1), *self.size)
        self.canvas = Canvas(self.rng, *self.size)

    def paint(self) -> Image.Image:
        """The finished picture, 800 x 600."""
        for layer in ROUNDS:
            self.cover(layer)
            if layer.width == 18:
                self.contours()
        self.accents()
        pixels = (self.canvas.lit(self.scale) * 255 + 0.5).astype(np.uint8)
        return Image.fromarray(pixels).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)

    def cover(self, layer: Layer) -> None:
        """One layer of strokes over the whole picture, in random order on a jittered grid."""
        step = layer.spacing * self.scale
        ys, xs = np.mgrid[0 : self.size[1] + step : step, 0 : self.size[0] + step : step]
        starts = np.stack([xs.ravel(), ys.ravel()], axis=1)
        starts = starts + self.rng.uniform(-step / 2, step / 2, starts.shape)
        for start in self.rng.permutation(starts):
            if self.rng.random() >= layer.skip:
                self.one(start, layer)

    def one(self, start: Array, layer: Layer) -> None:
        """One stroke of a layer, smaller on the land and around the sun than in the open sky."""
        sky, warm, field = (self._at(m, start) for m in (self.motif.sky, self.motif.warmth, self.motif.field))
        size = (1.0 if sky else 0.74) * (1 - 0.30 * warm) * self.rng.uniform(0.75, 1.3)
        length = layer.length * (1.0 if sky else 0.62) * (1 - 0.45 * warm) * self.rng.uniform(0.6, 1.35)
        path = self._path(start, length * self.scale, layer.width * size * self.scale)
        if path is None:
            return
        base = self._at(self.motif.colours, path[len(path) // 3])
        paints = self._jittered(base, layer.jitter), self._jittered(base, layer.jitter * 1.6)
        load = layer.load * self.rng.uniform(0.8, 1.1) * (0.95 if field else 1.0)
        self.canvas.stroke(path, layer.width * size * self.scale, paints, load)

    def contours(self) -> None:
        """Dark, broken lines along the crests, as a painter draws them in with a loaded brush."""
        for ridge in self.motif.ridges:
            x = float(self.rng.uniform(-30, 0)) * self.scale
            while x < self.size[0]:
                length = self.rng.uniform(40, 95) * self.scale
                xs = np.linspace(x, x + length, 16)
                ys = np.interp(xs, np.arange(self.size[0]), ridge) + self.rng.uniform(-1.5, 1.5) * self.scale
                path = np.stack([xs, ys], axis=1).astype(np.float32)
                dark = self._jittered(colour("prussian"), 0.04), self._jittered(colour("indigo"), 0.06)
                self.canvas.stroke(path, self.rng.uniform(4.5, 8.5) * self.scale, dark, 1.25)
                x += length * self.rng.uniform(0.75, 1.0)

    def accents(self) -> None:
        """Last touches: sparks of light in the air, embers of orange among the blues, dark lines in the wheat."""
        for _ in range(170):
            start = self.rng.uniform(0, 1, 2) * self.size
            sky, field = self._at(self.motif.sky, start), self._at(self.motif.field, start)
            light = float(self._at(self.motif.colours, start).mean())
            names = SPARKS if sky else EMBERS
            if (light > 0.62 and self._at(self.motif.warmth, start) < 0.3) or (field and self.rng.random() < 0.4):
                names = DARKS
            chosen = colour(names[int(self.rng.integers(len(names)))])
            path = self._path(start, self.rng.uniform(24, 60) * self.scale, 4 * self.scale)
            if path is not None:
                paints = self._jittered(chosen, 0.05), self._jittered(chosen, 0.10)
                self.canvas.stroke(path, self.rng.uniform(4.5, 8.5) * self.scale, paints, 1.3)

    def _path(self, start: Array, length: float, width: float) -> Array | None:
        """A path of the given length through the motif's directions; it stops where sky and land meet."""
        step = max(width / 3, 2.0)
        sky = self._at(self.motif.sky, start)
        points, heading = [np.asarray(start, np.float32)], None
        bend = self.rng.normal(0, 0.10)
        for _ in range(max(int(length / step), 3)):
            angle = float(self._at(self.motif.angles, points[-1])) + bend
            move = np.array([np.cos(angle), np.sin(angle)], np.float32)
            if heading is not None and move @ heading < 0:
                move = -move
            heading = move if heading is None else 0.55 * heading + 0.45 * move
            heading = heading / max(float(np.hypot(*heading)), 1e-6)
            following = points[-1] + step * heading
            if self._at(self.motif.sky, following) != sky:
                break
            points.append(following)
        return np.stack(points) if len(points) >= 3 else None

    def _at(self, values: Array, point: Array) -> Any:
        x = min(max(int(point[0]), 0), self.size[0] - 1)
        y = min(max(int(point[1]), 0), self.size[1] - 1)
        return values[y, x]

    def _jittered(self, base: Array, amount: float) -> Array:
        """The colour as it comes off a palette: lighter or darker, a little warmer or cooler, never grey."""
        light = self.rng.normal(0, amount)
        warm = self.rng.normal(0, amount * 0.5)
        mean = base.mean()
        vivid = mean + (base - mean) * (1 + self.rng.normal(0.12, 0.15))
        shift = np.array([light + warm, light + 0.2 * warm, light - warm], np.float32)
        return np.asarray(np.clip(vivid + shift, 0, 1), np.float32)


def main() -> None:
    """Paint and save."""
    parser = argparse.ArgumentParser(description="Paint the demo's style picture.")
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).with_name("style.jpg"))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=2.0, help="painted this much larger, then reduced")
    options = parser.parse_args()
    Painter(options.seed, options.scale).paint().save(options.out, quality=92)
    print(f"Painted {options.out}")


if __name__ == "__main__":
    main()
