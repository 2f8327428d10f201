"""Runs in GIMP's own Python: sets the procedure's arguments, and writes down what became of them.

Started as `inside.py` is. A case is either `settings`, then its arguments are only mapped to the protocol's, or it
paints a layer of 64 x 48 pixels, which is dumped before and after as 8-bit RGB.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio  # noqa: E402

FOLDER = Path(os.environ["NEURAL_STYLE_TEST_FOLDER"])
SIZE = 64, 48


def load(path: str) -> Gimp.Image:
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))


def dump(layer: Gimp.Layer, name: str) -> None:
    rectangle = Gegl.Rectangle.new(0, 0, layer.get_width(), layer.get_height())
    (FOLDER / name).write_bytes(layer.get_buffer().get(rectangle, 1.0, "R'G'B' u8", Gegl.AbyssPolicy.NONE))


def config_of(case: dict[str, Any]) -> Gimp.ProcedureConfig:
    """The procedure's config with the case's arguments; a style layer is the only one of the image of that path."""
    config = Gimp.get_pdb().lookup_procedure("plug-in-neural-style").create_config()
    for name, value in case["arguments"].items():
        if name == "style-layer":
            value = load(value).get_layers()[0]
        config.set_property(name, Gio.File.new_for_path(value) if name == "style-file" else value)
    return config


def settings(case: dict[str, Any]) -> dict[str, Any]:
    to_settings = importlib.import_module("neuralstyle.settings").to_settings
    return asdict(to_settings(config_of(case)))


def paint(case: dict[str, Any]) -> dict[str, Any]:
    image = load(os.environ["NEURAL_STYLE_TEST_PHOTO"])
    image.scale(*SIZE)
    layer = image.get_layers()[0]
    layer.set_name("Portrait")
    dump(layer, f"{case['name']}.before")
    config = config_of(case)
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [layer])
    values = Gimp.get_pdb().lookup_procedure("plug-in-neural-style").run(config)
    ok = values.index(0) == Gimp.PDBStatusType.SUCCESS
    if ok:
        dump(values.index(1), f"{case['name']}.after")
    told = values.index(1).get_name() if ok else str(values.index(1))
    return {"ok": ok, "told": told, "layers": len(image.get_layers()), "images": len(Gimp.get_images())}


def main() -> None:
    sys.path.insert(0, os.environ["NEURAL_STYLE_TEST_PLUG_IN"])
    outcomes = {}
    for case in json.loads((FOLDER / "cases.json").read_text()):
        outcomes[case["name"]] = (settings if case.get("settings") else paint)(case)
        for image in Gimp.get_images():
            image.delete()
    (FOLDER / "outcomes.json").write_text(json.dumps(outcomes))


main()
