"""Messages, jobs, errors, the connection file and the lock."""

from __future__ import annotations

import json
import os
import stat
import string
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.protocol import errors
from backend.protocol.connection import Connection, find_running
from backend.protocol.errors import Failure
from backend.protocol.events import Progress, duration
from backend.protocol.installation import Installation, private_folder
from backend.protocol.job import Job, Picture, Settings, Style, check_header
from backend.protocol.lock import is_locked, sign, try_lock
from backend.protocol.messages import CHUNK, Assembly, chunks, decode, encode

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def picture(width: int = 20, height: int = 16, channels: int = 3, depth: str = "u8") -> Picture:
    size = {"u8": 1, "u16": 2, "f32": 4}[depth]
    return Picture(width, height, channels, depth, os.urandom(width * height * channels * size))


@given(st.dictionaries(st.text(), json_values), st.none() | st.binary(max_size=100))
def test_a_message_comes_out_as_it_went_in(values: dict[str, object], payload: bytes | None) -> None:
    message = {**values, "type": "x"}
    assert decode([bytes(frame) for frame in encode(message, payload)]) == (message, payload)


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_whatever_is_no_message_is_a_bad_message(frames: list[bytes]) -> None:
    try:
        message, _ = decode(frames)
        assert isinstance(message["type"], str)
    except Failure as failure:
        assert failure.code == "bad-message"


def test_deeply_nested_json_is_a_bad_message() -> None:
    with pytest.raises(Failure):
        decode([b"[" * 60000])


@given(st.integers(0, 3 * CHUNK + 5))
def test_chunks_are_the_picture_in_order(size: int) -> None:
    data = bytes(size)
    pieces = list(chunks(data))
    assert [offset for offset, _ in pieces] == list(range(0, size, CHUNK))
    assert sum(len(piece) for _, piece in pieces) == size


def test_an_assembly_gives_back_the_picture() -> None:
    original = picture(900, 700, 4, "u16")
    assembly = Assembly(original.header)
    for offset, piece in chunks(original.pixels):
        assert not assembly.complete
        assembly.add(offset, bytes(piece))
    assert assembly.complete
    assert assembly.picture() == original


@pytest.mark.parametrize(("offset", "payload"), [(1, b"x"), (0, None), ("0", b"x"), (0, bytes(1000)), (None, b"")])
def test_an_assembly_takes_nothing_out_of_place(offset: object, payload: bytes | None) -> None:
    assembly = Assembly(picture(16, 16).header)
    with pytest.raises(Failure, match="out of place"):
        assembly.add(offset, payload)


@given(st.dictionaries(st.sampled_from(["width", "height", "channels", "depth"]), json_values))
def test_headers_that_lie_are_refused(header: dict[str, object]) -> None:
    with pytest.raises(Failure):
        check_header(header, "content")


@pytest.mark.parametrize(
    "change",
    [{"preset": "best"}, {"size": 10}, {"size": 512.0}, {"size": True}, {"style_strength": float("nan")}, {"seed": -1},
     {"style_strength": "1"}, {"steps": 0}, {"device": "tpu"}, {"weights": ""}, {"preset": ["draft"]},
     {"smoothness": -1}, {"full_size": "blur"}, {"keep_colours": 1}, {"keep_colours": "no"}],
)  # fmt: skip
def test_settings_that_are_not_allowed_are_named(change: dict[str, object]) -> None:
    with pytest.raises(Failure) as caught:
        Settings.from_wire({**Settings().to_wire(), **change})
    assert caught.value.code == "bad-setting"
    assert next(iter(change)) in caught.value.sentence


def test_unknown_settings_are_ignored() -> None:
    assert Settings.from_wire({"preset": "high", "from_the_future": 1}) == Settings(preset="high")


def test_a_job_checks_its_pixels() -> None:
    short = Picture(20, 16, 3, "u8", bytes(10))
    with pytest.raises(Failure, match="do not match"):
        Job(short, (Style(picture()),)).check()
    with pytest.raises(Failure):
        Job(picture(), ()).check()
    Job(picture(), (Style(picture()),)).check()


def test_every_error_has_one_sentence_and_a_remedy() -> None:
    for code, (sentence, remedy) in errors.ERRORS.items():
        names = {field for _, field, _, _ in string.Formatter().parse(sentence + remedy) if field}
        failure = Failure(code, **dict.fromkeys(names, "x"))
        assert failure.sentence.endswith(".")
        assert failure.remedy.endswith(".")
        assert "\n" not in str(failure)
        again = Failure.from_wire(json.loads(json.dumps(failure.to_wire())))
        assert (again.code, str(again)) == (code, str(failure))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (80, "1 min 20 s"), (3599.6, "1 h 0 min"), (7500, "2 h 5 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_progress_reads_well() -> None:
    assert Progress("painting", 2, 3, 5, 9, 0.5, {}, 80).text() == "Painting: scale 2 of 3, 50%, 1 min 20 s left"
    assert Progress("painting", 3, 3, 9, 9, 1.0, {}, 0.3).text() == "Painting: scale 3 of 3, 100%"
    assert Progress("painting", 3, 3, 8, 9, 0.9, {}, 0.6).text().endswith(", 1 s left")
    assert Progress("painting").whole_seconds_left is None
    assert Progress.from_wire({"stage": "loading", "new": 1}).text() == "Preparing"


def test_the_connection_file_is_private_and_stale_ones_do_not_count(tmp_path: Path) -> None:
    installation = Installation(tmp_path, Path(sys.executable))
    private_folder(installation.run)
    connection = Connection("ipc:///x", os.getpid(), 1, "0")
    connection.write(installation.connection_file)
    assert stat.S_IMODE(installation.connection_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(installation.run.stat().st_mode) == 0o700
    assert Connection.read(installation.connection_file) == connection
    assert find_running(installation) is None  # nobody holds the lock
    lock = try_lock(installation.lock_file)
    assert lock is not None
    with lock:
        assert find_running(installation) is None  # the file may be of another backend
        sign(lock)
        assert find_running(installation) == connection
        replace(connection, pid=1).write(installation.connection_file)
        assert find_running(installation) is None  # it is
        installation.connection_file.write_text('{"endpoint": "ipc')
        assert find_running(installation) is None


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    program = (
        "import sys; from pathlib import Path; from backend.protocol.lock import try_lock; "
        "lock = try_lock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_locked(path)
        assert try_lock(path) is None
        holder.kill()
    assert not is_locked(path)


def test_a_home_with_a_long_path_still_has_a_socket(tmp_path: Path) -> None:
    assert len(str(Installation(tmp_path / ("x" * 120), Path("python")).socket)) < 100


def test_without_an_installation_the_remedy_is_to_install(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="install"):
        Installation.load(tmp_path / "installation.json")
