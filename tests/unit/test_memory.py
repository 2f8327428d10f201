"""Plans keep to their limit, use what is there, and a job that cannot fit is refused with the size that would."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.engine.memory import HISTORIES, peak, plan
from backend.engine.settings import Scale
from backend.protocol.errors import Failure
from backend.protocol.job import Job, Picture, Settings, Style
from backend.service import memory, paint

GIB = 1 << 30
sides = st.integers(16, 16384)


@given(sides, sides, st.sampled_from([2, 4]), st.integers(64 << 20, 64 * GIB))
def test_a_plan_keeps_to_its_limit(height: int, width: int, precision: int, limit: int) -> None:
    scale = Scale(height, width, 1)
    found = plan(scale, height * width, precision, limit)
    if found is None:
        assert peak(scale, height * width, precision, 128, HISTORIES[-1]) > limit
    else:
        assert found.bytes <= limit
        assert found.bytes == peak(scale, height * width, precision, found.tile, found.history)


def test_a_picture_that_fits_is_painted_whole_with_the_full_memory_of_the_optimiser() -> None:
    found = plan(Scale(384, 512, 1), 512 * 384, 2, 4 * GIB)
    assert found is not None
    assert (found.tile, found.history) == (512, HISTORIES[0])


def test_less_memory_means_smaller_tiles_then_a_shorter_memory() -> None:
    plans = [plan(Scale(2000, 3000, 1), 0, 2, gib * GIB) for gib in (16, 3, 1.6)]
    assert all(plans)
    sizes = [(p.tile, p.history) for p in plans if p]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


def job(size: int) -> Job:
    content = Picture(64, 48, 3, "u8", bytes(64 * 48 * 3))
    return Job(content, (Style(content),), Settings(size=size, preset="draft"))


def test_a_job_that_cannot_fit_is_refused_before_it_starts_with_the_size_that_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide = Picture(6000, 4000, 1, "u8", bytes(6000 * 4000))
    large = Job(wide, (Style(job(64).content),), Settings(size=6000))
    monkeypatch.setattr(paint, "free_memory", lambda device: 2.0 * GIB)
    with pytest.raises(Failure) as refusal:
        next(iter(paint.Painter().paint(large, lambda fraction: None)))
    assert refusal.value.code == "too-little-memory"
    offered = int(str(refusal.value).split("at most ")[1].split()[0])
    assert 512 <= offered < 6000
    scale = Scale(round(offered * 2 / 3), offered, 1)
    assert plan(scale, 6000 * 4000, 2, 2.0 * GIB)


def test_where_nothing_fits_the_refusal_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paint, "free_memory", lambda device: 1.0)
    with pytest.raises(Failure) as refusal:
        next(iter(paint.Painter().paint(job(64), lambda fraction: None)))
    assert refusal.value.code == "out-of-memory"


def test_free_memory_is_what_the_system_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal: 8000 kB\nMemAvailable:    4000 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", file)
    assert memory.free_memory(torch.device("cpu")) == pytest.approx(0.9 * 4000 * 1024)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    assert memory.free_memory(torch.device("cpu")) > 1e8
