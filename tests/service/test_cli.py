"""The command line as a user runs it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
import pyvips

from backend.cli import EXECUTOR_VARIABLE, WORKERS_VARIABLE
from backend.imaging import files
from backend.imaging.arrays import array_of
from backend.protocol import client
from backend.protocol.installation import Installation
from tests.service.backends import processes_of, run_cli, wait_until


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return make(tmp_path / "content.png", 90, 70, 4)


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return make(tmp_path / "style.jpg", 60, 80, 3)


def make(path: Path, width: int, height: int, channels: int) -> Path:
    """A picture of soft noise, with a hole if it has alpha."""
    noise = np.random.default_rng(0).integers(0, 255, (height, width, channels), np.uint8)
    if channels == 4:
        noise[..., 3] = 255
        noise[10:20, 10:20, 3] = 0
    pyvips.Image.new_from_array(noise, interpretation="srgb").write_to_file(str(path))
    return path


def test_a_picture_is_painted(measured: Installation, content: Path, style: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    done = run_cli(measured.home, "stylize", content, style, "-o", out, "--size", 64, "--steps", 3)
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout
    assert "loss" in done.stderr
    assert "left" in done.stderr or "100%" in done.stderr
    before, after = (array_of(files.read(path, "content")) for path in (content, out))
    assert after.shape == before.shape
    np.testing.assert_array_equal(after[..., 3], before[..., 3])
    assert (after[..., :3] != before[..., :3]).mean() > 0.5
    status = run_cli(measured.home, "status")
    assert status.returncode == 0
    assert f"log: {measured.log_file}" in status.stdout
    assert "device: " in status.stdout


@pytest.mark.parametrize(
    ("wanted", "scales"),
    [(["--preset", "full"], 3), (["--full-size", "paint"], 3), (["--full-size", "detail"], 1),
     (["--keep-colours", "--style-layers", "conv1_1=1,conv2_1=0.5", "--content-layers", "conv2_2", "--smoothness", 2,
       "--stroke-size", 0.5], 1)],
)  # fmt: skip
def test_a_larger_picture_is_painted_on_if_that_is_asked_for(
    measured: Installation, style: Path, tmp_path: Path, wanted: list[object], scales: int
) -> None:
    large, out = make(tmp_path / "large.png", 200, 160, 4), tmp_path / "out.png"
    done = run_cli(measured.home, "stylize", large, style, "-o", out, "--size", 64, "--steps", 2, *wanted)
    assert done.returncode == 0, done.stderr
    assert f"scale {scales}/{scales}" in done.stderr
    assert array_of(files.read(out, "content")).shape == (160, 200, 4)


def test_stop_and_status_without_a_backend(installation: Installation) -> None:
    assert run_cli(installation.home, "status").returncode == 1
    stopped = run_cli(installation.home, "stop")
    assert (stopped.returncode, stopped.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.png", "style.jpg"], ["none.png", "Check the name"]),
        (["content.png", "none.jpg"], ["none.jpg"]),
        (["text.txt", "style.jpg"], ["not a picture", "PNG"]),
        (["empty.png", "style.jpg"], ["not a picture"]),
        (["tiny.png", "style.jpg"], ["8 x 8", "at least 16"]),
        (["content.png", "style.jpg", "--preset", "best"], ["preset", "draft, normal, high, full"]),
        (["content.png", "style.jpg", "--full-size", "blur"], ["full_size", "detail, paint"]),
        (["content.png", "style.jpg", "--size", "1"], ["size", "from 64 to"]),
        (["content.png", "style.jpg", "--size", "many"], ["--size", "--help"]),
        (["content.png", "style.jpg", "--style-strength", "nan"], ["style_strength", "number"]),
        (["content.png", "style.jpg", "--device", "tpu"], ["device", "auto, cpu"]),
        (["content.png", "style.jpg", "--style-layers", "conv9_1=1"], ["style_layers", "conv9_1", "conv5_4"]),
        (["content.png", "style.jpg", "--content-layers", "conv4_2="], ["content_layers", "conv3_1=0.5"]),
        (["content.png", "style.jpg", "-o", "none/out.png"], ["cannot be written", "-o"]),
        (["content.png", "style.jpg", "-o", "out.exe"], ["cannot be written", ".png"]),
        (["content.png"], ["style", "--help"]),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(
    installation: Installation, content: Path, style: Path, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    (tmp_path / "text.txt").write_text("a shopping list")
    (tmp_path / "empty.png").write_bytes(b"")
    make(tmp_path / "tiny.png", 8, 8, 3)
    output = [] if "-o" in arguments else ["-o", "out.png"]
    done = run_cli(installation.home, "stylize", *arguments, *output, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "out.png").exists()


def test_weights_from_a_file_that_is_not_there(
    measured: Installation, content: Path, style: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    done = run_cli(measured.home, "stylize", content, style, "-o", out, "--weights", "none.pth", cwd=tmp_path)
    assert done.returncode == 1
    assert "weights were not found" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("count", ["0", "-1", "two", ""])
def test_a_number_of_workers_that_is_none_is_told(installation: Installation, count: str) -> None:
    done = run_cli(installation.home, "serve", f"--workers={count}")
    assert done.returncode == 2
    assert f"{count!r} is not a number from 1 on. Run `" in done.stderr


@pytest.mark.parametrize("seconds", ["-3", "nan", "soon"])
def test_a_time_that_is_none_is_told(installation: Installation, seconds: str) -> None:
    done = run_cli(installation.home, "serve", "--idle-exit", seconds)
    assert done.returncode == 2
    assert f"{seconds!r} is not a number of seconds. Run `" in done.stderr


def test_what_the_environment_says_of_the_backend_is_told_or_empty(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EXECUTOR_VARIABLE, "dask://gpu")
    monkeypatch.setenv(WORKERS_VARIABLE, "")
    done = run_cli(installation.home, "estimate", 80, 60)
    assert done.returncode == 1
    assert "did not start: dask://gpu is no place where jobs can run. Use" in done.stderr
    monkeypatch.setenv(EXECUTOR_VARIABLE, "")
    done = run_cli(installation.home, "serve", "--idle-exit", 0)
    assert done.returncode == 0, done.stderr
    assert "listening" in done.stderr


def test_an_unwritable_folder_is_known_before_painting(
    installation: Installation, content: Path, style: Path, tmp_path: Path
) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write anywhere")
    (tmp_path / "locked").mkdir(mode=0o500)
    done = run_cli(installation.home, "stylize", content, style, "-o", tmp_path / "locked" / "out.png")
    assert done.returncode == 2


def test_ctrl_c_ends_the_job_in_the_backend_too(
    measured: Installation, content: Path, style: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = ["stylize", content, style, "-o", out, "--size", "64", "--steps", "5000"]
    with subprocess.Popen(
        [sys.executable, "-m", "backend", *map(str, command)],
        env={**os.environ, "NEURAL_STYLE_HOME": str(measured.home)},
        stderr=terminal,
        stdout=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        said = b""
        while b"loss" not in said:
            assert select.select([master], [], [], 60)[0], said
            said += os.read(master, 1000)
        process.send_signal(signal.SIGINT)
        while chunk := read(master):
            said += chunk
        assert process.wait(20) == 130
    os.close(master)
    assert b"Cancelled" in said
    assert b"Traceback" not in said
    assert not out.exists()
    backend = client.connect_running(measured)
    assert backend is not None
    with backend:
        assert wait_until(lambda: backend.status()["running"] == 0, 2)


def read(descriptor: int) -> bytes:
    """What a terminal says next, nothing once its other end is closed."""
    try:
        return os.read(descriptor, 1000)
    except OSError:
        return b""


def test_serve_beside_a_running_backend_says_so(measured: Installation) -> None:
    with client.connect(measured):
        done = run_cli(measured.home, "serve")
    assert done.returncode == 0
    assert "runs already" in done.stderr


def test_ctrl_c_ends_serve_without_a_word_too_many(installation: Installation) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "backend", "serve"],
        env={**os.environ, "NEURAL_STYLE_HOME": str(installation.home)},
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        assert wait_until(lambda: len(processes_of(installation.home)) == 2)
        os.killpg(process.pid, signal.SIGINT)  # a terminal tells the whole group
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "stopped" in said
    assert "Traceback" not in said
    assert not processes_of(installation.home)
