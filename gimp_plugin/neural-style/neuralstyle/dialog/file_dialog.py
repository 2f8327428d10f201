"""GTK's file chooser with a small copy of the picture under the cursor."""

from __future__ import annotations

from gi.repository import GdkPixbuf, Gio, GLib, Gtk

from ..i18n import _

PREVIEW = 192


def ask_for_file(parent: Gtk.Window, now: Gio.File | None) -> Gio.File | None:
    """The picture that was chosen, or None; the chooser begins in the folder of the one chosen `now`."""
    dialog = Gtk.FileChooserDialog(
        title=_("Choose the Style Picture"), transient_for=parent, modal=True, action=Gtk.FileChooserAction.OPEN
    )
    dialog.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
    dialog.add_button(_("_Open"), Gtk.ResponseType.ACCEPT)
    dialog.set_default_response(Gtk.ResponseType.ACCEPT)
    for name, pattern in ((_("Pictures"), "image/*"), (_("All files"), None)):
        kind = Gtk.FileFilter()
        kind.set_name(name)
        if pattern is None:
            kind.add_pattern("*")
        else:
            kind.add_mime_type(pattern)
        dialog.add_filter(kind)
    picture = Gtk.Image()
    dialog.set_preview_widget(picture)
    dialog.connect("update-preview", lambda chooser: _preview(chooser, picture))
    if now is not None and now.get_path() is not None:
        dialog.set_file(now)
    chosen = dialog.run() == Gtk.ResponseType.ACCEPT
    file: Gio.File | None = dialog.get_file() if chosen else None
    dialog.destroy()
    return file


def _preview(chooser: Gtk.FileChooserDialog, picture: Gtk.Image) -> None:
    path = chooser.get_preview_filename()
    try:
        picture.set_from_pixbuf(GdkPixbuf.Pixbuf.new_from_file_at_size(path or "", PREVIEW, PREVIEW))
        chooser.set_preview_widget_active(True)
    except GLib.Error:
        chooser.set_preview_widget_active(False)
