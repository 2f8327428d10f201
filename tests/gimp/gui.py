"""A GIMP with its windows, on a display of its own, driven by keys as a person would."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chroot import LOCALE, Chroot

SESSION = """
Xvfb -displayfd 3 -screen 0 $SCREEN -nolisten tcp 3>/tmp/display &
until [ -s /tmp/display ]; do sleep 0.05; done
export DISPLAY=:$(cat /tmp/display)
openbox &
exec dbus-run-session "$@"
"""
# No dialogs at the start; and the title tells whether the image was changed, and how many layers it has.
MAIN = " layer"
RUN = "Neural Style: "
"""In the title of the window that a run of the filter has."""
GIMPRC = f"""(show-welcome-dialog no)
(check-updates no)
(color-profile-policy keep)
(save-session-info no)
(image-title-format "%f (%t, %L)%D*")
(prev-language "{LOCALE}")
"""


NEURAL_STYLE = "plug-in-neural-style"
ADD_MASK = "layers-mask-add"
MAKE_INDEXED = "image-convert-indexed"
SHORTCUTS = {NEURAL_STYLE: "n", ADD_MASK: "m", MAKE_INDEXED: "i"}
"""GIMP's names of actions, and the keys that start them together with Ctrl and Alt."""


@dataclass
class Gui:
    """A running GIMP; every wait ends in TimeoutError with a note of what did not happen."""

    chroot: Chroot
    display: str

    def key(self, *keys: str) -> None:
        """Press keys one after the other in the window that has the focus."""
        for key in keys:
            self._tool("xdotool", "key", "--clearmodifiers", key)
            # GTK clicks a button a quarter of a second after its letter, and the next key would prevent that.
            time.sleep(0.5 if key.startswith("alt+") else 0.15)

    def type(self, text: str) -> None:
        """Type a text."""
        self._tool("xdotool", "type", "--delay", "30", text)

    def titles(self) -> list[str]:
        """The titles of all windows."""
        found = self._tool("xdotool", "search", "--onlyvisible", "--name", ".").split()
        return [self._tool("xdotool", "getwindowname", window).strip() for window in found]

    def focus(self, title: str) -> None:
        """Give the keyboard to the window with that in its title, once it is there."""
        window = self.wait(lambda: self._find(title), f"a window {title!r}")
        self._tool("xdotool", "windowactivate", "--sync", window)
        time.sleep(0.3)

    def resize(self, title: str, width: int, height: int) -> None:
        """Put a window into the screen's corner, that large."""
        window = self._find(title)
        self._tool("xdotool", "windowmove", window, "0", "0", "windowsize", "--sync", window, str(width), str(height))
        time.sleep(1)

    def size(self, title: str) -> tuple[int, int]:
        """Width and height of a window, without its frame."""
        found = self._geometry(title)
        return found["WIDTH"], found["HEIGHT"]

    def place(self, title: str) -> tuple[int, int]:
        """Where on the screen a window begins, without its frame."""
        found = self._geometry(title)
        return found["X"], found["Y"]

    def has(self, title: str) -> bool:
        """Whether a window with that in its title is shown."""
        return any(title in shown for shown in self.titles())

    def wait_for(self, title: str, seconds: float = 60) -> None:
        """Wait until a window has that in its title."""
        self.wait(lambda: self.has(title), f"a window {title!r}", seconds)

    def wait(self, look: Callable[[], object], what: str, seconds: float = 60) -> str:
        """Wait until `look` finds something."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := look():
                return str(found)
            time.sleep(0.2)
        raise TimeoutError(f"{what} did not come in {seconds:.0f} s; there are {self.titles()}")

    def start(self, action: str) -> None:
        """Start one of `SHORTCUTS`; without GIMP's search, which is now and then deaf on a busy machine."""
        self.key(f"ctrl+alt+{SHORTCUTS[action]}")

    def choose_file(self, path: str) -> None:
        """Name a file in an open file chooser; a slash makes it show the line to type in."""
        self.key("slash")
        time.sleep(1)
        self.key("ctrl+a")
        self.type(path)
        time.sleep(1)
        self.key("Return")
        time.sleep(1.5)

    def open_dialog(self, style: Path) -> None:
        """Open the Neural Style dialog and choose the style picture in it."""
        self.start(NEURAL_STYLE)
        self.choose_style(style)

    def choose_style(self, style: Path) -> None:
        """Choose the style picture in the dialog."""
        self.focus("^Neural Style$")
        self.key("alt+f")
        self.wait_for("Choose the Style Picture", 60)
        self.choose_file(str(style))
        self.focus("^Neural Style$")

    def run_to_end(self, seconds: float = 120) -> None:
        """Wait until a run of the filter, which is about to add a second layer, is over."""
        self.wait_for("2 layers", 60)  # there as long as the window, and afterwards
        self.wait(lambda: not self.has(RUN), "the end of the run", seconds)

    def dismiss_message(self) -> None:
        """Wait for a message, and close it."""
        self.wait_for("GIMP Message", 20)
        self.focus("GIMP Message")
        self.key("Escape")
        self.wait(lambda: not self.has("GIMP Message"), "the end of the message", 10)

    def cancel(self, title: str = RUN) -> None:
        """Cancel a run by the keyboard."""
        self.focus(title)
        self.key("Escape")

    def patch(self, left: int, top: int, width: int, height: int) -> bytes:
        """A part of the screen as 8-bit RGB, without the pointer and what GIMP draws at it."""
        self._tool("xdotool", "mousemove", "0", "0")
        self._tool("import", "-silent", "-window", "root", "-crop", f"{width}x{height}+{left}+{top}", "/tmp/patch.rgb")
        return (self.chroot.tmp / "patch.rgb").read_bytes()

    def shot(self, path: Path, title: str | None = None) -> None:
        """A picture of the screen, or of one window with its frame, as PNG; without the pointer and its tooltip."""
        window = ["-window", "root"] if title is None else ["-window", self._find(title), "-frame"]
        self._tool("xdotool", "mousemove", "0", "0")
        time.sleep(1)
        self._tool("import", *window, "/tmp/shot.png")
        path.write_bytes((self.chroot.tmp / "shot.png").read_bytes())

    def _geometry(self, title: str) -> dict[str, int]:
        shown = self._tool("xdotool", "getwindowgeometry", "--shell", self._find(title))
        return {name: int(value) for name, value in (line.split("=") for line in shown.split())}

    def _find(self, title: str) -> str:
        found = self._tool("xdotool", "search", "--onlyvisible", "--name", title).split()
        return found[-1] if found else ""

    def _tool(self, *command: str) -> str:
        code, output = self.chroot.run(command, {"DISPLAY": self.display}, 30)
        # xdotool's exit code is 1 where a search finds nothing.
        return output if code == 0 else ""


@contextmanager
def gimp_window(
    chroot: Chroot,
    version: str,
    config: Path,
    picture: Path,
    screen: str = "1280x860x24",
    settings: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Gui]:
    """A GIMP that shows the picture, for as long as the block runs; `settings` are lines of gimprc."""
    config.mkdir(parents=True, exist_ok=True)
    release = chroot.run([f"gimp-console-{version}", "--version"], {}, 60)[1].split()[-1]
    (config / "gimprc").write_text(f'{GIMPRC}(config-version "{release}")\n{settings}')
    shortcuts = "".join(f'(action "{action}" "<Primary><Alt>{key}")\n' for action, key in SHORTCUTS.items())
    (config / "shortcutsrc").write_text(f"(file-version 1)\n{shortcuts}")
    number = chroot.tmp / "display"
    number.unlink(missing_ok=True)
    command = ["sh", "-c", SESSION, "sh", f"gimp-{version}", "--no-splash", str(picture)]
    variables = {"GIMP3_DIRECTORY": str(config), "SCREEN": screen, **(environment or {})}
    with chroot.start(command, variables, subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 20
        while not (number.exists() and number.read_text().strip()):
            if time.monotonic() > deadline or process.poll() is not None:
                raise TimeoutError("the virtual display did not start")
            time.sleep(0.1)
        gui = Gui(chroot, ":" + number.read_text().strip())
        gui.wait_for(MAIN, 90)
        time.sleep(1)
        yield gui
