"""The filter's dialog, made of GIMP's own widgets, so that settings are remembered, saved and reset by GIMP."""

from __future__ import annotations

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi

from .procedure import NAME


def ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig) -> bool:
    """Show the dialog; False when it was cancelled, else `config` has the answers."""
    GimpUi.init(NAME)
    dialog = GimpUi.ProcedureDialog.new(procedure, config, "Neural Style")
    dialog.get_widget("preset", GimpUi.StringComboBox.__gtype__)
    # Half and double the strength are the same way apart.
    dialog.get_scale_entry("style-strength", 1.0).set_logarithmic(True)
    dialog.get_scale_entry("size", 1.0).set_logarithmic(True)
    dialog.fill(["style-file", "preset", "style-strength", "size"])
    answered: bool = dialog.run()
    dialog.destroy()
    return answered
