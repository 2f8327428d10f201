"""Plans keep to their limit, use what is there, and a job that cannot fit is refused with the size that would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil
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
CPU = torch.device("cpu")
sides = st.integers(16, 16384)


@given(sides, sides, st.sampled_from([2, 4]), st.integers(64 << 20, 64 * GIB))
def test_a_plan_keeps_to_its_limit(height: int, width: int, precision: int, limit: int) -> None:
    scale = Scale(height, width, 1)
    found = plan(scale, height * width, precision, limit)
    if found is None:
        assert peak(scale, height * width, precision, 128, HISTORIES[-1], half_content=precision == 4) > limit
    else:
        assert found.bytes <= limit
        asked = found.tile, found.history
        assert found.bytes == peak(scale, height * width, precision, *asked, half_content=found.half_content)


@pytest.mark.parametrize(("precision", "loaded"), [(2, 0.45e9), (4, 0.7e9)])
def test_24_million_pixels_fit_into_3_gb(precision: int, loaded: float) -> None:
    assert plan(Scale(4000, 6000, 1), 6000 * 4000, precision, 3e9 - loaded)


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


def test_the_contents_activations_are_halved_only_where_a_larger_tile_or_a_longer_memory_comes_of_it() -> None:
    scale, tight = Scale(4000, 6000, 1), 2_600_000_000
    found = plan(scale, 0, 4, tight)
    assert found is not None
    assert found.half_content
    assert peak(scale, 0, 4, found.tile, found.history) > tight
    roomy = plan(scale, 0, 4, 64 * GIB)
    assert roomy is not None
    assert not roomy.half_content
    half = plan(scale, 0, 2, tight)
    assert half is not None
    assert not half.half_content


def job(size: int) -> Job:
    content = Picture(64, 48, 3, "u8", bytes(64 * 48 * 3))
    return Job(content, (Style(content),), Settings(size=size, preset="draft"))


def test_a_job_that_cannot_fit_is_refused_before_it_starts_with_the_size_that_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide = Picture(6000, 4000, 1, "u8", bytes(6000 * 4000))
    large = Job(wide, (Style(job(64).content),), Settings(size=6000))
    monkeypatch.setattr(paint, "free_memory", lambda *_: 2.0 * GIB)
    with pytest.raises(Failure) as refusal:
        next(iter(paint.Painter().paint(large, lambda fraction: None)))
    assert refusal.value.code == "too-little-memory"
    offered = int(str(refusal.value).split("at most ")[1].split()[0])
    assert 512 <= offered < 6000
    scale = Scale(round(offered * 2 / 3), offered, 1)
    assert plan(scale, 6000 * 4000, 2, 2.0 * GIB)


def test_painting_on_is_planned_for_the_full_size_and_refused_with_a_size_that_would_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = Picture(3000, 2000, 1, "u8", bytes(3000 * 2000))
    wanted = Settings(size=512, preset="full")
    large = Job(layer, (Style(job(64).content),), wanted)
    monkeypatch.setattr(paint, "free_memory", lambda *_: 8.0 * GIB)
    planned = paint.planned_for(large, CPU, torch.bfloat16)
    assert planned == plan(Scale(2000, 3000, 1), 3000 * 2000, 2, 8.0 * GIB - 12 * 64 * 48)
    monkeypatch.setattr(paint, "free_memory", lambda *_: 0.55 * GIB)
    with pytest.raises(Failure) as refusal:
        paint.planned_for(large, CPU, torch.bfloat16)
    assert refusal.value.code == "too-little-memory-to-paint-on"
    offered = int(str(refusal.value).split("at most ")[1].split()[0])
    assert paint.planned_for(replace(large, settings=Settings(size=offered)), CPU, torch.bfloat16)
    assert paint.planned_for(
        replace(large, settings=replace(wanted, size=offered, full_size="detail")), CPU, torch.bfloat16
    )


def test_a_layer_larger_than_the_working_size_is_reckoned_with() -> None:
    alone, beside = (peak(Scale(384, 512, 1), pixels, 2, 512, 20) for pixels in (384 * 512, 24_000_000))
    assert beside - alone >= 58 * 24_000_000  # what a layer with holes took


def test_where_nothing_fits_the_refusal_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paint, "free_memory", lambda *_: 1.0)
    with pytest.raises(Failure) as refusal:
        next(iter(paint.Painter().paint(job(64), lambda fraction: None)))
    assert refusal.value.code == "no-size-fits"


def test_free_memory_is_what_the_system_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.free_memory(CPU) == pytest.approx(0.9 * psutil.virtual_memory().available, rel=0.1)


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "memory.max": "3000000\n",
        "memory.current": "2500000\n",
        "memory.stat": "anon 1\ninactive_file 500000\n",
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.free_memory(CPU) == pytest.approx(0.9 * 1_000_000)


def test_a_limit_bounds_all_that_the_process_uses() -> None:
    used = psutil.Process().memory_info().rss
    assert memory.free_memory(CPU, used / 1e9 + 0.1) == pytest.approx(1e8, abs=2e7)
    assert memory.free_memory(CPU, 0.5 * used / 1e9) < 0


def test_a_limit_makes_the_plan_smaller_and_refuses_what_cannot_be() -> None:
    used = psutil.Process().memory_info().rss / 1e9
    large = replace(job(2048), content=Picture(2048, 2048, 1, "u8", bytes(2048 * 2048)))
    plans = [paint.planned_for(_limited(large, used + more), CPU, torch.bfloat16) for more in (3.0, 1.5)]
    assert plans[1].bytes < plans[0].bytes
    with pytest.raises(Failure, match="memory limit"):
        paint.planned_for(_limited(large, used + 0.2), CPU, torch.bfloat16)


def _limited(job: Job, limit: float) -> Job:
    return replace(job, settings=replace(job.settings, memory_limit=limit))
