"""Runs in GIMP's own Python: builds an image per case, calls the plug-in, and writes down what became of it.

Started with `exec` by gimp-console's python-fu-eval; FOLDER holds `cases.json`, and gets `outcomes.json`, an XCF and
a PNG per painted case, and raw dumps of all layers of that XCF as loaded anew from its file.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio  # noqa: E402

FOLDER = Path(os.environ["NEURAL_STYLE_TEST_FOLDER"])
PHOTO = os.environ["NEURAL_STYLE_TEST_PHOTO"]
FLOAT = "R'G'B'A float"
TYPES = {
    ("RGB", False): Gimp.ImageType.RGB_IMAGE,
    ("RGB", True): Gimp.ImageType.RGBA_IMAGE,
    ("GRAY", False): Gimp.ImageType.GRAY_IMAGE,
    ("GRAY", True): Gimp.ImageType.GRAYA_IMAGE,
}


def file(path: object) -> Gio.File:
    return Gio.File.new_for_path(str(path))


def load(path: object) -> Gimp.Image:
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file(path))


def whole(layer: Gimp.Layer) -> Gegl.Rectangle:
    return Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())


def pixels(layer: Gimp.Layer, pixel_format: str | None) -> bytes:
    data: bytes = layer.get_buffer().get(whole(layer), 1.0, pixel_format, Gegl.AbyssPolicy.NONE)
    return data


def photo(width: int, height: int) -> bytes:
    """The photograph in that size, as sRGB-encoded RGBA floats."""
    image = load(PHOTO)
    image.scale(width, height)
    data = pixels(image.get_layers()[0], FLOAT)
    image.delete()
    return data


def with_holes(data: bytes, width: int, height: int) -> bytes:
    """The left quarter transparent, the next one half-covered with every alpha there is."""
    values = memoryview(bytearray(data)).cast("f")
    for row in range(height):
        for column in range(width // 2):
            alpha = 0.0 if column < width // 4 else (row * width + column) % 256 / 255
            values[(row * width + column) * 4 + 3] = alpha
    return values.tobytes()


def build(case: dict[str, Any]) -> tuple[Gimp.Image, Gimp.Layer]:
    """The image and the layer to paint."""
    width, height = case["size"]
    base = getattr(Gimp.ImageBaseType, case["base"])
    image = Gimp.Image.new_with_precision(96, 80, base, getattr(Gimp.Precision, case["precision"]))
    if case["profile"] == "adobe":
        image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
    add(image, "Below", 96, 80, TYPES[case["base"], False], None)
    parent = Gimp.GroupLayer.new(image, "Group") if case["in_group"] else None
    if parent is not None:
        image.insert_layer(parent, None, 0)
    layer = add(image, "Portrait", width, height, TYPES[case["base"], case["alpha"]], parent)
    layer.set_offsets(*case["offsets"])
    data = photo(width, height)
    put(layer, with_holes(data, width, height) if case["alpha"] else data)
    if case["selection"]:
        x, y, w, h, feather = case["selection"]
        image.select_rectangle(Gimp.ChannelOps.REPLACE, x, y, w, h)
        if feather:
            Gimp.Selection.feather(image, feather)
    if parent is not None:
        parent.set_lock_content(case["locked"])
    return image, layer


def add(
    image: Gimp.Image, name: str, width: int, height: int, kind: Gimp.ImageType, parent: Gimp.Layer | None
) -> Gimp.Layer:
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, parent, 0)
    return layer


def put(layer: Gimp.Layer, data: bytes) -> None:
    buffer = layer.get_buffer()
    buffer.set(whole(layer), FLOAT, data)
    buffer.flush()
    layer.update(0, 0, layer.get_width(), layer.get_height())


def targets(case: dict[str, Any], image: Gimp.Image, layer: Gimp.Layer) -> list[Gimp.Drawable]:
    """The drawables the plug-in is called on."""
    kind = case["target"]
    if kind == "two":
        return list(image.get_layers()[:2])
    if kind == "channel":
        channel = Gimp.Channel.new_from_component(image, Gimp.ChannelType.RED, "Channel")
        image.insert_channel(channel, None, 0)
        return [channel]
    return [layer]


def call(case: dict[str, Any], image: Gimp.Image, drawables: list[Gimp.Drawable]) -> dict[str, Any]:
    """Status, message and returned layer of a call through the PDB."""
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-neural-style")
    config = procedure.create_config()
    config.set_property("run-mode", getattr(Gimp.RunMode, case["mode"]))
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for name, value in case["arguments"].items():
        config.set_property(name, file(value) if name == "style-file" else value)
    values = procedure.run(config)
    ok = values.index(0) == Gimp.PDBStatusType.SUCCESS
    returned = values.index(1) if values.length() > 1 else None
    return {
        "ok": ok,
        "message": None if ok else str(returned),
        "returned": returned.get_name() if ok and returned is not None else None,
    }


def describe(layer: Gimp.Layer, dump: Path) -> dict[str, Any]:
    """What there is to know of a layer; its pixels go to files named `dump` and an ending."""
    if not layer.is_group():
        dump.with_suffix(".raw").write_bytes(pixels(layer, None))
        dump.with_suffix(".float").write_bytes(pixels(layer, FLOAT))
        if layer.has_alpha():
            dump.with_suffix(".alpha").write_bytes(pixels(layer, "A double"))
    mask = layer.get_mask()
    if mask is not None:
        dump.with_suffix(".mask").write_bytes(pixels(mask, "Y u8"))
    parent = layer.get_parent()
    return {
        "name": layer.get_name(),
        "size": [layer.get_width(), layer.get_height()],
        "offsets": list(layer.get_offsets())[1:],
        "alpha": layer.has_alpha(),
        "gray": layer.is_gray(),
        "parent": parent.get_name() if parent else None,
        "mask": mask is not None,
        "dump": dump.stem,
    }


def every_layer(layers: list[Gimp.Layer]) -> list[Gimp.Layer]:
    """Layers from top to bottom, with those in groups after their group."""
    found = []
    for layer in layers:
        found.append(layer)
        if layer.is_group():
            found += every_layer(layer.get_children())
    return found


def facts(image: Gimp.Image, prefix: str) -> list[dict[str, Any]]:
    layers = every_layer(image.get_layers())
    return [describe(layer, FOLDER / f"{prefix}-{number}.x") for number, layer in enumerate(layers)]


def play(case: dict[str, Any]) -> dict[str, Any]:
    """Build, call, save, load again, describe."""
    image, layer = build(case)
    drawables = targets(case, image, layer)
    selected = pixels(image.get_selection(), "Y u8")
    (FOLDER / f"{case['name']}-selection").write_bytes(selected)
    before = facts(image, f"{case['name']}-before")
    outcome = call(case, image, drawables)
    outcome["selection_kept"] = pixels(image.get_selection(), "Y u8") == selected
    xcf = FOLDER / f"{case['name']}.xcf"
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file(xcf), None)
    if outcome["ok"]:
        Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file(xcf.with_suffix(".png")), None)
    image.delete()
    saved = load(xcf)
    outcome["before"], outcome["after"] = before, facts(saved, f"{case['name']}-after")
    outcome["precision"] = saved.get_precision() == getattr(Gimp.Precision, case["precision"])
    saved.delete()
    return outcome


def read_as_style(case: dict[str, Any]) -> dict[str, Any]:
    """What the plug-in's own reader makes of a style file, which is made here if the case says how large."""
    read_style = importlib.import_module("neuralstyle.style").read_style
    if "make" in case:
        width, height = case["make"]
        image = Gimp.Image.new(width, height, Gimp.ImageBaseType.RGB)
        layer = add(image, "Style", width, height, Gimp.ImageType.RGBA_IMAGE, None)
        put(layer, photo(width, height))
        if case["path"].endswith(".gif"):
            image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 8, True, False, "")
        Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file(case["path"]), None)
        image.delete()
    picture = read_style(file(case["path"]))
    (FOLDER / f"{case['name']}.style").write_bytes(picture.pixels)
    whole_picture = len(picture.pixels) == picture.nbytes
    return {"size": [picture.width, picture.height], "whole": whole_picture, "left": len(Gimp.get_images())}


def main() -> None:
    cases = json.loads((FOLDER / "cases.json").read_text())
    sys.path.insert(0, os.environ["NEURAL_STYLE_TEST_PLUG_IN"])
    outcomes = {case["name"]: (read_as_style if "path" in case else play)(case) for case in cases}
    (FOLDER / "outcomes.json").write_text(json.dumps(outcomes))


main()
