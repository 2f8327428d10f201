"""The procedure `plug-in-neural-style`: its arguments, its place in the menu, and one run of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gi.repository import Gimp, GLib, GObject

from .arguments import READ_WRITE, add_arguments
from .failures import explain
from .i18n import _

if TYPE_CHECKING:
    from .source import Source

NAME = "plug-in-neural-style"


def create(plug_in: Gimp.PlugIn) -> Gimp.Procedure:
    """The procedure as GIMP's menu, dialog and procedure browser know it."""
    procedure = Gimp.ImageProcedure.new(plug_in, NAME, Gimp.PDBProcType.PLUGIN, run, None)
    # Every image type: an indexed image gets a sentence with the remedy instead of a grey menu item.
    procedure.set_image_types("*")
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
    procedure.set_menu_label(_("_Neural Style…"))
    procedure.add_menu_path("<Image>/Filters/Artistic")
    procedure.set_documentation(
        _("Repaint the layer in the style of another picture"),
        _(
            "Paints the layer anew with the colours, strokes and textures of a style picture (neural style transfer "
            "by Gatys, Ecker and Bethge on VGG-19). The result is a new layer above the original, which stays as it "
            "is. With a selection only the selected part is painted. An indexed image stays as it is, and the result "
            "is a layer of a new RGB image."
        ),
        NAME,
    )
    procedure.set_attribution("The Neural Style for GIMP authors", "MIT licence", "2026")
    add_arguments(procedure)
    procedure.add_layer_return_value(
        "layer", _("Layer"), _("The new layer; that of an indexed image is in a new RGB image"), True, READ_WRITE
    )
    return procedure


def run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    data: Any,
) -> Gimp.ValueArray:
    """One run; whatever goes wrong comes back as one sentence and its remedy, never as a traceback."""
    asks = run_mode == Gimp.RunMode.INTERACTIVE
    try:
        # Imported here: GIMP asks every plug-in to describe itself at its start, which should cost nothing.
        from .source import find_source

        source = find_source(image, drawables)
        if asks and not _ask(procedure, config, source):
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    except Exception as error:
        return _failed(procedure, explain(error))
    try:
        from .remembered import remember
        from .stylise import stylise

        if asks:
            source = find_source(image, drawables)  # layer and selection may have changed while the dialog was open
        layer = stylise(source, config, watched=_is_watched(run_mode))
        if layer is not None:
            remember(procedure, config)
    except Exception as error:
        if not asks:
            return _failed(procedure, explain(error))
        Gimp.message(explain(error))
        layer = None
    # GIMP remembers what was chosen in the dialog after a success only. Who has cancelled a run, or is told to choose
    # a smaller working size, wants to change one thing and to find all else as it was.
    if layer is None and not asks:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())
    values.remove(1)
    values.insert(1, GObject.Value(Gimp.Layer, layer))
    return values


def _ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, source: Source) -> bool:
    from .dialog import ask

    return ask(procedure, config, source)


def _is_watched(run_mode: Gimp.RunMode) -> bool:
    """Whether there is a user with windows."""
    if run_mode == Gimp.RunMode.WITH_LAST_VALS:
        return Gimp.default_display() is not None
    return bool(run_mode == Gimp.RunMode.INTERACTIVE)


def _failed(procedure: Gimp.Procedure, text: str) -> Gimp.ValueArray:
    """GIMP shows the text to the user, and a caller through the PDB gets it as its error."""
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), text, 0)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)
