"""`python -m benchmarks.gallery`: the pictures of docs/SETTINGS.md and of the README's gallery, by the real backend."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from backend.protocol.job import Settings
from benchmarks.conditions import say
from benchmarks.pictures import CHECKOUT, SHARED, load, write_picture
from benchmarks.service import Service, make_job
from benchmarks.sheets import write_sheet

SIDE = 288
"""Pixels of the longer side at which the examples are painted, and of a cell's width."""
STEPS = 60
"""Steps of an example, half of what normal takes: more would change little of what the examples are to show."""
GALLERY_SIDE = 400
STYLE_SIDE = 960
USUAL = Settings(size=SIDE, steps=STEPS)
CONTENT, STYLE = "tubingen", "starry_night"
GALLERY_CONTENTS, GALLERY_STYLES = ("cat", "tubingen"), ("starry_night", "the_scream", "shipwreck")
DEMO = {"cat": CHECKOUT / "demo" / "photo.jpg"}
"""Pictures of the repository's own; the others are looked for in a folder."""


@dataclass(frozen=True)
class Example:
    """A painting with the line under it.

    `scale` is how many times the working size the layer has; then the middle of it is shown at 100 %.
    """

    line: str
    settings: Settings = USUAL
    style: str = STYLE
    scale: int = 1


def _with(line: str, **changes: object) -> Example:
    return Example(line, replace(USUAL, **changes))  # type: ignore[arg-type]


SHEETS: dict[str, tuple[Example, ...]] = {
    "strength": (_with("0.3", style_strength=0.3), _with("1 (the default)"), _with("3", style_strength=3.0)),
    "stroke-size": (_with("0.5", stroke_size=0.5), _with("1 (the default)"), _with("2", stroke_size=2.0)),
    "keep-colours": tuple(
        Example(f"{style}, {'on' if keep else 'off'}", replace(USUAL, keep_colours=keep), style)
        for style in ("starry_night", "the_scream")
        for keep in (False, True)
    ),
    "size": (_with("144", size=144), _with("288"), _with("576", size=576)),
    "smoothness": (_with("0", smoothness=0.0), _with("1 (the default)"), _with("100", smoothness=100.0)),
    "start": (
        _with("content (the default)"),
        _with("mixed", init="mixed"),
        _with("noise, seed 0", init="noise"),
        _with("noise, seed 1", init="noise", seed=1),
    ),
    "optimiser": (
        _with("lbfgs, 60 steps"),
        _with("adam, 60 steps", optimiser="adam"),
        _with("adam, 180 steps", optimiser="adam", steps=180),
    ),
    "pooling": (_with("average (the default)"), _with("max", pooling="max")),
    "style-layers": (
        _with("the default, all five"),
        _with("conv1_1=1", style_layers={"conv1_1": 1.0}),
        _with("conv1_1=1,conv2_1=1,conv3_1=1", style_layers={"conv1_1": 1.0, "conv2_1": 1.0, "conv3_1": 1.0}),
        _with("conv4_1=1,conv5_1=1", style_layers={"conv4_1": 1.0, "conv5_1": 1.0}),
    ),
    "content-layers": (
        _with("conv2_2=1", content_layers={"conv2_2": 1.0}),
        _with("conv4_2=1 (the default)"),
        _with("conv5_2=1", content_layers={"conv5_2": 1.0}),
    ),
    "presets": tuple(
        Example(preset, Settings(preset=preset, size=SIDE), scale=2) for preset in ("draft", "normal", "high", "full")
    ),
}


class Painter:
    """Paints examples with a backend of its own, each one once."""

    def __init__(self, service: Service, folder: Path) -> None:
        self._service = service
        self._folder = folder
        self._known: dict[tuple[str, str, int, str], Tensor] = {}

    def paint(self, content: str, style: str, side: int, settings: Settings) -> Tensor:
        """The picture (1, 3, H, W) for a content of a longer side of `side` px."""
        key = (content, style, side, repr(settings))
        if key not in self._known:
            job = make_job(load(self.file(content), side), load(self.file(style), STYLE_SIDE), settings)
            painted = self._service.paint(job)
            say(f"  {content} after {style}, {painted.seconds:.0f} s")
            self._known[key] = painted.picture
        return self._known[key]

    def file(self, name: str) -> Path:
        """Where a picture is."""
        return DEMO.get(name, self._folder / f"{name}.jpg")


def main() -> int:
    """Run the program and return its exit code."""
    options = _options()
    began = time.monotonic()
    with Service() as service:
        painter = Painter(service, options.pictures)
        for name in SHEETS if options.only is None else options.only:
            say(name)
            _write(name, painter, options.out / "images" / "settings")
        if options.gallery:
            say("the gallery")
            _gallery(painter, options.out / "images" / "gallery")
    say(f"It took {time.monotonic() - began:.0f} s")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=sorted(SHEETS), metavar="SHEET", help="make only these sheets")
    parser.add_argument("--gallery", action="store_true", help="make the README's gallery too")
    parser.add_argument("--pictures", type=Path, default=SHARED, metavar="DIR",
                        help="where tubingen.jpg and the paintings are")  # fmt: skip
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs", metavar="DIR", help="where the docs are")
    return parser.parse_args()


def _write(name: str, painter: Painter, folder: Path) -> None:
    """One sheet: its examples side by side, each with its line."""
    with tempfile.TemporaryDirectory(prefix="ns-gallery-") as scratch:
        cells = []
        for number, example in enumerate(SHEETS[name]):
            side = max(SIDE, example.settings.size) * example.scale
            picture = painter.paint(CONTENT, example.style, side, example.settings)
            file = Path(scratch) / f"{number}.png"
            write_picture(picture if example.scale == 1 else _middle(picture), file)
            cells.append((example.line, file))
        write_sheet(cells, folder / f"{name}.jpg", SIDE, len(cells))


def _middle(picture: Tensor) -> Tensor:
    """What can be shown of a picture (1, 3, H, W) in a cell at 100 %: the houses, a little above its middle."""
    height = SIDE * 3 // 4
    top, left = (picture.shape[2] - height) * 2 // 5, (picture.shape[3] - SIDE) * 3 // 4
    return picture[..., top : top + height, left : left + SIDE]


def _gallery(painter: Painter, folder: Path) -> None:
    """The README's pictures, each in a file of its own, and those that they were made from in small."""
    for name in (*GALLERY_CONTENTS, *GALLERY_STYLES):
        write_picture(load(painter.file(name), GALLERY_SIDE // 2), folder / f"{name}.jpg")
    for content in GALLERY_CONTENTS:
        for style in GALLERY_STYLES:
            picture = painter.paint(content, style, GALLERY_SIDE, Settings(size=GALLERY_SIDE))
            write_picture(picture, folder / f"{content}-{style}.jpg")


if __name__ == "__main__":
    sys.exit(main())
