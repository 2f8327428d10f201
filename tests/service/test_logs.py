"""The log: of bounded size, one line for each event, without pixels or secrets; and what `status` shows."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from backend.protocol import client
from backend.protocol.connection import find_running
from backend.protocol.events import Progress
from backend.protocol.installation import Installation
from backend.protocol.job import Job, Picture, Settings, Style
from backend.service.logs import BACKUPS, LOG_BYTES, MOST_CHARACTERS
from tests.service.backends import run_cli, wait_until

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING|ERROR) \S.*")
MARK = b"PIXELS0"


def texts(folder: Path) -> list[str]:
    return [path.read_text("utf-8") for path in sorted(folder.iterdir())]


def test_the_log_stays_small_and_each_event_is_a_line(tmp_path: Path) -> None:
    program = (
        "import logging, sys, threading, warnings; from pathlib import Path\n"
        "from backend.service.logs import start_logging\n"
        "start_logging(Path(sys.argv[1]), most=4000)\n"
        "def fail(): raise ValueError('first\\nsecond')\n"
        "for i in range(200):\n"
        "    try: fail()\n"
        "    except ValueError: logging.getLogger('x').exception('event %d', i)\n"
        "logging.info('x' * 100_000)\n"
        "warnings.warn('beware')\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
    )
    log = tmp_path / "log" / "backend.log"
    done = subprocess.run([sys.executable, "-c", program, log], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(texts(log.parent)) == 1 + BACKUPS
    for path in log.parent.iterdir():
        assert path.stat().st_size <= MOST_CHARACTERS + 1
        assert all(LINE.fullmatch(line) for line in path.read_text().splitlines())
    everything = "".join(texts(log.parent))
    assert "in a thread | Traceback" in everything
    assert "ValueError: first | second" in everything
    assert "beware" in everything


def test_a_backends_log_holds_what_workers_say_but_no_pixels_and_no_secrets(installation: Installation) -> None:
    # The log is nearly full, and a Python that tells of each module it loads makes the worker say a lot.
    before = "2026-01-01 00:00:00,000 INFO before\n"
    installation.log_file.parent.mkdir()
    installation.log_file.write_text(before * ((LOG_BYTES - 10_000) // len(before)))
    environment = {
        **os.environ,
        "NEURAL_STYLE_HOME": str(installation.home),
        "NEURAL_STYLE_TRANSPORT": "tcp",
        "PYTHONVERBOSE": "1",
    }
    pixels = (MARK * 3000)[: 80 * 60 * 3]
    content = Picture(80, 60, 3, "u8", pixels)
    wanted = Job(content, (Style(content),), Settings(preset="draft", size=64, steps=3000))
    serve = [sys.executable, "-m", "backend", "serve"]
    with subprocess.Popen(serve, env=environment, stderr=subprocess.DEVNULL) as process:
        assert wait_until(lambda: find_running(installation) is not None, 30)
        connection = find_running(installation)
        assert connection is not None
        with client.connect(installation) as backend:
            run = backend.submit(wanted, previews=True)
            assert any(isinstance(event, Progress) and event.fraction > 0 for event in run.events())
            status = run_cli(installation.home, "status")
            run.cancel()
            for _ in run.events():
                pass
            backend.submit(wanted)
            assert backend.status()["running"] == 1
            assert client.stop(installation)
        assert process.wait(10) == 0

    logs = texts(installation.log_file.parent)
    assert len(logs) == 2
    assert all(path.stat().st_size <= LOG_BYTES for path in installation.log_file.parent.iterdir())
    everything = "".join(logs)
    assert all(LINE.fullmatch(line) for line in everything.splitlines())
    assert "worker 1 says: import 'torch" in everything
    assert "job 1: cancelled" in everything
    assert "job 2: stopping" in everything
    assert len(connection.client_secret) == 40
    for secret in (connection.server_key, connection.client_key, connection.client_secret):
        assert secret not in everything
    for form in (MARK.decode() * 2, base64.b64encode(pixels[:21]).decode(), pixels[:10].hex(), "80, 73, 88, 69, 76"):
        assert form not in everything

    shown = dict(line.split(": ", 1) for line in status.stdout.splitlines())
    assert status.returncode == 0
    assert shown["device"] in shown["devices"]
    assert shown["precision"] in ("bfloat16", "float32")
    assert re.fullmatch(r"80 x 60 pixels at size 64, preset draft, \d+% done", shown["job"])
    assert (shown["running"], shown["queue"]) == ("1", "0")
    assert re.fullmatch(r"0\.\d GB|1\.\d GB", shown["memory"])
    assert re.fullmatch(r"\d+ s", shown["uptime"])
    assert shown["log"] == str(installation.log_file)
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", shown["version"])


def test_what_a_backend_says_that_does_not_start_is_kept_and_bounded(installation: Installation) -> None:
    installation.start_log.parent.mkdir()
    installation.start_log.write_bytes(b"x" * 100_000)
    with client.connect(installation):
        assert installation.start_log.stat().st_size < 1000
    assert json.loads(installation.connection_file.read_text())["pid"] > 0


def test_a_log_that_cannot_be_written_is_one_sentence(installation: Installation) -> None:
    installation.log_file.parent.mkdir()
    installation.log_file.mkdir()
    done = run_cli(installation.home, "serve")
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
