"""The pictures of the plug-in in docs/images, taken of a real GIMP 3.0 on a virtual display.

`python tests/gimp/screenshots.py` in the environment that has the backend, from the repository's folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gui import MAIN, gimp_window  # noqa: E402
from machine import PHOTO, REPOSITORY, STYLE, machine  # noqa: E402

IMAGES = REPOSITORY / "docs" / "images"


def main() -> None:
    """Open the photograph, the dialog, paint, and keep what is seen."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        machine("3.0") as gimp,
        gimp_window(gimp.chroot, gimp.version, gimp.config, PHOTO) as gui,
    ):
        gui.resize(MAIN, 1270, 830)
        gui.focus(MAIN)
        gui.open_dialog(STYLE)
        gui.shot(IMAGES / "dialog.png", "^Neural Style$")
        gui.focus("^Neural Style$")
        gui.key("alt+o")
        gui.wait_for("2 layers", 600)
        gui.focus(MAIN)
        gui.key("ctrl+shift+j")  # fit the image in the window
        gui.shot(IMAGES / "canvas.png")


if __name__ == "__main__":
    main()
