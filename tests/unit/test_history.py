"""The settings of earlier runs, as their files keep them."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from neuralstyle.history import KEPT, Entry, History

WAVE = Entry((("file:///styles/wave.png", 1.0),), {"preset": "draft", "size": 64, "keep-colors": True}, 1000.0)


def entry(number: int) -> Entry:
    return replace(WAVE, arguments={"seed": number}, when=1000.0 + number)


def test_what_was_added_comes_back_the_newest_first(tmp_path: Path) -> None:
    mixed = Entry((*WAVE.styles, ("file:///styles/a%20b.jpg", 0.25)), {"style-strength": 1.7}, 2000.0)
    history = History(tmp_path / "not" / "there")
    assert history.entries() == []
    history.add(mixed)
    history.add(WAVE)
    assert History(tmp_path / "not" / "there").entries() == [mixed, WAVE]


def test_the_same_settings_again_move_to_the_front(tmp_path: Path) -> None:
    history = History(tmp_path)
    for number in (1, 2, 3):
        history.add(entry(number))
    history.add(replace(entry(1), when=5000.0))
    assert [(found.arguments["seed"], found.when) for found in history.entries()] == [
        (1, 5000.0),
        (3, 1003.0),
        (2, 1002.0),
    ]
    history.add(replace(entry(2), styles=(*WAVE.styles, *WAVE.styles), when=6000.0))
    assert len(history.entries()) == 4, "other styles are another entry"


def test_the_oldest_is_forgotten_and_no_file_is_left(tmp_path: Path) -> None:
    history = History(tmp_path)
    for number in range(KEPT + 5):
        history.add(entry(number))
    assert [found.arguments["seed"] for found in history.entries()] == list(range(KEPT + 4, 4, -1))
    assert len(list(tmp_path.iterdir())) == KEPT


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{",
        "[]",
        "null",
        '{"styles": []}',
        '{"styles": [], "arguments": {}, "when": 5}',
        '{"styles": ["wave.png"], "arguments": {}, "when": 5}',
        '{"styles": [["file:///a", 1]], "arguments": 7, "when": 5}',
        '{"styles": [["file:///a", 1]], "arguments": {}, "when": NaN}',
        '{"styles": [["file:///a", 1]], "arguments": {}, "when": 1e30}',
        "[" * 100_000,
        b"\xff\xfe\x00",
    ],
    ids=range(12),
)
def test_a_damaged_file_is_no_entry(tmp_path: Path, damaged: str | bytes) -> None:
    history = History(tmp_path)
    history.add(WAVE)
    (tmp_path / "damaged.json").write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
    assert history.entries() == [WAVE]
    history.add(entry(1))
    assert history.entries() == [entry(1), WAVE]
    assert not (tmp_path / "damaged.json").exists()


def test_gimps_that_end_a_run_at_once_lose_none(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def end_runs(gimp: int) -> None:
        together.wait()
        for run in (0, 1):
            History(tmp_path).add(entry(2 * gimp + run))

    threads = [threading.Thread(target=end_runs, args=(gimp,)) for gimp in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found.arguments["seed"] for found in History(tmp_path).entries()] == list(range(15, -1, -1))


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(tmp_path)
    history.add(WAVE)
    before = json.loads(next(tmp_path.glob("*.json")).read_text())

    def full(path: Path, text: str, encoding: str) -> None:
        path.write_bytes(text[:20].encode())
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space"):
        history.add(replace(WAVE, when=9000.0))
    assert history.entries() == [WAVE]
    assert json.loads(next(tmp_path.glob("*.json")).read_text()) == before
