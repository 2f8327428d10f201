"""Where the style comes from: a file, an open image or layer, the clipboard, or what was used before."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gimp, Gio, GLib, Gtk, Pango
from protocol.errors import Failure
from protocol.job import MAX_STYLES, Picture

from ..failures import explain
from ..i18n import _
from ..library import Library
from ..style import read_image, read_layer
from ..styles import title
from .choice import Choice
from .clipboard import copied
from .context import GAP, SPACING, Context
from .file_dialog import ask_for_file
from .layer_menu import Open, ask_for_layer, name_of
from .mix import Mix
from .thumbnails import Thumbnails

THUMBNAIL = 144, 112
RECENT_SIDE = 40
RECENT_SHOWN = 7


class StyleChooser:
    """The style with the buttons that choose another one, the recent ones, and the list of those to be mixed."""

    def __init__(self, context: Context, library: Library, beside: Gtk.Widget) -> None:
        """`beside` stands at the right of the style's name."""
        self._context = context
        self._library = library
        self._thumbnails = Thumbnails(library)
        self._choice = Choice(context)
        self._picture = Gtk.Image()
        self._picture.set_size_request(*THUMBNAIL)
        self._name = Gtk.Label(xalign=0, ellipsize=Pango.EllipsizeMode.MIDDLE)
        self._mixing = Gtk.CheckButton(label=context.label("more-styles"), use_underline=True)
        self._mixing.set_tooltip_text(
            _("Paint in several styles at once: each one that you choose is added, and each has a weight")
        )
        self._mix = Mix(context, self._choice, self._thumbnails)
        self._shown_mix = Gtk.Revealer(transition_type=Gtk.RevealerTransitionType.NONE)
        self._shown_mix.add(self._mix.widget)
        self._mixing.connect("toggled", self._toggled)
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=GAP)
        heading = Gtk.Box(spacing=SPACING)
        heading.pack_start(self._name, True, True, 0)
        heading.pack_start(beside, False, False, 0)
        for part in (heading, self._top(), self._recent(), self._mixing, self._shown_mix):
            self.widget.pack_start(part, False, False, 0)
        self._choice.follow(self._show)

    def focus(self) -> None:
        """Give the keyboard to the first of the buttons."""
        self._first.grab_focus()

    def remember(self) -> None:
        """Put the chosen styles among the recent ones."""
        self._library.remember([style.place for style in self._choice.styles if isinstance(style.place, Gio.File)])

    def _top(self) -> Gtk.Widget:
        row = Gtk.Box(spacing=SPACING)
        row.pack_start(self._picture, False, False, 0)
        row.pack_start(self._buttons(), True, True, 0)
        return row

    def _buttons(self) -> Gtk.Widget:
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=GAP, homogeneous=True, valign=Gtk.Align.CENTER)
        for label, tip, clicked in (
            (_("_File…"), _("Take the style from a picture file, of any kind that GIMP opens"), self._choose_file),
            (_("La_yer…"), _("Take the style from an open image, or from one of its layers"), self._choose_layer),
            (_("Clip_board"), _("Take the style from the picture that was copied last"), self._choose_copied),
        ):
            button = Gtk.Button.new_with_mnemonic(label)
            button.set_tooltip_text(tip)
            button.connect("clicked", clicked)
            column.pack_start(button, True, True, 0)
        self._first = column.get_children()[0]
        return column

    def _recent(self) -> Gtk.Widget:
        row = Gtk.Box(spacing=0)
        for file in self._library.recent():
            picture = Gtk.Image()
            if len(row.get_children()) == RECENT_SHOWN:
                break
            if not self._thumbnails.show(picture, file, RECENT_SIDE, RECENT_SIDE):
                continue
            picture.set_size_request(RECENT_SIDE, RECENT_SIDE)
            button = Gtk.Button(child=picture, relief=Gtk.ReliefStyle.NONE)
            button.set_tooltip_text(_("Use again: {name}").format(name=file.get_parse_name()))
            button.get_accessible().set_name(file.get_basename())
            button.connect("clicked", lambda _button, again=file: self._chosen(again))
            row.pack_start(button, False, False, 0)
        return row

    def _choose_file(self, _button: Gtk.Button) -> None:
        styles = self._choice.styles
        now = styles[-1].place if styles and isinstance(styles[-1].place, Gio.File) else None
        file = ask_for_file(self.widget.get_toplevel(), now)
        if file is not None:
            self._chosen(file)

    def _choose_layer(self, button: Gtk.Button) -> None:
        ask_for_layer(button, self._choose_open)

    def _choose_open(self, place: Open) -> None:
        read = read_image if isinstance(place, Gimp.Image) else read_layer
        self._try(lambda: self._keep(read(place), name_of(place)))

    def _choose_copied(self, _button: Gtk.Button) -> None:
        def take() -> Gio.File:
            found = copied()
            return self._keep(found, _("Clipboard")) if isinstance(found, Picture) else found

        self._try(take)

    def _keep(self, picture: Picture, name: str) -> Gio.File:
        """A copy becomes the style: it can be used again when the image is closed, or something else was copied."""
        picture.check("style")
        return self._library.keep(picture, name)

    def _try(self, take: Callable[[], Gio.File]) -> None:
        """Choose what `take` gives, or say why that is impossible."""
        try:
            file = take()
        except Exception as error:
            self._context.notice.tell("choose", explain(error))
        else:
            self._chosen(file)

    def _chosen(self, file: Gio.File) -> None:
        self._context.notice.tell("choose", None)
        if self._mixing.get_active() and len(self._choice.styles) < MAX_STYLES:
            self._choice.add(file)
        else:
            self._choice.choose(file)

    def _toggled(self, _button: Gtk.CheckButton) -> None:
        mixing = self._mixing.get_active()
        if not mixing and len(self._choice.styles) > 1:
            self._choice.write(self._choice.styles[:1])
        self._shown_mix.set_reveal_child(mixing)

    def _show(self) -> None:
        """What is chosen now."""
        styles = self._choice.styles
        place = styles[0].place if styles else None
        shown = self._thumbnails.show(self._picture, place, *THUMBNAIL)
        self._context.notice.tell("style", _why(place) if isinstance(place, Gio.File) and not shown else None)
        name = title(self._context.config) if styles else _("Choose a style")
        self._name.set_markup(f"<b>{GLib.markup_escape_text(name)}</b>")
        if len(styles) > 1:
            self._mixing.set_active(True)


def _why(file: Gio.File) -> str:
    """Why a style file cannot be shown, and so not be used either."""
    path = file.get_parse_name()
    if not file.query_exists(None):
        return explain(Failure("no-file", path=path))
    return explain(Failure("not-a-picture", path=path, reason=_("GIMP cannot open it")))
