"""The pictures of the plug-in in docs/images, taken of a real GIMP 3.0 on a virtual display while it paints.

`python tests/gimp/screenshots.py` in the environment that has the backend, from the repository's folder: dialog.png,
run.png, canvas.png, and the recording painting.webp.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyvips  # noqa: E402
from gui import MAIN, RUN, Gui, gimp_window  # noqa: E402
from machine import PHOTO, REPOSITORY, STYLE, Machine, machine  # noqa: E402

IMAGES = REPOSITORY / "docs" / "images"
DIALOG = "^Neural Style$"
SCREEN = 1120, 800
SETTLE_SECONDS = 30
"""From the preview to the last estimate."""
WIDTH = 800
FRAMES = 40
FRAME_MILLISECONDS, FIRST_MILLISECONDS, LAST_MILLISECONDS = 250, 1000, 3000
WEBP_QUALITY = 65


def main() -> None:
    """Open the photograph, the dialog, paint, and keep what is seen."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, machine("3.0") as gimp, open_photo(gimp) as gui:
        first = Path(folder) / "first.png"
        gui.shot(first)
        show_dialog(gimp, gui)
        gui.key("alt+o")
        began = time.monotonic()
        during = frames(gui, Path(folder))
        print(f"painted in {time.monotonic() - began:.0f} s")
        gui.shot(IMAGES / "canvas.png")
        (IMAGES / "run.png").write_bytes(during[len(during) // 2].read_bytes())
        record([first, *during, IMAGES / "canvas.png"], IMAGES / "painting.webp")
    for name in ("run", "canvas"):
        shrink(IMAGES / f"{name}.png")


@contextmanager
def open_photo(gimp: Machine) -> Iterator[Gui]:
    """A GIMP with the photograph as large as fits in its window."""
    width, height = SCREEN
    with gimp_window(gimp.chroot, gimp.version, gimp.config, PHOTO, f"{width}x{height}x24") as gui:
        gui.resize(MAIN, width - 10, height - 30)
        gui.focus(MAIN)
        gui.key("ctrl+shift+j")
        yield gui


def show_dialog(gimp: Machine, gui: Gui) -> None:
    """Choose the style in the dialog, and keep how it looks with its preview."""
    gui.open_dialog(STYLE)
    began = time.monotonic()
    log = gimp.installation.log_file
    gui.wait(lambda: "job 1: done" in log.read_text(), "the preview", 300)
    print(f"the first preview came {time.monotonic() - began:.1f} s after the style, with the backend started for it")
    time.sleep(SETTLE_SECONDS)
    gui.shot(IMAGES / "dialog.png", DIALOG)
    shrink(IMAGES / "dialog.png")
    gui.focus(DIALOG)


def shrink(path: Path) -> None:
    """Store a picture of the screen in fewer bytes."""
    pyvips.Image.new_from_file(str(path)).copy_memory().pngsave(str(path), palette=True, compression=9)


def frames(gui: Gui, folder: Path) -> list[Path]:
    """Pictures of the screen for as long as a run of the filter lasts, one after the other."""
    gui.wait_for(RUN, 60)
    paths: list[Path] = []
    while gui.has(RUN):
        paths.append(folder / f"{len(paths):04}.png")
        gui.shot(paths[-1])
    return paths[:-1]  # the window may have gone before the last one


def record(paths: list[Path], target: Path) -> None:
    """An animated picture of these, thinned out to so many that its file stays small."""
    step = max(1, len(paths) // FRAMES)
    paths = [*paths[:-1:step], paths[-1]]
    pictures = [pyvips.Image.thumbnail(str(path), WIDTH) for path in paths]
    film = pyvips.Image.arrayjoin(pictures, across=1).copy()
    film.set_type(pyvips.GValue.gint_type, "page-height", pictures[0].height)
    between = [FRAME_MILLISECONDS] * (len(pictures) - 2)
    film.set_type(pyvips.GValue.array_int_type, "delay", [FIRST_MILLISECONDS, *between, LAST_MILLISECONDS])
    film.set_type(pyvips.GValue.gint_type, "loop", 0)
    film.webpsave(str(target), Q=WEBP_QUALITY, effort=6, mixed=True, keep="none")


if __name__ == "__main__":
    main()
