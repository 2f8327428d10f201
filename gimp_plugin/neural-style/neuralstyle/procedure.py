"""The procedure `plug-in-neural-style`: its arguments, its place in the menu, and one run of it."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, GLib, GObject

from .failures import explain

NAME = "plug-in-neural-style"
READ_WRITE = GObject.ParamFlags.READWRITE
PRESETS = (
    ("draft", "Draft", "A quick look at what the style does to the picture"),
    ("normal", "Normal", "Good quality in a short time"),
    ("high", "High", "The most careful painting; takes several times as long"),
    ("full", "Full size", "Like Normal, then painted on up to the layer's own size; a large layer takes very long"),
)
NEW_IMAGE = (
    "This image has a palette, which cannot hold the colours of the result. "
    "The result opens as a new image in RGB; this one stays as it is."
)


def create(plug_in: Gimp.PlugIn) -> Gimp.Procedure:
    """The procedure as GIMP's menu, dialog and procedure browser know it."""
    procedure = Gimp.ImageProcedure.new(plug_in, NAME, Gimp.PDBProcType.PLUGIN, run, None)
    # Every image type: an indexed image gets a sentence with the remedy instead of a grey menu item.
    procedure.set_image_types("*")
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
    procedure.set_menu_label("_Neural Style…")
    procedure.add_menu_path("<Image>/Filters/Artistic")
    procedure.set_documentation(
        "Repaint the layer in the style of another picture",
        "Paints the layer anew with the colours, strokes and textures of a style picture (neural style transfer "
        "by Gatys, Ecker and Bethge on VGG-19). The result is a new layer above the original, which stays as it is. "
        "With a selection only the selected part is painted. An indexed image stays as it is, and the result is a "
        "layer of a new RGB image.",
        NAME,
    )
    procedure.set_attribution("The Neural Style for GIMP authors", "MIT licence", "2026")
    _add_arguments(procedure)
    procedure.add_layer_return_value(
        "layer", "Layer", "The new layer; that of an indexed image is in a new RGB image", True, READ_WRITE
    )
    return procedure


def _add_arguments(procedure: Gimp.Procedure) -> None:
    procedure.add_file_argument(
        "style-file",
        "Style _picture",
        "The picture whose colours, brush strokes and textures the layer is painted with",
        Gimp.FileChooserAction.ANY,
        True,
        None,
        READ_WRITE,
    )
    presets = Gimp.Choice.new()
    for number, (name, label, tip) in enumerate(PRESETS):
        presets.add(name, number, label, tip)
    procedure.add_choice_argument(
        "preset",
        "_Quality",
        "How long to paint: Draft shows the idea in the shortest time, High takes the most care with the strokes, "
        "Full size paints strokes as fine as the layer's own pixels",
        presets,
        "normal",
        READ_WRITE,
    )
    procedure.add_double_argument(
        "style-strength",
        "S_tyle strength",
        "Below 1 the layer stays closer to the original, above 1 the style takes over more of it",
        0.01,
        100.0,
        1.0,
        READ_WRITE,
    )
    procedure.add_int_argument(
        "size",
        "_Working size",
        "The longer side, in pixels, at which the picture is painted before it is brought to the layer's own size. "
        "Larger gives finer strokes in relation to the picture and more detail, and takes longer",
        64,
        8192,
        512,
        READ_WRITE,
    )
    # Not in the dialog: a user chooses once, with `neural-style remote use`, and a script may want another one.
    procedure.add_string_argument(
        "backend",
        "_Backend",
        "Where to paint: local, tcp://HOST:PORT for another machine, or empty for what was chosen on the command line",
        "",
        READ_WRITE,
    )


def run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    data: Any,
) -> Gimp.ValueArray:
    """One run; whatever goes wrong comes back as one sentence and its remedy, never as a traceback."""
    try:
        layer = _paint(procedure, run_mode, image, drawables, config)
    except Exception as error:
        return _failed(procedure, explain(error))
    if layer is None:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())
    values.remove(1)
    values.insert(1, GObject.Value(Gimp.Layer, layer))
    return values


def _paint(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
) -> Gimp.Layer | None:
    """The new layer, or None when the dialog was cancelled."""
    # Imported here: GIMP asks every plug-in to describe itself at its start, which should cost nothing.
    from .source import find_source
    from .stylise import stylise

    source = find_source(image, drawables)
    if run_mode == Gimp.RunMode.INTERACTIVE:
        from .dialog import ask

        if not ask(procedure, config, NEW_IMAGE if source.in_new_image else None):
            return None
    layer = stylise(source, config)
    if source.in_new_image and run_mode != Gimp.RunMode.NONINTERACTIVE and Gimp.default_display() is not None:
        Gimp.Display.new(layer.get_image())
    return layer


def _failed(procedure: Gimp.Procedure, text: str) -> Gimp.ValueArray:
    """GIMP shows the text to the user, and a caller through the PDB gets it as its error."""
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), text, 0)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)
