"""`neural-style`: the same client as the plug-in, for people without GIMP and for scripts."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from backend import __version__, cli_remote
from backend.cli_status import lines
from backend.protocol import client, job
from backend.protocol.errors import Failure
from backend.protocol.estimate import Estimate, Outline
from backend.protocol.events import Done, Progress, Queued, duration
from backend.protocol.installation import Installation
from backend.protocol.layers import layers_from_text
from backend.protocol.remotes import LOCAL

WORKERS_VARIABLE = "NEURAL_STYLE_WORKERS"
"""The default of `serve --workers`, also for a backend that is started by a client."""
EXECUTOR_VARIABLE = "NEURAL_STYLE_EXECUTOR"
"""The default of `serve --executor`, likewise."""
LOG_SHARE = 0.05
"""How much of a job passes between two lines where progress goes into a file."""
OK, FAILED, BAD_INPUT, INTERRUPTED, UNHEARD = 0, 1, 2, 130, 141
BAD_INPUT_CODES = {
    "no-file",
    "not-a-picture",
    "too-small",
    "too-large",
    "bad-picture",
    "bad-setting",
    "bad-executor",
    "cannot-write",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the program and return its exit code: 0, 1 failure, 2 bad input, 130 interrupted, 141 nobody listens."""
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # `| head` has read enough. Nothing may be left for Python to write at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNHEARD


def _run(arguments: list[str] | None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except Failure as failure:
        print(f"neural-style: {failure}", file=sys.stderr)
        return BAD_INPUT if failure.code in BAD_INPUT_CODES else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line that says what is wrong and what to do, without the usage around it."""
        print(f"neural-style: {message}. Run `{self.prog} --help` for what is possible.", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="neural-style", description="Paint a picture in the style of another.")
    parser.add_argument("--version", action="version", version=f"neural-style {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the backend in this terminal")
    serve.add_argument("--idle-exit", type=_seconds, metavar="SECONDS", help="leave after so long without a job (900)")
    serve.add_argument("--workers", type=_count, default=os.environ.get(WORKERS_VARIABLE) or None, metavar="N",
                       help="jobs painted at once (one on each device)")  # fmt: skip
    serve.add_argument("--executor", default=os.environ.get(EXECUTOR_VARIABLE) or "local", metavar="E",
                       help="where they are painted: local (default), or dask://HOST:PORT")  # fmt: skip
    cli_remote.add_listening(serve)
    serve.add_argument("--quiet", action="store_true", help="log into the file only")
    serve.set_defaults(run=_serve)
    status = commands.add_parser("status", help="say what the backend is doing")
    status.set_defaults(run=_status)
    stop = commands.add_parser("stop", help="stop the backend of this computer")
    stop.set_defaults(run=_stop)

    stylize = commands.add_parser("stylize", help="paint CONTENT in the style of STYLE")
    stylize.add_argument("content", type=Path, metavar="CONTENT", help="the picture to paint")
    stylize.add_argument("style", type=Path, metavar="STYLE", help="the painting whose style it gets")
    stylize.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="where to write the result")
    _add_settings(stylize)
    stylize.set_defaults(run=_stylize)

    estimate = commands.add_parser("estimate", help="say how long a picture would take, and how much memory")
    estimate.add_argument("width", type=int, metavar="WIDTH", help="the picture's width in pixels")
    estimate.add_argument("height", type=int, metavar="HEIGHT", help="the picture's height in pixels")
    _add_settings(estimate)
    estimate.set_defaults(run=_estimate)
    for command in (status, stop, stylize, estimate):
        cli_remote.add_backend(command)
    cli_remote.add_keys(commands)
    cli_remote.add_remote(commands)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def _add_settings(command: argparse.ArgumentParser) -> None:
    """Add the options that say how a picture is to be painted."""
    defaults = job.Settings()
    command.add_argument("--preset", default=defaults.preset, metavar="P", help="draft, normal (default), high or full")
    command.add_argument("--size", type=int, default=defaults.size, help="long side worked at, in pixels (512)")
    command.add_argument("--steps", type=int, help="optimisation steps up to the working size (from the preset)")
    command.add_argument("--full-size", metavar="F",
                         help="beyond it: detail (the picture's own) or paint on (from the preset)")  # fmt: skip
    command.add_argument("--style-strength", type=float, default=defaults.style_strength, metavar="X",
                         help="more style above 1, more content below (1.0)")  # fmt: skip
    command.add_argument("--stroke-size", type=float, default=defaults.stroke_size, metavar="X",
                         help="broader strokes above 1, finer ones below (1.0)")  # fmt: skip
    command.add_argument("--keep-colours", action="store_true", help="only light and dark from the style")
    command.add_argument("--smoothness", type=float, default=defaults.smoothness, metavar="X",
                         help="smoother areas above 1, more grain below (1.0)")  # fmt: skip
    command.add_argument("--style-layers", default="", metavar="L",
                         help="of the network with weights, such as conv1_1=1,conv2_1=0.5")  # fmt: skip
    command.add_argument("--content-layers", default="", metavar="L", help="likewise, such as conv4_2=1")
    command.add_argument("--seed", type=int, default=defaults.seed, help="for starts with noise (0)")
    command.add_argument("--device", default=defaults.device, metavar="D", help="auto (default), cpu, cuda or mps")
    command.add_argument(
        "--init", default=defaults.init, metavar="I", help="start from content (default), noise, mixed"
    )
    command.add_argument("--optimiser", default=defaults.optimiser, metavar="O", help="lbfgs (default) or adam")
    command.add_argument("--pooling", default=defaults.pooling, metavar="P", help="average (default) or max")
    command.add_argument("--weights", default=defaults.weights, metavar="W",
                         help="original (default), torchvision, or a .pth or .safetensors file")  # fmt: skip
    command.add_argument("--memory-limit", type=float, metavar="GB",
                         help="what the process that paints may take (all that is free)")  # fmt: skip


def _serve(options: argparse.Namespace) -> int:
    from backend.service.serve import IDLE_SECONDS, serve

    installation = Installation.find()
    listen = cli_remote.listening(options, installation)
    # Nobody far away could start it again, so one that others may use leaves only when it is told to.
    idle = options.idle_exit if options.idle_exit is not None else math.inf if listen else IDLE_SECONDS
    if not serve(installation, idle, options.workers, options.executor, listen, options.quiet):
        if listen is not None:
            raise Failure("runs-already")
        print("neural-style: A backend runs already. Use `neural-style status` to see it.", file=sys.stderr)
    return OK


def _status(options: argparse.Namespace) -> int:
    backend = client.connect_running(backend=options.backend)
    if backend is None:
        print("The backend is not running; it starts by itself when it is needed.")
        return FAILED
    with backend:
        print(f"backend: {backend.address or 'this computer'}")
        for line in lines(backend.status()):
            print(line)
    return OK


def _stop(options: argparse.Namespace) -> int:
    stopped = client.stop(backend=options.backend or LOCAL)
    print("The backend has stopped." if stopped else "The backend was not running.")
    return OK


def _stylize(options: argparse.Namespace) -> int:
    settings = _settings(options)
    from backend.imaging import files

    files.check_writable(options.output)
    content = files.read(options.content, "content")
    style = files.read(options.style, "style")
    picture = _paint(job.Job(content, (job.Style(style),), settings), options.backend)
    if picture is None:
        print("neural-style: Cancelled; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    files.write(picture, options.output)
    print(f"The picture is in {options.output}")
    return OK


def _estimate(options: argparse.Namespace) -> int:
    settings = _settings(options)
    with client.connect(backend=options.backend) as backend:
        print(_sentence(backend.estimate(Outline(options.width, options.height, settings))))
    return OK


def _settings(options: argparse.Namespace) -> job.Settings:
    settings = job.Settings(
        preset=options.preset,
        size=options.size,
        style_strength=options.style_strength,
        steps=options.steps,
        full_size=options.full_size,
        seed=options.seed,
        device=options.device,
        weights=_weights(options.weights),
        init=options.init,
        optimiser=options.optimiser,
        pooling=options.pooling,
        smoothness=options.smoothness,
        stroke_size=options.stroke_size,
        keep_colours=options.keep_colours,
        style_layers=layers_from_text("style_layers", options.style_layers),
        content_layers=layers_from_text("content_layers", options.content_layers),
        memory_limit=options.memory_limit,
    )
    settings.check()
    return settings


def _weights(source: str) -> str:
    """The backend runs in another folder, so a file's name must be whole."""
    return source if source in ("original", "torchvision") else str(Path(source).absolute())


def _paint(wanted: job.Job, where: str | None) -> job.Picture | None:
    """Let the backend paint with a progress bar; None if Ctrl-C stopped it."""
    with client.connect(backend=where) as backend, _Interrupt() as interrupt:
        _announce(backend, wanted)
        with _Bar() as bar:
            run = backend.submit(wanted)
            for event in run.events():
                if interrupt.taken():
                    run.cancel()
                if isinstance(event, Done):
                    return event.picture
                if isinstance(event, (Progress, Queued)):
                    bar.show(event)
    return None


def _announce(backend: client.Backend, wanted: job.Job) -> None:
    """Say what the job will take. If that cannot be told, the job itself will tell why, or go well all the same."""
    with contextlib.suppress(Failure):
        print(_sentence(backend.estimate(Outline.of(wanted))), file=sys.stderr)


def _sentence(told: Estimate) -> str:
    return f"About {told.time} and {told.memory} of memory."


class _Interrupt:
    """Notes the first Ctrl-C, so that the job can be cancelled in order; the second one ends the program.

    An exception would not do: raised in the middle of a poll, libzmq's binding can take it for a broken wait, which
    it starts again.
    """

    def __enter__(self) -> _Interrupt:
        self._came = False
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, *_: object) -> None:
        self._came = True
        signal.signal(signal.SIGINT, self._before)

    def taken(self) -> bool:
        """Whether a Ctrl-C came since the last question."""
        came, self._came = self._came, False
        return came


class _Bar:
    """A progress bar on the terminal with the loss and the time left."""

    def __enter__(self) -> _Bar:
        from tqdm import tqdm

        self._live = sys.stderr.isatty()
        self._said = -1.0
        self._bar = tqdm(total=100.0, bar_format="{desc} {percentage:3.0f}%|{bar}|{postfix}", leave=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, event: Progress | Queued) -> None:
        """Draw the state after an event; in a log file only now and then."""
        if not self._live and isinstance(event, Progress) and event.fraction < min(1, self._said + LOG_SHARE):
            return
        if isinstance(event, Queued):
            self._bar.set_description_str(f"Waiting for {event.position} other job(s)")
            return
        self._said = event.fraction
        self._bar.n = min(100.0, 100 * event.fraction)
        painting = event.stage == "painting"
        scale = f"scale {event.scale}/{event.scales}"
        self._bar.set_description_str(f"Painting, {scale}" if painting else event.text(), refresh=False)
        loss = f" loss {event.losses['total']:.4g}" if event.losses else ""
        left = f", {duration(seconds)} left" if (seconds := event.whole_seconds_left) else ""
        self._bar.set_postfix_str(loss + left, refresh=False)
        self._bar.refresh()
