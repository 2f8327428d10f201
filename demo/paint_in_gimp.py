"""Played inside GIMP by `install.py demo --gimp`: opens a photograph, paints a layer above it, and saves both."""

from __future__ import annotations

from gi.repository import Gimp, Gio

SAYS = "neural-style-demo: "
"""The sentence after it is for the user; a run that went well has none."""


def paint(photo: str, style: str, result: str, size: int) -> None:
    """Stylise the photograph at a working size of `size` pixels, and save the image with both layers as XCF.

    SystemExit if that cannot be, after a sentence that says why.
    """
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-neural-style")
    if procedure is None:
        _stop("The Neural Style plug-in is not in this GIMP. Start it once with its window and repeat the command.")
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(photo))
    if image is None:
        _stop(f"GIMP cannot open {photo}. Keep the folder with install.py where GIMP may read it.")
    [layer] = image.get_layers()
    layer.set_name("photo")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", [layer])
    config.set_property("style-file", Gio.File.new_for_path(style))
    config.set_property("size", size)
    values = procedure.run(config)
    if values.index(0) != Gimp.PDBStatusType.SUCCESS:
        _stop(values.index(1))
    if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(result), None):
        _stop(f"GIMP cannot write {result}. Repeat the command in a folder that GIMP may write to.")
    image.delete()


def _stop(sentence: str) -> None:
    print(f"{SAYS}{sentence}", flush=True)
    raise SystemExit(1)
