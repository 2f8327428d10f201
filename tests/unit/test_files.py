"""Picture files of every kind, made by another library (Pillow or libvips itself) and read by ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips

from backend.imaging import files
from backend.imaging.arrays import array_of, picture_of
from backend.protocol.errors import Failure
from backend.protocol.job import Picture

GRADIENT = np.add.outer(np.arange(24), np.arange(40)).astype(np.uint8)


def save(array: np.ndarray, path: Path, interpretation: str, **options: object) -> Path:
    image = pyvips.Image.new_from_array(array, interpretation=interpretation)
    image.write_to_file(str(path), **options)
    return path


@pytest.mark.parametrize(
    ("channels", "dtype", "interpretation"),
    [(1, np.uint8, "b-w"), (2, np.uint8, "b-w"), (3, np.uint8, "srgb"), (4, np.uint8, "srgb"),
     (1, np.uint16, "grey16"), (2, np.uint16, "grey16"), (3, np.uint16, "rgb16"), (4, np.uint16, "rgb16")],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_what_is_in_the_file_is_what_is_read_and_written(
    tmp_path: Path, channels: int, dtype: type, interpretation: str, suffix: str
) -> None:
    array = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (24, 40, channels), dtype, endpoint=True)
    picture = files.read(save(array, tmp_path / f"in{suffix}", interpretation), "content")
    np.testing.assert_array_equal(array_of(picture), array)
    files.write(picture, tmp_path / f"out{suffix}")
    assert files.read(tmp_path / f"out{suffix}", "content") == picture
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"in{suffix}", f"out{suffix}"]


def test_a_palette_becomes_colours(tmp_path: Path) -> None:
    array = np.zeros((20, 30, 3), np.uint8)
    array[:, :10], array[:, 10:20], array[:, 20:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    path = save(array, tmp_path / "in.png", "srgb", palette=True, colours=4)
    assert pyvips.Image.new_from_file(str(path)).get("palette") == 1
    np.testing.assert_array_equal(array_of(files.read(path, "content")), array)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_array(np.repeat(GRADIENT[..., None], 3, 2), interpretation="srgb").copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.jpegsave(str(tmp_path / "in.jpg"), Q=100)
    picture = files.read(tmp_path / "in.jpg", "content")
    assert (picture.width, picture.height) == (24, 40)
    expected = np.rot90(GRADIENT, -1).astype(int)
    assert np.abs(array_of(picture)[..., 1].astype(int) - expected).max() < 4


def test_an_embedded_profile_is_applied(tmp_path: Path) -> None:
    red = pyvips.Image.new_from_array(np.full((20, 20, 3), (200, 50, 50), np.uint8), interpretation="srgb")
    red.icc_transform("p3", input_profile="srgb", intent="relative").pngsave(str(tmp_path / "red.png"))
    stored = np.unique(pyvips.Image.new_from_file(str(tmp_path / "red.png")).numpy()[..., 0])
    assert stored.max() < 195  # P3's red is stronger, so it needs less of it
    read = array_of(files.read(tmp_path / "red.png", "style")).astype(int)
    assert np.abs(read - (200, 50, 50)).max() <= 2


def test_jpeg_has_no_alpha_so_holes_become_white(tmp_path: Path) -> None:
    array = np.zeros((20, 20, 4), np.uint8)
    files.write(picture_of(array), tmp_path / "out.jpg")
    read = files.read(tmp_path / "out.jpg", "content")
    assert read.channels == 3
    assert array_of(read).min() > 250


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("a shopping list")


def _truncated(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    save(noise, path, "srgb")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("make", [_empty, _text, _truncated])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_what_is_no_picture_is_said_to_be_none(tmp_path: Path, make: type, suffix: str) -> None:
    make(tmp_path / f"bad{suffix}")
    with pytest.raises(Failure) as caught:
        files.read(tmp_path / f"bad{suffix}", "content")
    assert caught.value.code == "not-a-picture"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(15, 100), (100, 15)])
def test_too_small(tmp_path: Path, size: tuple[int, int]) -> None:
    save(np.zeros((*size, 3), np.uint8), tmp_path / "small.png", "srgb")
    with pytest.raises(Failure, match="at least 16"):
        files.read(tmp_path / "small.png", "content")


def test_an_absurd_size_is_refused_by_its_header(tmp_path: Path) -> None:
    pyvips.Image.black(30000, 30000).pngsave(str(tmp_path / "huge.png"), compression=1)
    with pytest.raises(Failure, match="30000 x 30000"):
        files.read(tmp_path / "huge.png", "content")


@pytest.mark.parametrize("name", ["out.xyz", "none/out.png", "folder.png"])
def test_what_cannot_be_written_is_known_beforehand(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(Failure, match="cannot be written"):
        files.check_writable(tmp_path / name)


def test_a_folder_that_goes_while_a_picture_is_painted_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be written"):
        files.write(Picture(20, 20, 3, "u8", bytes(1200)), tmp_path / "gone" / "out.png")
