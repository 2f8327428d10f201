"""Every failure a user can meet: a code, one sentence, and a remedy, written here and nowhere else.

In English; who speaks another language translates the texts of `ERRORS` and puts a failure's `details` into them.
"""

from __future__ import annotations

from typing import Any

ERRORS: dict[str, tuple[str, str]] = {
    # Installing, starting and reaching the backend.
    "not-installed": (
        "The Neural Style backend was not found at {path}.",
        "Run `python3 install.py` from the Neural Style folder and try again.",
    ),
    "cannot-start": (
        "The Neural Style backend did not start: {reason}.",
        "Run `neural-style serve` in a terminal to see why, or read {log}.",
    ),
    "flatpak-may-not-start": (
        "This GIMP is a Flatpak, which may not start the Neural Style backend outside of its sandbox.",
        "Run `neural-style serve` in a terminal first, or allow it once and for all: run "
        "`flatpak override --user --talk-name=org.freedesktop.Flatpak {app}` and restart GIMP.",
    ),
    "snap-confined": (
        "This GIMP is a Snap, whose confinement keeps it from the Neural Style backend in {path}.",
        "Use GIMP from your distribution, as a Flatpak or as an AppImage for this filter.",
    ),
    "no-answer": (
        "The Neural Style backend does not answer.",
        "Run `neural-style stop` in a terminal and try again.",
    ),
    "lost": (
        "The connection to the Neural Style backend was lost before the picture was finished.",
        "Try again: a new backend starts by itself. The reason may be in {log}.",
    ),
    "bridge-died": (
        "The helper process between this program and the Neural Style backend ended unexpectedly ({reason}).",
        "Try again; the reason may be in {log}.",
    ),
    "wrong-version": (
        "The backend speaks protocol {theirs}, but this program speaks {ours}.",
        "Run `neural-style stop`, then `python3 install.py`, and restart GIMP.",
    ),
    "stopping": ("The backend is shutting down.", "Try again in a moment."),
    "busy": ("The backend already has {count} requests waiting.", "Try again when some of them are finished."),
    "busy-memory": (
        "The pictures that the backend has to paint already take {taken} of memory.",
        "Try again when some of them are finished.",
    ),
    "folder": ("The folder {path} cannot be used: {reason}.", "Make it writable for you alone and try again."),
    "disk-full": ("There is no room left on the disk for {path}.", "Free some space there and try again."),
    # Backends on other machines, and the keys for them.
    "unreachable": (
        "The backend at {address} does not answer.",
        "Check the address and the network, and that `neural-style serve --bind` runs there and its firewall lets "
        "the port through.",
    ),
    "key-refused": (
        "The backend at {address} does not accept this computer's key.",
        "Ask its owner for a new invitation and take it in with `neural-style remote use FILE`.",
    ),
    "wrong-server": (
        "What answers at {address} is not the backend that this computer has a key for.",
        "Check the address; if its owner has made new keys, ask for a new invitation and take it in with "
        "`neural-style remote use FILE`.",
    ),
    "remote-lost": (
        "The connection to the backend at {address} was lost before the picture was finished.",
        "Check the network and try again; the reason may be in the log on that machine.",
    ),
    "remote-version": (
        "The backend at {address} speaks protocol {theirs}, but this program speaks {ours}.",
        "Install the same version of Neural Style on both machines.",
    ),
    "not-from-afar": (
        "A backend is not stopped from another machine, since others may use it too.",
        "Its owner can, with `neural-style stop` on that machine.",
    ),
    "remote-weights": (
        "A weights file is not opened for a client on another machine.",
        "Use the weights original or torchvision.",
    ),
    "no-key": (
        "There is no key for the backend at {address} on this computer.",
        "Take in the invitation that its owner made for you: `neural-style remote use FILE`.",
    ),
    "bad-key": (
        "That is not a key: a key is 64 hexadecimal digits.",
        "Copy all of it, as `neural-style remote key` or `neural-style keys list` shows it.",
    ),
    "bad-address": (
        "{address} is not the address of a backend.",
        "Write it as tcp://HOST:PORT, for example tcp://gpu.example:5555.",
    ),
    "bad-name": (
        "{name} cannot be the name of a key.",
        "Use up to 64 letters, digits, dots, dashes and underscores, and begin with a letter or a digit.",
    ),
    "name-taken": (
        "There is a key named {name} already.",
        "Choose another name, or take that one back first with `neural-style keys revoke {name}`.",
    ),
    "key-known": ("That key is allowed already, as {name}.", "Nothing is left to do."),
    "no-such-key": ("There is no key named {name}.", "`neural-style keys list` shows all there are."),
    "file-exists": ("The file {path} exists already.", "Remove it, or choose another one with -o."),
    "secret-open": (
        "Other users of this computer can read the secret in {path}.",
        "Run `chmod 600` on that file, or make new keys if they may have read it.",
    ),
    "secret-damaged": (
        "The file {path} cannot be used: {reason}.",
        "Remove it and make it again as docs/REMOTE.md explains.",
    ),
    "no-server-keys": (
        "There are no keys in {path}.",
        "Make the first one with `neural-style keys new NAME --address tcp://HOST:PORT --keys {path}`.",
    ),
    "needs-keys": (
        "Other machines can reach {address}, so the backend does not listen there without keys.",
        "Add `--keys DIR` with a folder made by `neural-style keys new`.",
    ),
    "keys-for-nothing": (
        "Keys are for clients on other machines, but there is no address at which those can come in.",
        "Add `--bind tcp://0.0.0.0:PORT`, or leave `--keys` out.",
    ),
    "cannot-listen": (
        "The backend cannot listen at {address}: {reason}.",
        "Choose another port or address.",
    ),
    "runs-already": ("A backend runs already.", "End it with `neural-style stop` first."),
    # What a job can be refused for.
    "bad-message": (
        "The backend did not understand a message: {reason}.",
        "Run `python3 install.py` again so that the plug-in and the backend are of one version.",
    ),
    "bad-setting": ("The setting {name} cannot be {value}.", "Use {allowed}."),
    "bad-picture": ("The {role} picture cannot be used: {reason}.", "Choose another picture."),
    "too-small": (
        "The {role} picture is {width} x {height} pixels, but both sides must have at least {least}.",
        "Choose or scale to a larger picture.",
    ),
    "too-large": (
        "The {role} picture is {width} x {height} pixels, more than the {most} million that are accepted.",
        "Scale it down first.",
    ),
    # What can happen while a job runs.
    "no-device": ("The device {device} is not available on this machine.", "Use the device auto or cpu."),
    "weights-missing": (
        "The VGG-19 weights were not found: {reason}.",
        "Run `python3 install.py` again.",
    ),
    "weights-wrong": (
        "The file {path} does not hold VGG-19 weights that can be used: {reason}.",
        "Run `python3 install.py` again, or choose another weights file.",
    ),
    "weights-download": (
        "The VGG-19 weights could not be downloaded: {reason}.",
        "Check the network, or use the weights `original`, which need no download.",
    ),
    "diverged": (
        "The optimisation did not find a picture: {reason}.",
        "Lower the style strength, or try another seed.",
    ),
    "out-of-memory": (
        "The machine ran out of memory at a working size of {size} pixels.",
        "Choose a smaller working size or close other programs.",
    ),
    "too-little-memory": (
        "A working size of {size} px needs about {needed} of memory, but only {free} is available.",
        "Choose a working size of at most {largest} px, close other programs, "
        "or raise the memory limit if there is one.",
    ),
    "too-little-memory-to-paint-on": (
        "Painting {width} x {height} pixels in full needs about {needed} of memory, but only {free} is available.",
        "Choose another quality than full (or the full size detail) with a working size of at most {largest} px, "
        "close other programs, or raise the memory limit if there is one.",
    ),
    "no-size-fits": (
        "A picture of {width} x {height} pixels needs about {needed} of memory even at the smallest working size, "
        "but only {free} is available.",
        "Scale the picture down, close other programs, or raise the memory limit if there is one.",
    ),
    "worker-died": (
        "The process that paints the picture ended unexpectedly ({reason}).",
        "Try again, with a smaller working size if it was short of memory.",
    ),
    "workers-die": (
        "The process that paints ended {count} times in a row, the last time with {reason}.",
        "Close other programs and try again in half a minute; the reason may be in {log}.",
    ),
    "cluster": (
        "The Dask cluster at {address} could not paint the picture: {reason}.",
        "See whether its scheduler and workers run, and whether Neural Style is installed on each of them.",
    ),
    "no-dask": (
        "Dask.distributed cannot be used here: {reason}.",
        'Run `{python} -m pip install "neural-style-gimp[dask]"`.',
    ),
    "bad-executor": (
        "{address} is no place where jobs can run.",
        "Use `local`, or `dask://HOST:PORT` with the address of a Dask scheduler.",
    ),
    "internal": (
        "Something went wrong inside the backend ({reason}).",
        "Try again; the details are in {log}.",
    ),
    # Files, on the command line and in the plug-in.
    "no-file": ("There is no file {path}.", "Check the name and the folder."),
    "not-a-picture": ("{path} is not a picture that can be read: {reason}.", "Choose a PNG, JPEG, TIFF or WebP file."),
    "cannot-write": ("{path} cannot be written: {reason}.", "Choose another name or folder with -o."),
}


TOLD_FROM_AFAR = "The backend at {address} says: {sentence}"


class Failure(Exception):
    """A failure as the user sees it: `code` and `details` for programs, `sentence` and `remedy` for people.

    `told_by` is the address of the machine that reported it, None if it is this one.
    """

    told_by: str | None = None

    def __init__(self, code: str, **details: Any) -> None:
        sentence, remedy = ERRORS[code]
        self.code = code
        self.details = {name: str(value) for name, value in details.items()}
        self.sentence = sentence.format(**details)
        self.remedy = remedy.format(**details)
        super().__init__(self.code)

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}"

    def to_wire(self) -> dict[str, Any]:
        """The failure as JSON values."""
        return {"code": self.code, "sentence": self.sentence, "remedy": self.remedy, "details": self.details}

    @classmethod
    def from_wire(cls, values: dict[str, Any]) -> Failure:
        """The failure that a peer reported; codes that this side does not know are kept as they are."""
        failure = cls.__new__(cls)
        Exception.__init__(failure, str(values.get("code", "internal")))
        failure.code = str(values.get("code", "internal"))
        failure.sentence = str(values.get("sentence", "The backend reported a failure."))
        failure.remedy = str(values.get("remedy", "Try again."))
        details = values.get("details")
        failure.details = {name: str(value) for name, value in details.items()} if isinstance(details, dict) else {}
        return failure
