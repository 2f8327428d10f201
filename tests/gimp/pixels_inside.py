"""Runs in GIMP's own Python: for each case of a table an image, what the plug-in sends of it, and what comes back.

Started with `exec` by gimp-console's python-fu-eval; FOLDER holds `cases.json`, and gets `outcomes.json` and raw
dumps. The pixels go straight back, as if a painter had changed nothing: the new layer must be the source.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import time
from array import array
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio  # noqa: E402

FOLDER = Path(os.environ["NEURAL_STYLE_TEST_FOLDER"])
PHOTO = os.environ["NEURAL_STYLE_TEST_PHOTO"]
FLOAT = "R'G'B'A float"
CANVAS = (96, 80)
PROFILES = {
    "adobe": Gimp.ColorProfile.new_rgb_adobe,
    "gray-lab": Gimp.ColorProfile.new_d50_gray_lab_trc,
}


def file(path: object) -> Gio.File:
    return Gio.File.new_for_path(str(path))


def whole(drawable: Gimp.Drawable) -> Gegl.Rectangle:
    return Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())


def pixels(drawable: Gimp.Drawable, pixel_format: str | None) -> bytes:
    data: bytes = drawable.get_buffer().get(whole(drawable), 1.0, pixel_format, Gegl.AbyssPolicy.NONE)
    return data


def put(drawable: Gimp.Drawable, data: bytes, pixel_format: str) -> None:
    buffer = drawable.get_buffer()
    buffer.set(whole(drawable), pixel_format, data)
    buffer.flush()
    drawable.update(0, 0, drawable.get_width(), drawable.get_height())


def fill(layer: Gimp.Layer) -> None:
    """Random colours within sRGB, and every kind of alpha."""
    width, height = layer.get_width(), layer.get_height()
    chance, rows = random.Random(5), min(8, height)
    values = array("f", [chance.random() for _ in range(rows * width * 4)])
    for first, alpha in ((3, 0.0), (7, 1.0)):
        values[first::20] = array("f", [alpha] * len(values[first::20]))
    data = values.tobytes() * (height // rows + 1)
    put(layer, data[: width * height * 16], FLOAT)


def profile_of(name: str) -> Gimp.ColorProfile:
    return PROFILES[name]() if name in PROFILES else Gimp.ColorProfile.new_from_file(file(FOLDER / f"{name}.icc"))


def build(case: dict[str, Any]) -> tuple[Gimp.Image, Gimp.Layer]:
    """The image and the layer to paint."""
    base = getattr(Gimp.ImageBaseType, case["base"])
    image = Gimp.Image.new_with_precision(*CANVAS, base, getattr(Gimp.Precision, case["precision"]))
    if case["profile"] and not case["assigned"]:
        image.set_color_profile(profile_of(case["profile"]))
    insert(image, new_layer(image, "Below", *CANVAS, case["base"], False), None)
    parent: Any = None
    if case["in_group"] or case["kind"] == "group":
        parent = Gimp.GroupLayer.new(image, "Group")
        insert(image, parent, None)
    layer = KINDS[case["kind"]](case, image, parent)
    if case["kind"] == "group":
        layer = parent
    if case["mask"]:
        mask = layer.create_mask(Gimp.AddMaskType.WHITE)
        layer.add_mask(mask)
        fill_mask(mask)
    if case["selection"]:
        x, y, width, height, feather = case["selection"]
        image.select_rectangle(Gimp.ChannelOps.REPLACE, x, y, width, height)
        if feather:
            Gimp.Selection.feather(image, feather)
    if case["assigned"]:
        image.set_color_profile(profile_of(case["profile"]))
    if case["indexed"]:
        image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    if case["effect"]:
        layer.append_filter(Gimp.DrawableFilter.new(layer, "gegl:invert-gamma", "Inverted"))
    if case["locked"]:
        lock(layer)
    return image, layer


def lock(layer: Gimp.Layer) -> None:
    """Every lock that there is for a layer."""
    layer.set_lock_content(True)
    layer.set_lock_position(True)
    layer.set_lock_visibility(True)
    layer.set_lock_alpha(True)


def insert(image: Gimp.Image, layer: Gimp.Layer, parent: Gimp.Layer | None) -> None:
    image.insert_layer(layer, parent, 0)


def new_layer(image: Gimp.Image, name: str, width: int, height: int, base: str, alpha: bool) -> Gimp.Layer:
    kind = getattr(Gimp.ImageType, f"{base}{'A' if alpha else ''}_IMAGE")
    return Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)


def plain(case: dict[str, Any], image: Gimp.Image, parent: Gimp.Layer | None) -> Gimp.Layer:
    width, height = case["size"]
    layer = new_layer(image, "Portrait", width, height, case["base"], case["alpha"])
    insert(image, layer, parent)
    layer.set_offsets(*case["offsets"])
    fill(layer)
    return layer


def group(case: dict[str, Any], image: Gimp.Image, parent: Gimp.Layer | None) -> Gimp.Layer:
    """Two layers in the group that overlap in part, the upper one see-through."""
    plain(case, image, parent)
    upper = new_layer(image, "Upper", 30, 30, case["base"], alpha=True)
    insert(image, upper, parent)
    upper.set_offsets(-20, 20)
    fill(upper)
    return upper


def text(case: dict[str, Any], image: Gimp.Image, parent: Gimp.Layer | None) -> Gimp.Layer:
    layer = Gimp.TextLayer.new(image, "Words", Gimp.context_get_font(), 40.0, Gimp.Unit.pixel())
    insert(image, layer, parent)
    layer.set_color(color("rgb(0.7, 0.2, 0.1)"))
    return layer


def link(case: dict[str, Any], image: Gimp.Image, parent: Gimp.Layer | None) -> Gimp.Layer:
    layer = Gimp.LinkLayer.new(image, file(PHOTO))
    insert(image, layer, parent)
    return layer


def vector(case: dict[str, Any], image: Gimp.Image, parent: Gimp.Layer | None) -> Gimp.Layer:
    path = Gimp.Path.new(image, "Ring")
    image.insert_path(path, None, 0)
    path.bezier_stroke_new_ellipse(50.0, 40.0, 30.0, 24.0, 0.0)
    layer = Gimp.VectorLayer.new(image, path)
    insert(image, layer, parent)
    layer.set_enable_fill(True)
    layer.set_fill_color(color("rgb(0.7, 0.2, 0.1)"))
    layer.refresh()
    return layer


def color(name: str) -> Gegl.Color:
    return Gegl.Color.new(name)


KINDS = {"plain": plain, "group": group, "text": text, "link": link, "vector": vector}


def fill_mask(mask: Gimp.LayerMask) -> None:
    """A ramp from hidden to shown."""
    width, height = mask.get_width(), mask.get_height()
    put(mask, bytes(255 * column // max(1, width - 1) for column in range(width)) * height, "Y u8")


def twin(copy: Gimp.Image, original: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer:
    """The layer of the duplicated image that lies where the original's layer lies."""
    parent = layer.get_parent()
    siblings = twin(copy, original, parent).get_children() if parent else copy.get_layers()
    return siblings[original.get_item_position(layer)]


def reference(image: Gimp.Image, layer: Gimp.Layer) -> bytes:
    """The layer's pixels after GIMP's own menu items brought a copy of the image to sRGB and floating point."""
    copy = image.duplicate()
    same = twin(copy, image, layer)
    if copy.get_base_type() == Gimp.ImageBaseType.INDEXED:
        copy.convert_rgb()
    if same.get_mask():
        same.remove_mask(Gimp.MaskApplyMode.DISCARD)
    if same.is_group():
        same = same.merge()  # with its effects
    elif same.get_filters():
        same.merge_filters()
    gray = copy.get_base_type() == Gimp.ImageBaseType.GRAY
    srgb = Gimp.ColorProfile.new_d65_gray_srgb_trc() if gray else Gimp.ColorProfile.new_rgb_srgb()
    copy.convert_color_profile(srgb, Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC, True)
    if copy.get_precision() != Gimp.Precision.FLOAT_NON_LINEAR:
        copy.convert_precision(Gimp.Precision.FLOAT_NON_LINEAR)
    data = pixels(same, None)
    copy.delete()
    return data


def describe(image: Gimp.Image, layer: Gimp.Layer, dump: str) -> dict[str, Any]:
    """What there is to know of a layer; its pixels go to files whose names begin with `dump`."""
    (FOLDER / f"{dump}.raw").write_bytes(pixels(layer, None))
    (FOLDER / f"{dump}.float").write_bytes(pixels(layer, FLOAT))
    mask = layer.get_mask()
    if mask is not None:
        (FOLDER / f"{dump}.mask").write_bytes(pixels(mask, "Y float"))
    parent = layer.get_parent()
    return {
        "name": layer.get_name(),
        "kind": type(layer).__name__,
        "size": [layer.get_width(), layer.get_height()],
        "offsets": list(layer.get_offsets())[1:],
        "alpha": layer.has_alpha(),
        "gray": layer.is_gray(),
        "mask": mask is not None,
        "parent": parent.get_name() if parent else None,
        "position": image.get_item_position(layer),
        "dump": dump,
    }


def state(image: Gimp.Image) -> list[str]:
    """All layers' pixels, places and masks, and the selection, so that one look tells whether anything changed."""
    found = []
    for layer in every_layer(image.get_layers()):
        mask = layer.get_mask()
        content = (pixels(layer, None), pixels(mask, None) if mask else b"")
        found.append(f"{layer.get_name()} {layer.get_offsets()} {type(layer).__name__} {hash(content)}")
    return [*found, f"selection {hash(pixels(image.get_selection(), None))}", str(image.get_base_type())]


def every_layer(layers: list[Gimp.Layer]) -> list[Gimp.Layer]:
    found = []
    for layer in layers:
        found += [layer, *(every_layer(layer.get_children()) if layer.is_group() else ())]
    return found


def there_and_back(
    case: dict[str, Any], image: Gimp.Image, drawable: Gimp.Drawable
) -> tuple[Gimp.Layer, dict[str, Any]]:
    """The new layer that the plug-in's own functions make of exactly what they would send, and what that is."""
    layers, source = importlib.import_module("neuralstyle.layers"), importlib.import_module("neuralstyle.source")
    found = source.find_source(image, [drawable])
    picture = layers.read(found)
    (FOLDER / f"{case['name']}.sent").write_bytes(picture.pixels)
    box = [found.x, found.y, found.width, found.height]
    return layers.add_above(found, picture, "New"), {**picture.header, "box": box}


def play(case: dict[str, Any]) -> dict[str, Any]:
    """Build, send and take back, and tell everything."""
    begin = time.monotonic()
    image, layer = build(case)
    before = state(image)
    name = case["name"]
    (FOLDER / f"{name}.reference").write_bytes(reference(image, layer))
    (FOLDER / f"{name}.selection").write_bytes(pixels(image.get_selection(), "Y float"))
    outcome: dict[str, Any] = {"message": "", "source": describe(image, layer, f"{name}-source")}
    drawable = layer.get_mask() if case["edit_mask"] else layer
    new: Gimp.Layer | None = None
    try:
        new, outcome["sent"] = there_and_back(case, image, drawable)
    except Exception as error:
        outcome["message"] = f"{type(error).__name__}: {error}"
    if new is not None:
        target = new.get_image()
        outcome["same_image"] = target.get_id() == image.get_id()
        outcome["precision"] = target.get_precision() == image.get_precision()
        outcome["new"] = describe(target, new, f"{name}-new")
        below = siblings_of(target, new)[target.get_item_position(new) + 1]
        outcome["below"] = below.get_name()
        if target.get_id() == image.get_id():
            image.remove_layer(new)
        else:
            target.delete()
    outcome["untouched"] = state(image) == before
    image.delete()
    outcome["images_left"] = len(Gimp.get_images())
    outcome["seconds"] = time.monotonic() - begin
    return outcome


def closed(case: dict[str, Any]) -> str:
    """What is said of a layer whose image was closed, as it may be while the dialog is open."""
    image, layer = build(case)
    image.delete()
    try:
        importlib.import_module("neuralstyle.source").find_source(image, [layer])
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def siblings_of(image: Gimp.Image, layer: Gimp.Layer) -> list[Gimp.Layer]:
    parent = layer.get_parent()
    siblings: list[Gimp.Layer] = parent.get_children() if parent else image.get_layers()
    return siblings


def main() -> None:
    Gegl.init(None)
    cases = json.loads((FOLDER / "cases.json").read_text())
    sys.path.insert(0, os.environ["NEURAL_STYLE_TEST_PLUG_IN"])
    sys.path.insert(1, os.path.join(sys.path[0], "vendor"))
    outcomes: dict[str, Any] = {case["name"]: play(case) for case in cases}
    outcomes["closed"] = closed(cases[0])
    (FOLDER / "outcomes.json").write_text(json.dumps(outcomes))


main()
