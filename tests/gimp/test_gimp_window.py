"""The installed plug-in in a GIMP with windows, used as a person would: dialog, file chooser, undo, repeat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import pyvips
from gui import MAIN, Gui, gimp_window
from machine import PHOTO, STYLE, Machine, machine

from backend.protocol import client


@pytest.fixture(scope="module", params=["3.0", "3.2"])
def gimp(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with machine(request.param) as made:
        yield made


def test_dialog_one_undo_step_and_repeat(gimp: Machine) -> None:
    with gimp_window(gimp.chroot, gimp.version, gimp.config, PHOTO) as gui:
        paint_from_the_dialog(gui)
        gui.run_to_end()
        gui.wait_for("2 layers)*", 10)
        gui.key("ctrl+z")
        gui.wait_for("1 layer) ", 10)
        gui.key("ctrl+a")  # now the new layer gets a mask too
        gui.key("ctrl+f")
        gui.run_to_end()
        gui.wait_for("2 layers)*", 10)
        gui.key("ctrl+z")
        gui.wait_for("1 layer)", 10)
        gone = gimp.installation.python.rename(gimp.installation.python.with_name("python-away"))
        client.stop(gimp.installation)
        try:
            gui.key("ctrl+f")
            gui.wait_for("GIMP Message", 30)
            assert gui.has("1 layer)")
        finally:
            gone.rename(gimp.installation.python)


def test_an_indexed_image_stays_and_the_result_opens_beside_it(gimp: Machine) -> None:
    # The action search finds recent files too: "neural style" must not be in the path.
    gimp.chroot.tmp.mkdir(exist_ok=True)
    pyvips.Image.new_from_file(str(PHOTO)).resize(0.25).pngsave(str(gimp.chroot.tmp / "few.png"), palette=True)
    with gimp_window(gimp.chroot, gimp.version, gimp.config, Path("/tmp/few.png")) as gui:
        assert any("indexed" in title.lower() for title in gui.titles())
        paint_from_the_dialog(gui)
        gui.run_to_end()
        gui.wait_for("2 layers)", 10)
        assert any("RGB" in title for title in gui.titles())
        gui.key("ctrl+z")
        gui.wait_for("1 layer)", 10)


def paint_from_the_dialog(gui: Gui) -> None:
    """Choose the style picture, Draft and the smallest size by keys, and press OK."""
    gui.focus(MAIN)
    gui.open_dialog(STYLE)
    gui.key("alt+w", "ctrl+a")
    gui.type("64")
    gui.key("Tab", "alt+q", "Up", "alt+o")
