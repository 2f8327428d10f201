"""Settings that change the picture, from a client through a real backend and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backend.imaging.arrays import array_of, picture_of
from backend.protocol import client
from backend.protocol.client import Backend, Run
from backend.protocol.errors import Failure
from backend.protocol.events import Done, Preview
from backend.protocol.installation import Installation
from backend.protocol.job import Picture, Settings
from tests.service.backends import FAST, job


def red(height: int = 60, width: int = 80) -> Picture:
    """Red of many lightnesses, 16 bits, with a hole."""
    y, x = np.mgrid[:height, :width]
    light = 0.4 + 0.2 * np.sin(x / 4) * np.cos(y / 6)
    alpha = np.where((x < 20) & (y < 20), 0.0, 1.0)
    return picture_of((np.stack([1.5 * light, light, 0.8 * light, alpha], 2) * 65535).astype(np.uint16))


def test_colours_are_kept_in_every_preview_and_in_the_result(shared: Installation) -> None:
    keeping = Settings(preset="draft", size=64, steps=60, keep_colours=True)
    with client.connect(shared) as backend:
        previews, kept = _painted(backend.submit(job(keeping, red()), previews=True))
        _, free = _painted(backend.submit(job(replace(keeping, keep_colours=False, steps=10), red())))
    for picture in (*previews, kept):
        colours = array_of(picture)[..., :3].astype(float)
        # All channels move together, so each is still in the place among the others that it had.
        assert (colours[..., 0] >= colours[..., 1] - 1).all()
        assert (colours[..., 1] >= colours[..., 2] - 1).all()
    assert previews
    assert kept.header == free.header == red().header
    np.testing.assert_array_equal(array_of(kept)[..., 3], array_of(red())[..., 3])
    assert np.abs(array_of(kept).astype(float) - array_of(red())).mean() > 500
    others = array_of(free).astype(float)
    assert (others[..., 0] < others[..., 1]).mean() > 0.05


def test_layers_are_painted_with_and_wrong_ones_refused(shared: Installation) -> None:
    shallow = replace(FAST, style_layers={"conv1_1": 1.0, "relu2_1": 0.5}, content_layers={"conv2_2": 1})
    with client.connect(shared) as backend:
        _, usual = _painted(backend.submit(job()))
        _, other = _painted(backend.submit(job(shallow)))
        assert usual.pixels != other.pixels
        _refused(backend, {"style_layers": {"conv7_1": 1}})
        _refused(backend, {"content_layers": {}})


def _painted(run: Run) -> tuple[list[Picture], Picture]:
    events = list(run.events())
    assert isinstance(events[-1], Done)
    return [event.picture for event in events if isinstance(event, Preview)], events[-1].picture


def _refused(backend: Backend, change: dict[str, object]) -> None:
    wanted = job().to_wire()
    wanted["settings"] |= change
    backend.send({"type": "submit", "job": "x", **wanted})
    with pytest.raises(Failure, match="conv1_1 to conv5_4") as caught:
        list(Run(backend, "x").events())
    assert caught.value.code == "bad-setting"
