"""Sheets of pictures side by side, each with a line that says what it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

CELL = 420
"""Pixels of a cell's width."""
MARGIN = 8
LINE = 24
COLUMNS = 3
QUALITY = 82

Labelled = Sequence[tuple[str, Path]]
"""Pictures with their lines, in reading order."""


def write_sheet(cells: Labelled, path: Path, cell: int = CELL, columns: int = COLUMNS) -> None:
    """Write a JPEG with the pictures, `cell` px wide, in rows of `columns`; missing files are left out."""
    images = [(label, _fitted(file, cell)) for label, file in cells if file.is_file()]
    height = max(image.height for _, image in images) + LINE + MARGIN
    rows = -(-len(images) // columns)
    across = min(columns, len(images))
    sheet = Image.new("RGB", (MARGIN + across * (cell + MARGIN), MARGIN + rows * height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for index, (label, image) in enumerate(images):
        left = MARGIN + index % columns * (cell + MARGIN)
        top = MARGIN + index // columns * height
        sheet.paste(image, (left, top))
        pen.text((left, top + image.height + 3), label, fill="black", font=font)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, quality=QUALITY, optimize=True)


def _fitted(file: Path, width: int) -> Image.Image:
    image = Image.open(file).convert("RGB")
    return image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
