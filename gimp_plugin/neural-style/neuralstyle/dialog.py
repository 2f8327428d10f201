"""The filter's dialog, made of GIMP's own widgets, so that settings are remembered, saved and reset by GIMP."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, Gimp, GimpUi, Gio, GLib, GObject, Gtk  # noqa: E402

from .procedure import NAME  # noqa: E402

PREVIEW = 128, 96
SPACING = 12
WIDTH = 460


def ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, note: str | None = None) -> bool:
    """Show the dialog, with a note under it; False when it was cancelled, else `config` has the answers."""
    GimpUi.init(NAME)
    dialog = GimpUi.ProcedureDialog.new(procedure, config, "Neural Style")
    # A drop-down in GIMP 3.2 as well, and scales on which half and double are the same way apart.
    dialog.get_widget("preset", GimpUi.StringComboBox.__gtype__)
    dialog.get_scale_entry("style-strength", 1.0).set_logarithmic(True)
    dialog.get_scale_entry("size", 1.0).set_logarithmic(True)
    dialog.fill(["preset", "style-strength", "size"])
    row = _style_row(procedure, config)
    dialog.get_content_area().set_size_request(WIDTH, -1)
    dialog.get_content_area().pack_start(row, False, False, 0)
    dialog.get_content_area().reorder_child(row, 0)
    if note is not None:
        dialog.get_content_area().pack_start(_note(note), False, False, 0)
    _require_style(dialog, config)
    answered: bool = dialog.run()
    dialog.destroy()
    return answered


def _style_row(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig) -> Gtk.Widget:
    """The style picture beside the button that chooses it."""
    argument = procedure.find_argument("style-file")
    chooser = GimpUi.FileChooser.new(
        Gimp.FileChooserAction.OPEN, argument.get_nick(), "Choose the style picture", config.get_property("style-file")
    )
    chooser.set_tooltip_text(argument.get_blurb())
    chooser.bind_property("file", config, "style-file", GObject.BindingFlags.BIDIRECTIONAL)
    chooser.set_valign(Gtk.Align.CENTER)
    picture = Gtk.Image()
    picture.set_size_request(*PREVIEW)
    row = Gtk.Box(spacing=SPACING, margin_bottom=SPACING)
    row.pack_start(picture, False, False, 0)
    row.pack_start(chooser, True, True, 0)
    _follow(config, lambda file: _show(picture, file))
    row.show_all()
    return row


def _note(text: str) -> Gtk.Widget:
    label = Gtk.Label(label=text, wrap=True, xalign=0.0, margin_top=SPACING, max_width_chars=1)
    label.show()
    return label


def _require_style(dialog: Gtk.Dialog, config: Gimp.ProcedureConfig) -> None:
    """There is nothing to paint without a style picture."""
    _follow(config, lambda file: dialog.set_response_sensitive(Gtk.ResponseType.OK, file is not None))


def _follow(config: Gimp.ProcedureConfig, act: Callable[[Gio.File | None], None]) -> None:
    """Act on the chosen file, now and whenever another is chosen."""
    act(config.get_property("style-file"))
    config.connect("notify::style-file", lambda *_: act(config.get_property("style-file")))


def _show(picture: Gtk.Image, file: Gio.File | None) -> None:
    """Show a small copy of the file; a symbol for no file, and for what only GIMP itself can read."""
    path = file.get_path() if file is not None else None
    try:
        if path is None:
            raise GLib.Error("not a file on this machine")
        picture.set_from_pixbuf(GdkPixbuf.Pixbuf.new_from_file_at_size(path, *PREVIEW))
    except GLib.Error:
        picture.set_from_icon_name("image-x-generic", Gtk.IconSize.DIALOG)
