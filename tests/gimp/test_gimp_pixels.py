"""One table of layers of every kind, in a real GIMP: the pixels that the plug-in sends, and those it puts back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import icc
import numpy as np
import numpy.typing as npt
import pytest
from machine import INSIDE, OPEN_UNDO_GROUP, Machine, machine

Array = npt.NDArray[Any]
CANVAS = (96, 80)
STEP = 1 / 255
USUAL: dict[str, Any] = {
    "kind": "plain",
    "base": "RGB",
    "precision": "U8_NON_LINEAR",
    "profile": None,
    "assigned": False,
    "alpha": True,
    "size": (40, 30),
    "offsets": (5, 7),
    "in_group": False,
    "mask": False,
    "edit_mask": False,
    "selection": None,
    "indexed": False,
    "effect": False,
    "locked": False,
}
TYPES = ("U8", "U16", "U32", "HALF", "FLOAT", "DOUBLE")
CURVES = ("LINEAR", "NON_LINEAR", "PERCEPTUAL")
PRECISIONS = {f"{t}_{c}": {"precision": f"{t}_{c}"} for t in TYPES for c in CURVES}
CASES: dict[str, dict[str, Any]] = {
    **PRECISIONS,
    "gray": {"base": "GRAY", "alpha": False},
    "gray-linear-16": {"base": "GRAY", "precision": "U16_LINEAR"},
    "gray-float": {"base": "GRAY", "precision": "FLOAT_LINEAR"},
    "gray-own-profile": {"base": "GRAY", "profile": "gray-lab", "assigned": True},
    "adobe": {"profile": "adobe", "assigned": True},
    "adobe-16": {"profile": "adobe", "assigned": True, "precision": "U16_NON_LINEAR", "alpha": False},
    "adobe-float": {"profile": "adobe", "precision": "FLOAT_LINEAR"},
    "wide": {"profile": "wide", "assigned": True},
    "table-profile": {"profile": "table", "assigned": True},
    "table-profile-16": {
        "profile": "table",
        "assigned": True,
        "precision": "U16_NON_LINEAR",
        "selection": (12, 12, 9, 9, 0),
    },
    "larger-than-canvas": {"size": (150, 120), "offsets": (-20, -30)},
    "outside-canvas": {"offsets": (200, -90)},
    "in-group": {"in_group": True, "offsets": (-3, 4)},
    "group": {"kind": "group"},
    "group-with-mask": {"kind": "group", "mask": True},
    "effect": {"effect": True, "mask": True, "selection": (12, 12, 20, 15, 8)},
    "effect-gray-float": {"effect": True, "base": "GRAY", "precision": "FLOAT_LINEAR"},
    "effect-indexed": {"effect": True, "indexed": True},
    "effect-on-group": {"kind": "group", "effect": True, "mask": True},
    "effect-on-text": {"kind": "text", "effect": True},
    "text": {"kind": "text"},
    "link": {"kind": "link"},
    "vector": {"kind": "vector"},
    "layer-mask": {"mask": True},
    "layer-mask-edited": {"mask": True, "edit_mask": True},
    "layer-mask-and-selection": {"mask": True, "selection": (12, 12, 20, 15, 8)},
    "layer-mask-and-selection-float": {
        "mask": True,
        "selection": (12, 12, 20, 15, 8),
        "precision": "FLOAT_LINEAR",
    },
    "feather": {"selection": (12, 12, 20, 15, 8), "size": (90, 70)},
    "feather-16": {"selection": (12, 12, 20, 15, 8), "size": (90, 70), "precision": "U16_LINEAR"},
    "hard-selection": {"selection": (60, 40, 20, 20, 0), "size": (90, 70)},
    "one-pixel-selection": {"selection": (20, 20, 1, 1, 0)},
    "locked": {"locked": True},
    "indexed": {"indexed": True},
    "indexed-selection": {"indexed": True, "selection": (12, 12, 20, 15, 8)},
    "one-pixel-wide": {"size": (1, 70)},
    "one-pixel-high-16": {"size": (70, 1), "precision": "U16_NON_LINEAR", "alpha": False},
    "one-pixel-wide-double": {"size": (1, 70), "precision": "DOUBLE_LINEAR"},
    "12000-wide": {"size": (12000, 40)},
    "12000-wide-float": {"size": (12000, 24), "precision": "FLOAT_LINEAR", "offsets": (-6000, 0)},
    "12000-high": {"size": (20, 12000), "alpha": False},
    "smallest": {"size": (16, 2)},
}
# Tables are interpolated: there and back again is only about the same colour.
INEXACT = ("table-profile", "table-profile-16")
SINCE_3_2 = ("link", "vector")


@pytest.fixture(scope="module", params=["3.0", "3.2"])
def gimp(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with machine(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def played(gimp: Machine) -> dict[str, Any]:
    """The outcomes of the whole table, from one start of GIMP."""
    folder = gimp.folder / "pixels"
    folder.mkdir()
    (folder / "wide.icc").write_bytes(icc.wide())
    (folder / "table.icc").write_bytes(icc.table())
    cases = [USUAL | {"name": name} | case for name, case in CASES.items() if in_reach(gimp, name)]
    return gimp.play("pixels", cases, program=INSIDE.with_name("pixels_inside.py"), fonts=True)


def in_reach(gimp: Machine, name: str) -> bool:
    return gimp.version != "3.0" or name not in SINCE_3_2


class Outcome:
    """One case's outcome with its pixels."""

    def __init__(self, folder: Path, name: str, outcome: dict[str, Any]) -> None:
        assert not outcome["message"], outcome["message"]
        self.folder, self.name, self.facts = folder, name, outcome
        self.case = USUAL | CASES[name]
        self.source, self.new = outcome["source"], outcome["new"]

    def array(self, kind: str, dtype: str = "float32") -> Array:
        return np.frombuffer((self.folder / f"{self.name}{kind}").read_bytes(), dtype)

    def floats(self, which: str) -> Array:
        """sRGB-encoded RGBA (height, width, 4) of `source` or `new`, as GIMP converts it."""
        width, height = self.facts[which]["size"]
        return self.array(f"-{which}.float").reshape(height, width, 4)

    def sent(self) -> Array:
        """What the backend would get, as floats (height, width, channels)."""
        sent = self.facts["sent"]
        dtype, top = {"u8": ("u1", 255), "u16": ("<u2", 65535), "f32": ("<f4", 1)}[sent["depth"]]
        return self.array(".sent", dtype).reshape(sent["height"], sent["width"], sent["channels"]) / np.float64(top)

    def reference(self) -> Array:
        """The whole source as GIMP's own menu items convert it, as floats (height, width, channels)."""
        width, height = self.source["size"]
        return self.array(".reference").reshape(height, width, -1)

    def part(self) -> tuple[slice, slice]:
        """The part of the source that the new layer covers."""
        (x, y), (left, top) = self.new["offsets"], self.source["offsets"]
        width, height = self.new["size"]
        return slice(y - top, y - top + height), slice(x - left, x - left + width)


@pytest.fixture
def outcome(request: pytest.FixtureRequest, gimp: Machine, played: dict[str, Any]) -> Outcome:
    if not in_reach(gimp, request.param):
        pytest.skip("GIMP has such layers since 3.2")
    return Outcome(gimp.folder / "pixels", request.param, played[request.param])


@pytest.mark.parametrize("outcome", CASES, indirect=True)
def test_what_is_sent_is_what_gimp_converts_to_srgb(outcome: Outcome) -> None:
    x, y, width, height = outcome.facts["sent"]["box"]
    rows, columns = np.arange(y, y + height), np.arange(x, x + width)
    theirs = outcome.reference()
    # A layer narrower than the network can look at is sent with its border repeated.
    theirs = theirs[rows.clip(0, theirs.shape[0] - 1)][:, columns.clip(0, theirs.shape[1] - 1)]
    ours = outcome.sent()
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours.clip(0, 1), theirs.clip(0, 1), atol=STEP)
    if outcome.facts["sent"]["depth"] != "u8" and outcome.case["profile"] is None:
        np.testing.assert_allclose(ours, theirs, atol=2e-4)


@pytest.mark.parametrize("outcome", CASES, indirect=True)
def test_what_comes_back_unchanged_is_the_source(outcome: Outcome) -> None:
    new, source = outcome.floats("new"), outcome.floats("source")[outcome.part()]
    if outcome.case["effect"]:
        source = outcome.reference()[outcome.part()]  # the source's own pixels are without it
        new = new[..., -source.shape[-1] :]
    if outcome.name in INEXACT:
        assert np.abs(new - source).mean() < STEP
        assert np.abs(new - source).max() < 0.1
        return
    if outcome.case["indexed"] or outcome.case["effect"]:
        np.testing.assert_allclose(new, source, atol=STEP if outcome.case["effect"] else 1e-6)
        return
    kind = outcome.case["precision"].split("_")[0]
    dtype = {"U8": "u1", "U16": "<u2", "U32": "<u4", "HALF": "<f2", "FLOAT": "<f4", "DOUBLE": "<f8"}[kind]
    width, height = outcome.source["size"]
    source = outcome.array("-source.raw", dtype).reshape(height, width, -1)[outcome.part()]
    new = outcome.array("-new.raw", dtype).reshape(source.shape)
    if outcome.source["alpha"]:
        np.testing.assert_array_equal(new[..., -1], source[..., -1])
    steps = {"U8": 1, "U16": 2 if outcome.case["profile"] is None else 257, "U32": 2**12}
    if kind in steps:
        np.testing.assert_allclose(new.astype(float), source.astype(float), atol=steps[kind])
    else:
        np.testing.assert_allclose(new.astype(float), source.astype(float), atol=1e-3 if kind == "HALF" else 1e-5)
    if kind == "U8" and outcome.case["profile"] is None:
        np.testing.assert_array_equal(new, source)


@pytest.mark.parametrize("outcome", CASES, indirect=True)
def test_the_new_layer_is_a_plain_one_directly_above_in_the_same_kind_of_image(outcome: Outcome) -> None:
    new, source, case = outcome.new, outcome.source, outcome.case
    assert new["kind"] == "Layer"
    assert new["parent"] == source["parent"]
    assert outcome.facts["below"] == source["name"]
    assert (new["alpha"], new["gray"]) == (source["alpha"], source["gray"])
    assert outcome.facts["same_image"] != case["indexed"]
    assert outcome.facts["precision"]
    if not case["selection"]:
        assert (new["size"], new["offsets"]) == (source["size"], source["offsets"])


@pytest.mark.parametrize("outcome", CASES, indirect=True)
def test_without_the_new_layer_the_image_is_as_before(outcome: Outcome) -> None:
    assert outcome.facts["untouched"]
    assert outcome.facts["images_left"] == 0


@pytest.mark.parametrize("outcome", CASES, indirect=True)
def test_the_mask_is_the_selection_times_the_layers_own(outcome: Outcome) -> None:
    new, source, case = outcome.new, outcome.source, outcome.case
    assert new["mask"] == bool(case["selection"] or case["mask"])
    if not new["mask"]:
        return
    (x, y), (width, height) = new["offsets"], new["size"]
    wanted = np.ones((height, width))
    if case["selection"]:
        selection = outcome.array(".selection").reshape(CANVAS[::-1])
        selection = np.pad(selection, 200)[200 + y :, 200 + x :][:height, :width]
        wanted = wanted * selection
        assert width > case["selection"][2] and height > case["selection"][3], "there is no context around the edge"
    if case["mask"]:
        wanted = wanted * outcome.array("-source.mask").reshape(source["size"][::-1])[outcome.part()]
    mask = outcome.array("-new.mask").reshape(height, width)
    np.testing.assert_allclose(mask, wanted, atol=1.01 * STEP)
    if case["selection"] and case["selection"][4]:
        assert len(np.unique(mask)) > 10, "the feather is gone"


def test_a_layer_that_was_closed_is_one_sentence_with_the_remedy(played: dict[str, Any]) -> None:
    assert played["closed"].startswith("Refusal: The layer is not open any more. Open its image")


def test_no_call_left_an_undo_group_open_or_a_traceback(played: dict[str, Any]) -> None:
    assert OPEN_UNDO_GROUP not in played["output"]
    assert "Traceback" not in played["output"]
