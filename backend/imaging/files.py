"""Picture files to the protocol's pictures and back, through libvips."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

# libvips prints warnings about odd files by itself; what matters of them comes back as errors.
os.environ.setdefault("VIPS_WARNING", "0")

import pyvips  # noqa: E402

from backend.imaging.arrays import array_of, picture_of  # noqa: E402
from backend.protocol.errors import Failure  # noqa: E402
from backend.protocol.job import Picture, check_header  # noqa: E402

WRITABLE = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
GREY = ("b-w", "grey16")
JPEG_QUALITY = 95
LEAST_FREE = 1 << 16
"""Bytes that a disk which is not full has left."""


def read(path: Path, role: str) -> Picture:
    """The picture in a file, upright (EXIF), in sRGB (embedded profiles applied), 8 or 16 bits, with its alpha.

    A Failure for a missing file, one that is no picture, a truncated one, or a size that is not accepted; the size
    is looked at before the pixels are.
    """
    if not path.is_file():
        raise Failure("no-file", path=path)
    try:
        image = pyvips.Image.new_from_file(str(path), fail_on="truncated")
        check_header({"width": image.width, "height": image.height, "channels": 3, "depth": "u8"}, role)
        array = _in_srgb(image.autorot()).numpy()
    except pyvips.Error as error:
        raise Failure("not-a-picture", path=path, reason=_reason(error)) from None
    return picture_of(array.reshape(array.shape[0], array.shape[1], -1))


def _in_srgb(image: pyvips.Image) -> pyvips.Image:
    """The image as sRGB or grey, 8 bits where it has 8, else 16."""
    deep = image.format not in ("uchar", "char")
    if image.interpretation in GREY and image.bands <= 2:
        grey = image.colourspace("grey16" if deep else "b-w")
        return grey.cast("ushort" if deep else "uchar")
    if image.get_typeof("icc-profile-data") and image.interpretation != "scrgb":
        image = image.icc_transform("srgb", depth=16 if deep else 8, embedded=True, intent="relative")
    image = image.colourspace("rgb16" if deep else "srgb").cast("ushort" if deep else "uchar")
    return image.extract_band(0, n=min(image.bands, 4))


def check_writable(path: Path) -> None:
    """Raise a Failure if a picture cannot be written there, so that nobody waits for one in vain."""
    folder = path.absolute().parent
    if path.suffix.lower() not in WRITABLE:
        raise Failure("cannot-write", path=path, reason=f"its name must end in one of {', '.join(WRITABLE)}")
    if path.is_dir():
        raise Failure("cannot-write", path=path, reason="it is a folder")
    if not folder.is_dir():
        raise Failure("cannot-write", path=path, reason=f"there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise Failure("cannot-write", path=path, reason="permission denied")


def write(picture: Picture, path: Path) -> None:
    """Write a picture whole or not at all; the name's end tells the format. A Failure if that is impossible."""
    kinds = GREY if picture.channels <= 2 else ("srgb", "rgb16")
    image = pyvips.Image.new_from_array(array_of(picture), interpretation=kinds[picture.depth == "u16"])
    part = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        _save(image, part)
        os.replace(part, path)
    except (pyvips.Error, OSError) as error:
        if _is_full(part.parent):
            raise Failure("disk-full", path=path) from None
        raise Failure("cannot-write", path=path, reason=_reason(error)) from None
    finally:
        part.unlink(missing_ok=True)


def _save(image: pyvips.Image, path: Path) -> None:
    if path.suffix.lower() in (".jpg", ".jpeg"):
        # JPEG has no alpha: holes become white paper.
        white = 65535 if image.format == "ushort" else 255
        image = image.flatten(background=white) if image.hasalpha() else image
        image.jpegsave(str(path), Q=JPEG_QUALITY)
    else:
        image.write_to_file(str(path))


def _is_full(folder: Path) -> bool:
    """Whether the folder's disk has no room left, which libvips does not give as a reason."""
    try:
        return shutil.disk_usage(folder).free < LEAST_FREE
    except OSError:
        return False  # the folder has gone


def _reason(error: Exception) -> str:
    """The last line of what libvips or the system says, without a full stop."""
    text = getattr(error, "detail", None) or getattr(error, "strerror", None) or str(error)
    lines = [line for line in str(text).strip().splitlines() if line.strip()]
    return lines[-1].strip().rstrip(".") if lines else type(error).__name__
