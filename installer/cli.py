"""The command line of install.py."""

from __future__ import annotations

import argparse
import traceback
from pathlib import Path

from backend.protocol.installation import default_home

from . import demo, doctor, download, gimp_demo, offline, say, setup, testing, uninstall
from .environment import log_file
from .problems import Problem, from_os_error
from .target import PLATFORMS, Target

COMMANDS = {
    "install": "set up the backend and the plug-in; safe to repeat (the default)",
    "demo": "install what is missing, then stylise a photograph",
    "test": "set up what is missing, a GIMP included, and run every test",
    "download": "fill a folder (--to DIR) with all that an installation without a network needs",
    "check": "examine the installation and say what to do if something is wrong",
    "uninstall": "remove all of it, and nothing else",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it went well, 1 if not, 130 if the user stopped it."""
    options = _parser().parse_args(arguments)
    home = default_home().expanduser().absolute()
    try:
        return 0 if _run(options, home) else 1
    except Problem as problem:
        say.line(f"{problem.sentence}\n{problem.remedy}")
    except OSError as error:
        meaning = from_os_error(error, home)
        say.line(f"{meaning.sentence}\n{meaning.remedy}")
    except KeyboardInterrupt:
        say.line("Stopped. Run the same command again: it goes on from here.")
        return 130
    except Exception:
        say.line(f"Something unforeseen went wrong.\n{_keep_traceback(home)}")
    return 1


def _run(options: argparse.Namespace, home: Path) -> bool:
    command, plug_ins = options.command, options.plug_ins
    if options.wheels is not None:
        offline.use(options.wheels)
    if command == "download":
        if options.to is None:
            raise Problem("The folder to download into was not named.", "Add it: `download --to DIR`.")
        download.download(options.to, Target.named(options.platform, options.python), options.torch)
        return True
    if command == "test":
        return testing.test()
    if command == "check":
        return doctor.check(home, plug_ins)
    if command == "uninstall":
        uninstall.uninstall(home, plug_ins)
        return True
    well = setup.install(home, plug_ins)
    if command == "install":
        return well
    return demo.demo(home) if options.gimp is None else gimp_demo.demo(home, plug_ins, options.gimp)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="install.py",
        description="Neural Style for GIMP.",
        epilog="\n".join(f"  {name:11}{text}" for name, text in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="install", metavar="COMMAND")
    parser.add_argument(
        "--plug-ins",
        action="append",
        default=[],
        type=_folder,
        metavar="DIR",
        help="a plug-ins folder of a GIMP 3 that is not found by itself; may be repeated",
    )
    in_gimp = "demo: paint in GIMP, and leave its image with both layers; PROGRAM is another GIMP than the one found"
    parser.add_argument("--gimp", nargs="?", const="", metavar="PROGRAM", help=in_gimp)
    parser.add_argument("--wheels", type=_folder, metavar="DIR", help="install from this folder, without a network")
    parser.add_argument("--to", type=_folder, metavar="DIR", help="download: the folder to fill")
    other = f"download: for another machine than this one: {', '.join(PLATFORMS)}"
    parser.add_argument("--platform", default="", metavar="NAME", help=other)
    parser.add_argument("--python", default="", metavar="3.X", help="download: for another Python than this one")
    parser.add_argument(
        "--torch",
        choices=("cpu", "cuda"),
        default="",
        help="download: the build of PyTorch (the default is this machine's, or cpu for another platform)",
    )
    return parser


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _keep_traceback(home: Path) -> str:
    """Put the traceback into the log, and say where to find it."""
    try:
        log_file(home).parent.mkdir(parents=True, exist_ok=True)
        with log_file(home).open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
        return f"Please report it with the end of {log_file(home)}."
    except OSError:
        return "Please report it: " + traceback.format_exc().strip().splitlines()[-1]
