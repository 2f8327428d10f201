"""Runs in GIMP's own Python: whether an image counts as changed while a layer is painted in it, and afterwards.

Started as `inside.py` is. A case says what the user does meanwhile, and what becomes of the layer.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio  # noqa: E402

FOLDER = Path(os.environ["NEURAL_STYLE_TEST_FOLDER"])


def save(image: Gimp.Image, name: str) -> None:
    file = Gio.File.new_for_path(str(FOLDER / f"{name}.xcf"))
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file, None)
    image.set_file(file)
    image.clean_all()  # as the menu's Save does, other than the procedure


def new_layer(image: Gimp.Image, group: Gimp.Layer | None = None) -> Gimp.Layer:
    layer = Gimp.Layer.new(image, "layer", 20, 20, Gimp.ImageType.RGBA_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, group, 0)
    return layer


def play(case: dict[str, Any]) -> dict[str, bool]:
    marks = importlib.import_module("neuralstyle.changed_mark")
    image = Gimp.Image.new(20, 20, Gimp.ImageBaseType.RGB)
    own = new_layer(image)
    group = Gimp.GroupLayer.new(image, "group")
    image.insert_layer(group, None, 0)
    group.set_lock_position(case["locked"])
    save(image, case["name"])
    if case["before"]:
        own.set_opacity(50.0)
    mark = marks.ChangedMark(image)
    layer = new_layer(image, group)
    mark.forgive()
    painting = image.is_dirty()
    if case["meanwhile"] == "change":
        own.set_opacity(60.0)
    elif case["meanwhile"] == "save":
        time.sleep(0.01)
        save(image, case["name"])
    elif case["meanwhile"] == "save as":
        save(image, case["name"] + " another")
    if case["kept"]:
        mark.give_back(layer)
    else:
        with mark.left_alone():
            image.remove_layer(layer)
    outcome = {"painting": painting, "afterwards": image.is_dirty()}
    image.delete()
    return outcome


def main() -> None:
    sys.path.insert(0, os.environ["NEURAL_STYLE_TEST_PLUG_IN"])
    sys.path.insert(1, os.path.join(sys.path[0], "vendor"))
    cases = json.loads((FOLDER / "cases.json").read_text())
    (FOLDER / "outcomes.json").write_text(json.dumps({case["name"]: play(case) for case in cases}))


main()
