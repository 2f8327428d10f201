"""The preview in the dialog: it comes, follows the settings, and is no hindrance to the picture itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvips
from gui import MAIN, Gui, gimp_window
from machine import PHOTO, STYLE, Machine, machine

from backend.protocol import client

DIALOG = "^Neural Style$"
SIZE = 128, 85
CHANGED = SIZE[0] * SIZE[1] // 3
"""Pixels that nothing but another picture in the preview can change."""


@pytest.fixture(scope="module", params=["3.0", "3.2"])
def gimp(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with machine(request.param, knows_its_speed=True) as made:
        yield made


def test_the_preview_follows_the_settings_and_ok_does_not_wait(gimp: Machine) -> None:
    gimp.chroot.tmp.mkdir(exist_ok=True)
    pyvips.Image.new_from_file(str(PHOTO)).resize(SIZE[0] / 512).pngsave(str(gimp.chroot.tmp / "small.png"))
    with client.connect(gimp.installation) as backend:
        worker = backend.status()["worker"]
    with gimp_window(gimp.chroot, gimp.version, gimp.config, Path("/tmp/small.png")) as gui:
        gui.focus(MAIN)
        os.kill(worker, signal.SIGSTOP)
        try:
            gui.open_dialog(STYLE)
            gui.key("alt+w", "ctrl+a")
            gui.type("64")
            gui.key("Tab")
            wait_for_job(gui, gimp, 1, "{")
            before = shot(gui, gimp, "before")
        finally:
            os.kill(worker, signal.SIGCONT)
        wait_for_job(gui, gimp, 1, "done")
        painted = shot(gui, gimp, "painted")
        assert changed(before, painted) > CHANGED
        gui.focus(DIALOG)
        gui.key("alt+u")  # the layer's colours are kept
        wait_for_job(gui, gimp, 2, "done")
        assert changed(painted, shot(gui, gimp, "colours")) > CHANGED
        gui.focus(DIALOG)
        gui.key("alt+u")
        wait_for_job(gui, gimp, 3, "{")
        gui.key("alt+o")
        gui.wait_for("2 layers", 120)
        gui.wait(lambda: "job 3: cancelled" in log(gimp) or "job 3: done" in log(gimp), "the preview's end")
        assert log(gimp).count('"size": 256') == 3, "each change was painted once"
        gui.wait(lambda: "(preview yes)" in last_settings(gimp), "the switch among the last settings", 120)


def log(gimp: Machine) -> str:
    return gimp.installation.log_file.read_text()


def last_settings(gimp: Machine) -> str:
    """What GIMP keeps for the next dialog, written when a run has ended."""
    return "".join(path.read_text() for path in (gimp.config / "plug-in-settings").glob("*.last"))


def wait_for_job(gui: Gui, gimp: Machine, number: int, what: str) -> None:
    """Wait until the backend's log has that of a job."""
    gui.wait(lambda: f"job {number}: {what}" in log(gimp), f"job {number}: {what}", 180)


def shot(gui: Gui, gimp: Machine, name: str) -> pyvips.Image:
    path = gimp.folder / f"{name}.png"
    gui.shot(path, DIALOG)
    return pyvips.Image.new_from_file(str(path))


def changed(before: pyvips.Image, after: pyvips.Image) -> int:
    """How many pixels are clearly not what they were."""
    first, second = (image.numpy()[..., :3].astype(int) for image in (before, after))
    return int((np.abs(first - second).max(axis=2) > 24).sum())
