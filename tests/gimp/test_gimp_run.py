"""A run that a user watches, in a GIMP with windows: painted on the canvas, cancelled, killed, and disturbed."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from gui import MAIN, NEURAL_STYLE, RUN, Gui, gimp_window
from machine import PHOTO, STYLE, Machine, machine
from test_gimp_bridge import processes, running

from backend.protocol import client

PLUG_IN = b"neural-style.py\0-gimp"
CANVAS = 560, 400, 120, 90
"""A part of the screen on which the photograph lies, and no other window."""
STOP_SECONDS = 2.0
"""After Cancel the backend has stopped within that time."""
SCREEN = "1280x860x24"
# Beside the layers the title tells the zoom.
SETTINGS = '(image-title-format "%f (%t, %L)%D* %z%%")\n'


@pytest.fixture(scope="module", params=["3.0", "3.2"])
def gimp(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with machine(request.param, knows_its_speed=True) as made:
        yield made


@pytest.fixture(scope="module")
def window(gimp: Machine) -> Iterator[Gui]:
    """A GIMP whose dialog has the settings of a long run in many small steps; the saved ones also keep the layer."""
    folder, name = gimp.config / "plug-in-settings", "GimpProcedureConfigRun-plug-in-neural-style"
    folder.mkdir(parents=True)
    settings = f'(style-file "{STYLE.as_uri()}")\n(size 256)\n(steps 2000)\n'
    (folder / f"{name}.last").write_text(f"{settings}(keep-on-cancel no)\n")
    (folder / f"{name}.default").write_text(f"{settings}(keep-on-cancel yes)\n")
    with gimp_window(gimp.chroot, gimp.version, gimp.config, PHOTO, SCREEN, SETTINGS) as gui:
        gui.resize(MAIN, 1270, 830)
        gui.focus(MAIN)
        gui.key("2", "1")  # the view is then where it will be again
        gui.wait(lambda: _is_still(gui), "a canvas at its place")
        yield gui


def _is_still(gui: Gui) -> bool:
    before = gui.patch(*CANVAS)
    time.sleep(1)
    return gui.patch(*CANVAS) == before


def repeat(gui: Gui) -> None:
    gui.key("ctrl+f")


def from_the_dialog(gui: Gui) -> None:
    gui.start(NEURAL_STYLE)
    gui.focus("^Neural Style$")
    gui.key("alt+o")


def from_the_dialog_with_the_layer_kept(gui: Gui) -> None:
    gui.key("ctrl+shift+f")
    gui.focus("^Neural Style$")
    gui.key("alt+l", "alt+o")  # the saved settings


class Run:
    """A run that has come so far that a preview is on the canvas."""

    def __init__(self, gimp: Machine, gui: Gui, start: Callable[[Gui], None] = repeat) -> None:
        self.gimp, self.gui = gimp, gui
        assert gui.has("1 layer)")
        assert not gui.has(RUN)
        self.changed = gui.has("1 layer)*")
        gui.focus(MAIN)
        self.before = self.canvas()
        start(gui)
        gui.wait_for(RUN, 30)
        gui.wait(lambda: self.canvas() != self.before, "a preview", 120)
        gui.wait_for("2 layers)*" if self.changed else "2 layers) ", 10)

    @property
    def percent(self) -> int:
        """What the window tells of how far the run is."""
        titles = [re.match(r"(\d+)% Neural Style: ", title) for title in self.gui.titles()]
        return next((int(found[1]) for found in titles if found), 0)

    def canvas(self) -> bytes:
        """What is to be seen of the image."""
        return self.gui.patch(*CANVAS)

    def seconds_until_idle(self) -> float:
        """How long the backend still paints, or infinity."""
        began = time.monotonic()
        while running(self.gimp):
            if time.monotonic() - began > 10:
                return float("inf")
            time.sleep(0.02)
        return time.monotonic() - began

    def is_over(self, undone: bool = False) -> bool:
        """Whether window and plug-in have gone and the image is as before, with its one layer.

        If the layer's coming was `undone` before it was known whether it stays, GIMP counts that undo as a change.
        """
        assert self.seconds_until_idle() < 10
        self.gui.wait(lambda: not self.gui.has(RUN), "the end of the window", 10)
        self.gui.wait(lambda: not processes(self.gimp, PLUG_IN), "the end of the plug-in", 10)
        self.gui.wait_for("1 layer)", 10)
        self.gui.wait(lambda: self.canvas() == self.before, "the image as it was", 10)
        if not undone:
            assert self.gui.has("1 layer)*") == self.changed, "the mark of a changed image is not as before"
        return not self.gui.has("GIMP Message")


def test_gimp_can_be_used_while_it_paints_and_cancel_leaves_nothing(gimp: Machine, window: Gui) -> None:
    run = Run(gimp, window, from_the_dialog)
    shown = run.canvas()
    window.wait(lambda: run.canvas() != shown, "the next preview", 120)
    window.wait(lambda: run.percent, "a percentage", 120)
    window.focus(MAIN)
    window.key("2")
    window.wait_for(" 200%", 10)
    window.key("1")
    window.wait_for(" 100%", 10)
    window.key("alt+Return")
    window.wait_for("Image Properties", 10)
    window.key("Escape")
    percent = run.percent
    window.wait(lambda: run.percent > percent, "progress", 120)
    window.cancel()
    assert run.seconds_until_idle() < STOP_SECONDS
    assert run.is_over()


def test_a_second_run_waits_in_a_window_beside_that_of_the_first_and_is_cancelled_alone(
    gimp: Machine, window: Gui
) -> None:
    run = Run(gimp, window)
    first, second = f"{RUN}style on photo", f"{RUN}style on style on photo"
    window.focus(MAIN)
    repeat(window)  # it is the new layer that is painted now
    window.wait_for(second, 30)
    window.wait_for("3 layers)", 10)
    with client.connect(gimp.installation) as backend:
        window.wait(lambda: backend.status()["queue"] == 1, "the second run in the queue", 30)
    _, height = window.size(first)
    assert abs(window.place(second)[1] - window.place(first)[1]) > height, "one window covers the other"
    window.cancel(second)
    window.wait_for("2 layers)", 10)
    assert not window.has(second)
    assert running(gimp)
    window.cancel(first)
    assert run.is_over()


def test_closing_the_window_is_cancel_and_keeps_the_layer_if_told_to(gimp: Machine, window: Gui) -> None:
    run = Run(gimp, window, from_the_dialog_with_the_layer_kept)
    window.focus(RUN)
    window.key("alt+F4")
    assert run.seconds_until_idle() < STOP_SECONDS
    window.wait(lambda: not window.has(RUN), "the end of the window", 10)
    assert window.has("2 layers)*")
    assert run.canvas() != run.before
    window.focus(MAIN)
    window.key("ctrl+z")
    assert run.is_over()


@pytest.mark.parametrize("victim", ["worker", "backend"])
def test_a_failure_takes_the_layer_and_says_why(victim: str, gimp: Machine, window: Gui) -> None:
    run = Run(gimp, window)
    with client.connect(gimp.installation) as backend:
        pids = {"worker": int(backend.status()["worker"]), "backend": backend.status()["pid"]}
    os.kill(pids[victim], signal.SIGKILL)
    window.dismiss_message()
    assert run.is_over()


def test_a_layer_that_is_undone_meanwhile_ends_the_run(gimp: Machine, window: Gui) -> None:
    run = Run(gimp, window)
    window.focus(MAIN)
    window.key("ctrl+z")
    assert run.is_over(undone=True)


def test_one_undo_restores_the_image_when_the_plug_in_is_killed(gimp: Machine, window: Gui) -> None:
    run = Run(gimp, window)
    [plug_in] = processes(gimp, PLUG_IN)
    os.kill(plug_in, signal.SIGKILL)
    assert run.seconds_until_idle() < 10
    window.dismiss_message()  # GIMP's own
    assert window.has("2 layers)")
    window.focus(MAIN)
    window.key("ctrl+z")
    assert run.is_over(undone=True)


def test_an_image_that_is_closed_meanwhile_ends_the_run(gimp: Machine, window: Gui) -> None:
    run = Run(gimp, window)
    window.focus(MAIN)
    window.key("ctrl+w")
    if run.changed:
        window.wait_for("Close", 10)
        window.key("alt+d")
    window.wait(lambda: not window.has(RUN), "the end of the window", 10)
    assert run.seconds_until_idle() < 10
    window.wait(lambda: not processes(gimp, PLUG_IN), "the end of the plug-in", 10)
    assert not window.has("GIMP Message")
    assert not window.has(" layer")
    assert window.has("GNU Image")
