"""The installed plug-in, called through the PDB of a real GIMP without windows, on layers of all kinds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import icc
import numpy as np
import numpy.typing as npt
import pytest
import pyvips
import torch
from machine import OPEN_UNDO_GROUP, REPOSITORY, STYLE, Machine, machine

from backend.engine.losses import gram_matrix
from backend.engine.propagation import features
from backend.engine.vgg import VGG19
from backend.imaging import files
from backend.imaging.arrays import array_of
from backend.imaging.colour import to_grey
from backend.protocol import client
from backend.protocol.connection import find_running
from backend.protocol.installation import HOME_VARIABLE, Installation
from backend.protocol.remotes import Remote, Remotes
from backend.service.keyring import KeyRing
from backend.weights import sources

Array = npt.NDArray[Any]
ARGUMENTS = {"style-file": str(STYLE), "preset": "draft", "size": 64, "style-strength": 2.0}
USUAL: dict[str, Any] = {
    "base": "RGB",
    "precision": "U8_NON_LINEAR",
    "alpha": False,
    "size": (64, 48),
    "offsets": (0, 0),
    "selection": None,
    "in_group": False,
    "locked": False,
    "profile": None,
    "target": "layer",
    "mode": "NONINTERACTIVE",
    "arguments": ARGUMENTS,
}
PAINTED: dict[str, dict[str, Any]] = {
    "rgb": {},
    "rgba": {"alpha": True, "offsets": (-7, 5)},
    "gray": {"base": "GRAY"},
    "rgba-16": {"precision": "U16_NON_LINEAR", "alpha": True},
    "float-linear": {"precision": "FLOAT_LINEAR", "alpha": True},
    "adobe": {"profile": "adobe"},
    "selection": {"selection": (10, 8, 30, 34, 6), "offsets": (-7, 5), "alpha": True},
    "hard-selection": {"selection": (50, 30, 90, 90, 0), "offsets": (20, 10), "size": (64, 60)},
    "in-group": {"in_group": True, "offsets": (3, 4)},
    "one-pixel-wide": {"size": (1, 70)},
    "12000-wide": {"size": (12000, 160), "offsets": (-6000, 0)},
    "smallest-with-last-values": {"size": (16, 20), "mode": "WITH_LAST_VALS"},
}
TOO_NARROW_FOR_STATISTICS = ("smallest-with-last-values", "one-pixel-wide", "12000-wide")
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "channel": ({"target": "channel"}, "Select a layer"),
    "two": ({"target": "two"}, "exactly one layer"),
    "small": ({"size": (15, 12)}, "15 x 12 pixels"),
    "selection-elsewhere": ({"selection": (60, 50, 20, 20, 0), "size": (40, 40)}, "Select > None"),
    "locked-group": ({"in_group": True, "locked": True}, "layer group Group"),
    "no-style": ({"arguments": {}}, "No style picture is chosen"),
    "missing-style": ({"arguments": {"style-file": "/nowhere/style.png"}}, "There is no file /nowhere/style.png"),
    "not-a-picture": ({"arguments": {"style-file": str(STYLE.parent / "CREDITS.md")}}, "is not a picture"),
}


def case(name: str, **differences: Any) -> dict[str, Any]:
    return USUAL | {"name": name} | differences


@pytest.fixture(scope="module", params=["3.0", "3.2"])
def gimp(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with machine(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def played(gimp: Machine) -> dict[str, Any]:
    """The outcomes of all cases, from one start of GIMP, where no backend ran before."""
    assert not find_running(gimp.installation)
    cases = [case(name, **differences) for name, differences in PAINTED.items()]
    cases += [case(f"refused-{name}", **differences) for name, (differences, _) in REFUSED.items()]
    return gimp.play("cases", cases)


class Outcome:
    """One case's outcome with its pixels."""

    def __init__(self, folder: Path, outcome: dict[str, Any]) -> None:
        self._folder = folder
        self.outcome = outcome
        index = [layer["name"] for layer in outcome["after"]].index("Portrait")
        assert index > 0, "there is nothing above the source"
        self.new, self.source = outcome["after"][index - 1], outcome["after"][index]
        self.original = next(layer for layer in outcome["before"] if layer["name"] == "Portrait")

    def bytes(self, layer: dict[str, Any], kind: str) -> bytes:
        return (self._folder / f"{layer['dump']}.{kind}").read_bytes()

    def rgb(self, layer: dict[str, Any]) -> Array:
        width, height = layer["size"]
        return np.frombuffer(self.bytes(layer, "float"), np.float32).reshape(height, width, 4)[..., :3]

    def alpha(self, layer: dict[str, Any]) -> Array:
        width, height = layer["size"]
        return np.frombuffer(self.bytes(layer, "alpha")).reshape(height, width)

    def box(self) -> tuple[slice, slice]:
        """The part of the source that the new layer covers."""
        (x, y), (left, top) = self.new["offsets"], self.source["offsets"]
        width, height = self.new["size"]
        return slice(y - top, y - top + height), slice(x - left, x - left + width)


@pytest.fixture(params=PAINTED)
def painted(request: pytest.FixtureRequest, gimp: Machine, played: dict[str, Any]) -> Outcome:
    outcome = played[request.param]
    assert outcome["ok"], outcome["message"]
    return Outcome(gimp.folder / "cases", outcome | PAINTED[request.param] | {"name": request.param})


def test_one_new_layer_directly_above_with_the_name_of_the_style(painted: Outcome) -> None:
    outcome = painted.outcome
    assert len(outcome["after"]) == len(outcome["before"]) + 1
    assert painted.new["name"] == outcome["returned"] == "style on Portrait"
    assert painted.new["parent"] == painted.source["parent"] == ("Group" if outcome.get("in_group") else None)
    assert outcome["precision"]
    assert outcome["selection_kept"]


def test_the_new_layer_has_place_kind_and_alpha_of_the_source(painted: Outcome) -> None:
    new, source, box = painted.new, painted.source, painted.box()
    if not painted.outcome.get("selection"):
        assert (new["size"], new["offsets"]) == (source["size"], source["offsets"])
        assert not new["mask"]
    assert (new["alpha"], new["gray"]) == (source["alpha"], source["gray"])
    if new["alpha"]:
        np.testing.assert_array_equal(painted.alpha(new), painted.alpha(source)[box])


def test_the_source_is_bit_identical(painted: Outcome) -> None:
    assert painted.bytes(painted.source, "raw") == painted.bytes(painted.original, "raw")
    assert painted.source == painted.original | {"dump": painted.source["dump"]}


def test_pixels_are_finite_and_changed_and_nothing_is_banded(painted: Outcome) -> None:
    new, old = painted.rgb(painted.new), painted.rgb(painted.source)[painted.box()]
    assert np.isfinite(new).all()
    visible = painted.alpha(painted.source)[painted.box()] > 0 if painted.new["alpha"] else np.ones(new.shape[:2], bool)
    assert np.abs(new - old)[visible].mean() > 0.02
    if painted.outcome["name"] in ("rgba-16", "float-linear"):
        # More values than 8 bits can tell apart.
        assert len(np.unique(new[visible])) > 256 * 3


@pytest.mark.parametrize("painted", [name for name in PAINTED if name not in TOO_NARROW_FOR_STATISTICS], indirect=True)
def test_the_result_is_closer_to_the_style(painted: Outcome, network: VGG19, style: torch.Tensor) -> None:
    new, old = painted.rgb(painted.new), painted.rgb(painted.source)[painted.box()]
    if painted.new["alpha"]:
        visible = painted.alpha(painted.source)[painted.box()] > 0
        columns = visible.any(axis=0)
        new, old = new[:, columns], old[:, columns]
    if painted.new["gray"]:
        style = to_grey(style).expand(-1, 3, -1, -1)
    assert distance(network, new, style) < 0.9 * distance(network, old, style)


def test_a_selection_becomes_the_mask_and_bounds_the_layer(gimp: Machine, played: dict[str, Any]) -> None:
    for name in ("selection", "hard-selection"):
        found = Outcome(gimp.folder / "cases", played[name])
        selected = np.frombuffer((gimp.folder / "cases" / f"{name}-selection").read_bytes(), np.uint8).reshape(80, 96)
        assert found.new["mask"]
        (x, y), (width, height) = found.new["offsets"], found.new["size"]
        mask = np.frombuffer(found.bytes(found.new, "mask"), np.uint8).reshape(height, width)
        around = np.pad(selected, 100)[100 + y :, 100 + x :][:height, :width]
        np.testing.assert_array_equal(mask, around)
    # The selected part of the layer is 34 x 40 pixels at 50, 30; 16 around it are painted too where there is layer.
    assert (found.new["size"], found.new["offsets"]) == ([50, 56], [34, 14])
    feathered = Outcome(gimp.folder / "cases", played["selection"])
    assert len(set(feathered.bytes(feathered.new, "mask"))) > 10


def test_the_saved_png_shows_the_new_layer(gimp: Machine, played: dict[str, Any]) -> None:
    found = Outcome(gimp.folder / "cases", played["rgb"])
    picture: Array = (
        array_of(files.read(gimp.folder / "cases" / "rgb.png", "result"))[:48, :64, :3].astype(np.float32) / 255
    )
    np.testing.assert_allclose(picture, found.rgb(found.new), atol=0.003)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_the_remedy_and_leaves_the_image(name: str, played: dict[str, Any]) -> None:
    outcome, (_, words) = played[f"refused-{name}"], REFUSED[name]
    assert not outcome["ok"]
    assert words in outcome["message"]
    assert "Traceback" not in outcome["message"]
    assert len(outcome["after"]) == len(outcome["before"])


def test_no_call_left_an_undo_group_open_or_a_traceback(played: dict[str, Any]) -> None:
    assert OPEN_UNDO_GROUP not in played["output"]
    assert "Traceback" not in played["output"]


def test_the_plug_in_started_the_backend_which_goes_when_told(gimp: Machine, played: dict[str, Any]) -> None:
    assert find_running(gimp.installation)
    assert client.stop(gimp.installation)
    assert not find_running(gimp.installation)


def test_a_missing_backend_is_one_sentence_with_the_remedy(gimp: Machine) -> None:
    client.stop(gimp.installation)
    program = gimp.installation.python
    away = program.rename(program.with_name("python-away"))
    try:
        outcomes = gimp.play("no-backend", [case("missing", size=(32, 24))])
        assert not outcomes["missing"]["ok"]
        assert "was not found" in outcomes["missing"]["message"]
        assert "python3 install.py" in outcomes["missing"]["message"]
        assert len(outcomes["missing"]["after"]) == 2
        assert OPEN_UNDO_GROUP not in outcomes["output"]
    finally:
        away.rename(program)


def test_a_backend_that_does_not_start_is_one_sentence_with_the_log(gimp: Machine) -> None:
    client.stop(gimp.installation)
    program = gimp.installation.python
    script = program.read_text()
    try:
        program.write_text("#!/bin/sh\necho no torch here >&2\nexit 3\n")
        outcomes = gimp.play("broken-backend", [case("broken", size=(32, 24))])
    finally:
        program.write_text(script)
    assert not outcomes["broken"]["ok"]
    assert "did not start: no torch here" in outcomes["broken"]["message"]
    assert "backend.log" in outcomes["broken"]["message"]
    assert len(outcomes["broken"]["after"]) == 2


def test_a_remote_that_was_chosen_once_paints_for_gimp_too(gimp: Machine) -> None:
    client.stop(gimp.installation)
    with remote_backend(gimp.folder / "server") as remote:
        Remotes(gimp.installation.remote_file).add(remote)
        try:
            unknown = ARGUMENTS | {"backend": "tcp://gpu.example:5555"}
            wanted = [case("remote", size=(32, 24)), case("unknown", size=(32, 24), arguments=unknown)]
            outcomes = gimp.play("remote-backend", wanted)
        finally:
            gimp.installation.remote_file.unlink()
    assert outcomes["remote"]["ok"], outcomes["remote"]["message"]
    assert len(outcomes["remote"]["after"]) == 3
    assert not outcomes["unknown"]["ok"]
    assert "There is no key for the backend at tcp://gpu.example:5555" in outcomes["unknown"]["message"]
    assert not find_running(gimp.installation), "nothing was started here"


@contextmanager
def remote_backend(home: Path) -> Iterator[Remote]:
    """A backend that knows nothing of GIMP's home, and what a client needs to use it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    installation = Installation(home, Path(sys.executable))
    remote = KeyRing(installation.keys).invite("gimp", address)
    command = [sys.executable, "-m", "backend", "serve", "--bind", address]
    with subprocess.Popen(command, env={**os.environ, HOME_VARIABLE: str(home)}, cwd=REPOSITORY) as process:
        try:
            yield remote
        finally:
            process.terminate()


def test_style_files_are_read_as_they_look(gimp: Machine) -> None:
    made = gimp.folder / "styles"
    made.mkdir()
    turned = made / "turned.jpg"
    turned.write_bytes(turned_by_exif(STYLE.read_bytes()))
    profiles = {made / "table.png": icc.table(), made / "wide.png": icc.wide()}
    expected = {path: with_profile(path, profile) for path, profile in profiles.items()}
    cases: list[dict[str, Any]] = [
        {"name": "plain", "path": str(STYLE)},
        {"name": "turned", "path": str(turned)},
        {"name": "huge", "path": str(made / "huge.png"), "make": (5000, 40)},
        {"name": "usual", "path": str(made / "usual.png"), "make": (40, 30)},
        {"name": "palette", "path": str(made / "palette.gif"), "make": (40, 30)},
        *({"name": path.stem, "path": str(path)} for path in expected),
    ]
    found = gimp.play("style-files", cases)
    sizes = {name: found[name]["size"] for name in ("plain", "turned", "huge", "palette")}
    assert sizes["turned"] == sizes["plain"][::-1]
    assert sizes["huge"] == [4096, 33]
    assert sizes["palette"] == [40, 30]
    for name in sizes:
        assert found[name]["whole"]
        assert found[name]["left"] == 0
    means = {name: np.frombuffer((gimp.folder / "style-files" / f"{name}.style").read_bytes(), np.uint8).mean()
             for name in ("usual", "huge")}  # fmt: skip
    assert means["huge"] == pytest.approx(means["usual"], abs=5), "a smaller copy is no darker"
    for path, theirs in expected.items():
        ours = np.frombuffer((gimp.folder / "style-files" / f"{path.stem}.style").read_bytes(), np.uint8)
        np.testing.assert_allclose(ours.reshape(30, 40, 4)[..., :3], theirs.astype(float), atol=2)


def with_profile(path: Path, profile: bytes) -> Array:
    """Save a small picture with the profile; its sRGB colours as LittleCMS converts them."""
    icc_file = path.with_suffix(".icc")
    icc_file.write_bytes(profile)
    picture = pyvips.Image.thumbnail(str(STYLE), 40)
    picture.write_to_file(str(path), profile=str(icc_file))
    as_seen = pyvips.Image.new_from_file(str(path)).icc_transform(
        "srgb", embedded=True, intent="relative", black_point_compensation=True
    )
    return np.asarray(as_seen.numpy())


def turned_by_exif(jpeg: bytes) -> bytes:
    """The JPEG file with an EXIF block that says it is to be turned by a quarter."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]


@pytest.fixture(scope="module")
def network() -> VGG19:
    return VGG19(sources.load("original"))


@pytest.fixture(scope="module")
def style() -> torch.Tensor:
    """The style picture, brought to the size that the cases are painted at."""
    pixels = array_of(files.read(STYLE, "style"))[..., :3].astype(np.float32) / 255
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    return torch.nn.functional.interpolate(tensor, (48, 64), mode="bilinear", antialias=True)


def distance(network: VGG19, picture: Array, style: torch.Tensor) -> float:
    """The distance of two pictures' Gram matrices on VGG-19, over the five layers of the paper."""
    layers = [f"relu{block}_1" for block in range(1, 5)]
    with torch.no_grad():
        tensor = torch.from_numpy(picture.copy()).float().clamp(0, 1).permute(2, 0, 1)[None]
        ours, theirs = features(network, tensor, layers), features(network, style, layers)
        return sum(_relative(ours[layer], theirs[layer]) for layer in layers)


def _relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    mine, target = (gram_matrix(f) / (f.shape[-1] * f.shape[-2]) for f in (ours, theirs))
    return float((mine - target).square().sum() / target.square().sum())
