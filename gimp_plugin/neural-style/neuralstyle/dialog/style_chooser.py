"""Where the style comes from, with a small copy of it."""

from __future__ import annotations

from gi.repository import GdkPixbuf, Gimp, GimpUi, Gio, GLib, GObject, Gtk

from .context import SPACING, Context

THUMBNAIL = 128, 96


class StyleChooser:
    """The style picture beside the button that chooses it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        chooser = GimpUi.FileChooser.new(
            Gimp.FileChooserAction.OPEN,
            context.label("style-file"),
            "Choose the style picture",
            context.config.get_property("style-file"),
        )
        chooser.set_tooltip_text(context.tip("style-file"))
        chooser.bind_property("file", context.config, "style-file", GObject.BindingFlags.BIDIRECTIONAL)
        chooser.set_valign(Gtk.Align.CENTER)
        self._picture = Gtk.Image()
        self._picture.set_size_request(*THUMBNAIL)
        self.widget = Gtk.Box(spacing=SPACING)
        self.widget.pack_start(self._picture, False, False, 0)
        self.widget.pack_start(chooser, True, True, 0)
        context.follow(self._show, "style-file")

    def _show(self) -> None:
        file: Gio.File | None = self._context.config.get_property("style-file")
        path = file.get_path() if file is not None else None
        try:
            if path is None:
                raise GLib.Error("not a file on this machine")
            self._picture.set_from_pixbuf(GdkPixbuf.Pixbuf.new_from_file_at_size(path, *THUMBNAIL))
        except GLib.Error:
            self._picture.set_from_icon_name("image-x-generic", Gtk.IconSize.DIALOG)
