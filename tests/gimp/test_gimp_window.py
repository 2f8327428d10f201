"""The installed plug-in in a GIMP with windows, used as a person would: dialog, file chooser, undo, repeat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gui import ADD_MASK, MAIN, MAKE_INDEXED, Gui, gimp_window
from machine import PHOTO, STYLE, Machine, machine

from backend.protocol import client


@pytest.fixture(scope="module", params=["3.0", "3.2"])
def gimp(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with machine(request.param, knows_its_speed=True) as made:
        yield made


def test_dialog_one_undo_step_repeat_and_an_indexed_image(gimp: Machine) -> None:
    with gimp_window(gimp.chroot, gimp.version, gimp.config, PHOTO) as gui:
        paint_from_the_dialog(gui)
        gui.run_to_end()
        gui.wait_for("2 layers)*", 10)
        gui.key("ctrl+z")
        gui.wait_for("1 layer) ", 10)
        add_mask(gui)
        gui.key("ctrl+a")  # now the new layer gets a mask too, the layer's own through the selection
        repeat(gui)
        gui.wait_for("2 layers)*", 10)
        gui.key("ctrl+z")
        gui.wait_for("1 layer)", 10)
        make_indexed(gui)
        repeat(gui)
        gui.wait_for("2 layers)", 10)
        assert any("RGB" in title for title in gui.titles())
        gui.key("ctrl+z")
        gui.wait_for("1 layer)", 10)
        gui.key("alt+1")  # to the first image
        gui.wait_for("Indexed color 8-bit non-linear integer, 1 layer)", 10)
        gone = gimp.installation.python.rename(gimp.installation.python.with_name("python-away"))
        client.stop(gimp.installation)
        try:
            gui.key("ctrl+f")
            gui.dismiss_message()
            assert gui.has("1 layer)")
        finally:
            gone.rename(gimp.installation.python)


def repeat(gui: Gui) -> None:
    """Run the filter once more with the same settings."""
    gui.key("ctrl+f")
    gui.run_to_end()
    gui.focus(MAIN)


def add_mask(gui: Gui) -> None:
    """Give the layer a mask, as GIMP proposes it."""
    gui.start(ADD_MASK)
    gui.focus("^Add Layer Mask$")
    gui.key("Return")
    gui.focus(MAIN)


def make_indexed(gui: Gui) -> None:
    """Give the image a palette, as GIMP proposes it."""
    gui.start(MAKE_INDEXED)
    gui.focus("^Indexed Color Conversion$")
    gui.key("Return")
    gui.wait_for("Indexed color", 20)
    gui.focus(MAIN)


def paint_from_the_dialog(gui: Gui) -> None:
    """Choose the style picture, Draft and the smallest size by keys, and press OK."""
    gui.focus(MAIN)
    gui.open_dialog(STYLE)
    gui.key("alt+w", "ctrl+a")
    gui.type("64")
    gui.key("Tab", "alt+q", "Up", "alt+o")
