"""The procedure's arguments, from a script and from the dialog, in a real GIMP."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gui import MAIN, NEURAL_STYLE, Gui, gimp_window
from machine import PHOTO, STYLE, Machine, machine
from neuralstyle.history import Entry, History

from backend.imaging import files
from backend.imaging.arrays import array_of
from backend.protocol import client
from backend.protocol.events import Done
from backend.protocol.job import Job, Picture, Settings, Style

DIALOG = "^Neural Style$"
TITLE = 24
"""What the window manager adds to a window's height."""
INSIDE = Path(__file__).with_name("arguments_inside.py")
SMALL: dict[str, Any] = {"style-file": str(STYLE), "preset": "draft", "size": 64}
# Every argument that is a setting, with a value that is not its default.
ARGUMENTS: dict[str, Any] = {
    "preset": "draft",
    "size": 64,
    "style-strength": 3.0,
    "stroke-size": 0.5,
    "keep-colors": True,
    "seed": 7,
    "style-layers": "conv2_1=1,conv3_1=0.5",
    "content-layers": "conv3_2=1",
    "steps": 12,
    "optimiser": "adam",
    "pooling": "max",
    "smoothness": 2.0,
    "init": "noise",
    "device": "cpu",
}
SETTINGS = Settings(
    preset="draft",
    size=64,
    style_strength=3.0,
    stroke_size=0.5,
    keep_colours=True,
    seed=7,
    style_layers={"conv2_1": 1.0, "conv3_1": 0.5},
    content_layers={"conv3_2": 1.0},
    steps=12,
    optimiser="adam",
    pooling="max",
    smoothness=2.0,
    init="noise",
    device="cpu",
)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no-style": ({"preset": "draft"}, "No style picture is chosen"),
    "style-layers": (SMALL | {"style-layers": "conv9_9=1"}, "The setting style-layers cannot be"),
    "content-layers": (SMALL | {"content-layers": "conv4_2=much"}, "The setting content-layers cannot be"),
    "no-weight": (SMALL | {"more-styles": str(STYLE)}, "Write a weight above 0, a tab"),
    "heavy": (SMALL | {"more-styles": f"5000\t{STYLE}"}, "The setting style weight cannot be"),
    "missing": (SMALL | {"more-styles": "1\t/nowhere/style.png"}, "There is no file /nowhere/style.png"),
    "many": (SMALL | {"more-styles": f"1\t{STYLE}\n" * 16}, "1 to 16 style pictures"),
    "device": (SMALL | {"device": "mps"}, "The device mps is not available"),
    "address": (SMALL | {"backend": "gpu.example"}, "is not the address of a backend"),
}


@pytest.fixture(scope="module", params=["3.0", "3.2"])
def gimp(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with machine(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def played(gimp: Machine) -> dict[str, Any]:
    """The outcomes of all calls, from one start of GIMP."""
    style, second = make_styles(gimp)
    every = ARGUMENTS | {"style-layer": style, "style-weight": 2.0, "more-styles": f"0.5\t{second}\n"}
    cases: list[dict[str, Any]] = [
        {"name": "usual-settings", "settings": True, "arguments": {}},
        {"name": "settings", "settings": True, "arguments": ARGUMENTS},
        {"name": "every", "arguments": every},
        {"name": "usual", "arguments": SMALL | {"style-file": style, "steps": 12}},
        {"name": "only-more", "arguments": {"more-styles": f"1\t{Path(second).as_uri()}", "size": 64, "steps": 1}},
    ]
    cases += [{"name": name, "arguments": arguments} for name, (arguments, _) in REFUSED.items()]
    return gimp.play("arguments", cases, program=INSIDE)


def make_styles(gimp: Machine) -> tuple[str, str]:
    """Two small styles without losses, so that all read the same pixels in them."""
    folder = gimp.folder / "arguments"
    folder.mkdir(exist_ok=True)
    rows = np.arange(60, dtype=np.uint8)[:, None, None]
    columns = np.arange(80, dtype=np.uint8)[None, :, None]
    stripes = np.broadcast_to(rows * 4 + columns, (60, 80, 3)) * np.array([1, 2, 3], np.uint8)
    for name, pixels in (("stripes", stripes), ("blocks", stripes // 64 * 64)):
        files.write(picture(pixels), folder / f"{name}.png")
    return str(folder / "stripes.png"), str(folder / "blocks.png")


def picture(pixels: npt.NDArray[np.uint8]) -> Picture:
    height, width, channels = pixels.shape
    return Picture(width, height, channels, "u8", np.ascontiguousarray(pixels).tobytes())


def test_arguments_become_settings(played: dict[str, Any]) -> None:
    assert Settings.from_wire(played["settings"]) == SETTINGS
    assert Settings.from_wire(played["usual-settings"]) == Settings()
    differ = {name for name, value in played["settings"].items() if value != played["usual-settings"][name]}
    assert len(differ) == len(ARGUMENTS)


def test_a_script_paints_what_the_client_paints_with_all_arguments(gimp: Machine, played: dict[str, Any]) -> None:
    outcome = played["every"]
    assert outcome["ok"], outcome["told"]
    assert (outcome["told"], outcome["layers"]) == ("Background + blocks on Portrait", 2)
    assert outcome["images"] == 2, "a style's copy was left open"
    styles = tuple(
        Style(files.read(gimp.folder / "arguments" / f"{name}.png", "style"), weight)
        for name, weight in (("stripes", 2.0), ("blocks", 0.5))
    )
    painted = pixels_of(paint(gimp, Job(content(gimp), styles, SETTINGS)).pixels)
    assert np.abs(after(gimp, "every") - painted).mean() < 1
    assert np.abs(after(gimp, "every") - after(gimp, "usual")).mean() > 8


def test_the_further_styles_are_enough(played: dict[str, Any]) -> None:
    assert played["only-more"]["ok"], played["only-more"]["told"]
    assert played["only-more"]["told"] == "blocks on Portrait"


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_argument_is_an_error_with_a_sentence(name: str, played: dict[str, Any]) -> None:
    assert not played[name]["ok"]
    assert REFUSED[name][1] in played[name]["told"]
    assert played[name]["layers"] == 1
    assert "Traceback" not in played["output"]


def test_runs_that_ended_well_are_remembered(gimp: Machine, played: dict[str, Any]) -> None:
    more, usual, every = earlier(gimp)[-3:]
    assert every.arguments == ARGUMENTS
    (layer, weight), blocks = every.styles
    assert blocks == ((gimp.folder / "arguments" / "blocks.png").as_uri(), 0.5)
    assert weight == 2
    assert kept(gimp, "Background.png") and layer.endswith("/Background.png")
    assert usual.arguments == {"preset": "draft", "size": 64, "steps": 12}
    assert more.styles == ((blocks[0], 1.0),)


def content(gimp: Machine) -> Picture:
    return Picture(64, 48, 3, "u8", (gimp.folder / "arguments" / "every.before").read_bytes())


def after(gimp: Machine, name: str) -> npt.NDArray[np.float32]:
    return pixels_of((gimp.folder / "arguments" / f"{name}.after").read_bytes())


def pixels_of(data: bytes | memoryview) -> npt.NDArray[np.float32]:
    return np.frombuffer(data, np.uint8).astype(np.float32)


def paint(gimp: Machine, job: Job) -> Picture:
    with client.connect(gimp.installation) as backend:
        [done] = [event for event in backend.submit(job).events() if isinstance(event, Done)]
    return done.picture


def test_the_dialog(gimp: Machine, played: dict[str, Any]) -> None:
    """Values, dice, estimates; save, load, reset and repeat; a file, a layer and the clipboard, in one start."""
    assert played["usual"]["ok"], "the backend has measured the machine"
    [copied_by_a_script] = gimp.installation.home.glob("styles/pictures/*/Background.png")
    os.utime(copied_by_a_script, (0, 0))
    with gimp_window(gimp.chroot, gimp.version, gimp.config, PHOTO, "1366x768x24") as gui:
        gui.focus(MAIN)
        gui.start(NEURAL_STYLE)
        gui.focus(DIALOG)
        gui.key("alt+b", "alt+o")  # nothing was copied: no style, and so no OK
        gui.choose_style(unreadable(gimp))  # which the dialog itself tells, and no window of GIMP's besides
        gui.choose_style(STYLE)
        assert not gui.has("GIMP Message")
        assert set_values(gimp, gui) == {"size": "64", "preset": '"draft"', "style-strength": "2", "keep-colors": "yes"}
        shows_estimates(gimp, gui)
        gui.key("alt+a")
        fits_the_screen(gui)
        gui.key("alt+a", "alt+o")
        last = wait_for_values(gimp, gui, "last")
        assert last == values(gimp, "default")
        gui.wait_for("2 layers)", 60)
        assert copied_by_a_script.exists(), "an old copy that an earlier run can be repeated with"

        gui.focus(MAIN)
        gui.key("ctrl+c", "ctrl+shift+f")
        gui.focus(DIALOG)
        gui.key("alt+w", "ctrl+a")
        gui.type("96")
        gui.key("Tab", "alt+l", "alt+b")  # the saved settings, 64 among them, but another style
        gui.wait(lambda: kept(gimp, "Clipboard.png"), "the copied picture")
        gui.key("alt+x", "alt+y")
        time.sleep(1)  # the list comes slowly into sight
        gui.key("Down", "Return")
        gui.wait(lambda: kept(gimp, "style on photo.jpg.png"), "the layer's picture")
        forget(gimp, "last")
        gui.key("alt+o")
        changed = {name: value for name, value in wait_for_values(gimp, gui, "last").items() if value != last[name]}
        assert changed.keys() == {"style-file", "more-styles"}
        assert "Clipboard.png" in changed["style-file"]
        assert changed["more-styles"].startswith('"1\\t') and "style on photo.jpg.png" in changed["more-styles"]
        gui.wait_for("3 layers)", 60)

        gui.focus(MAIN)
        gui.key("ctrl+shift+f")
        gui.focus(DIALOG)
        forget(gimp, "default")
        gui.key("alt+r", "Down", "Return", "alt+s")
        reset = wait_for_values(gimp, gui, "default")
        assert (reset["size"], reset["seed"], reset["more-styles"]) == ("512", "0", '""')
        forget(gimp, "default")
        gui.key("alt+p", "Down", "Return", "alt+s")  # the painting before the last one
        assert wait_for_values(gimp, gui, "default") == last
        gui.key("Escape")


def unreadable(gimp: Machine) -> Path:
    """A file that is no picture, as GIMP finds it."""
    (gimp.chroot.tmp / "unreadable.jpg").write_text("no picture")
    return Path("/tmp/unreadable.jpg")


def set_values(gimp: Machine, gui: Gui) -> dict[str, str]:
    """Set some values by keys, roll the dice and save; what was saved of them."""
    gui.key("alt+w", "ctrl+a")
    gui.type("64")
    gui.key("Tab", "alt+q", "Up", "alt+t", "ctrl+a")
    gui.type("2")
    gui.key("Tab", "alt+u", "alt+d", "Tab", "space", "alt+s")
    saved = wait_for_values(gimp, gui, "default")
    # GTK's chooser may put one more slash before what is typed.
    assert saved["style-file"].endswith(f'/{STYLE.relative_to(STYLE.parents[1])}"')
    assert 0 < int(saved["seed"]) < 1_000_000
    return {name: saved[name] for name in ("size", "preset", "style-strength", "keep-colors")}


def values_file(gimp: Machine, kind: str) -> Path:
    return gimp.config / "plug-in-settings" / f"GimpProcedureConfigRun-plug-in-neural-style.{kind}"


def values(gimp: Machine, kind: str) -> dict[str, str]:
    """What GIMP has stored: the last values or the saved ones, as they stand in its file."""
    lines = values_file(gimp, kind).read_text().splitlines()
    return dict(line[1:-1].split(" ", 1) for line in lines if line.startswith("("))


def wait_for_values(gimp: Machine, gui: Gui, kind: str) -> dict[str, str]:
    def complete() -> bool:
        return values_file(gimp, kind).exists() and "end of settings" in values_file(gimp, kind).read_text()

    gui.wait(complete, f"the {kind} values", 120)
    return values(gimp, kind)


def forget(gimp: Machine, kind: str) -> None:
    values_file(gimp, kind).unlink()


def kept(gimp: Machine, name: str) -> bool:
    return any(gimp.installation.home.glob(f"styles/pictures/*/{name}"))


def earlier(gimp: Machine) -> list[Entry]:
    """The runs that GIMP remembers, the newest one first."""
    return History(gimp.installation.home / "styles" / "history").entries()


def shows_estimates(gimp: Machine, gui: Gui) -> None:
    """Beside each quality stands more than the dots of a question."""
    gui.wait(lambda: estimates_width(gimp, gui) > 60, "estimates", 120)


def estimates_width(gimp: Machine, gui: Gui) -> int:
    """How wide the shortest text beside the qualities is, in pixels."""
    path = gimp.folder / f"dialog-{time.monotonic()}.png"  # libvips remembers what it has read by its name
    gui.shot(path, DIALOG)
    gui.focus(DIALOG)
    column = array_of(files.read(path, "shot"))[400:540, 110:340, :3].astype(int)
    ink = np.abs(column - column[0, 0]).max(axis=2) > 60
    rows = np.flatnonzero(ink.any(axis=1))
    lines = np.split(rows, np.flatnonzero(np.diff(rows) > 3) + 1)
    assert len(lines) >= 4
    return min(int(np.ptp(np.flatnonzero(ink[line].any(axis=0)))) for line in lines[:4])


def fits_the_screen(gui: Gui) -> None:
    """The window, with what the expander holds, is no larger than the screen."""
    gui.wait(lambda: gui.size(DIALOG)[1] > 650, "the open expander")
    width, height = gui.size(DIALOG)
    assert width <= 1366 and height + TITLE <= 768
