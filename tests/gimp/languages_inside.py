"""Runs in GIMP's own Python: writes down the plug-in's texts as GIMP has them, and what a run without a style says."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gi.repository import Gimp, Gio

FOLDER = Path(os.environ["NEURAL_STYLE_TEST_FOLDER"])


def main() -> None:
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-neural-style")
    argument = procedure.find_argument("preset")
    image = Gimp.Image.new(64, 64, Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, "Layer", 64, 64, Gimp.ImageType.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    config = procedure.create_config()
    config.set_core_object_array("drawables", [layer])
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_property("style-file", Gio.File.new_for_path("/nowhere.png"))
    found = {
        "menu": procedure.get_menu_label(),
        "places": procedure.get_menu_paths(),
        "label": argument.get_nick(),
        "tip": argument.get_blurb(),
        "error": str(procedure.run(config).index(1)),
    }
    (FOLDER / "outcomes.json").write_text(json.dumps(found))


main()
