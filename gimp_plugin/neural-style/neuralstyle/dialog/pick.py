"""A list that a button shows, to pick one of its rows by mouse or keyboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gi.repository import Gtk

HIGHEST = 320


def pick(button: Gtk.Widget, rows: Sequence[Gtk.Widget], picked: Callable[[int], None]) -> None:
    """Show the rows at the button, and call `picked` with the number of the one that is clicked."""
    popover = Gtk.Popover(relative_to=button)
    box = Gtk.ListBox(selection_mode=Gtk.SelectionMode.BROWSE, activate_on_single_click=True)
    for row in rows:
        box.add(row)

    def clicked(_box: Gtk.ListBox, row: Gtk.ListBoxRow) -> None:
        popover.popdown()
        picked(row.get_index())

    box.connect("row-activated", clicked)
    scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
    scrolled.set_propagate_natural_height(True)
    scrolled.set_propagate_natural_width(True)
    scrolled.set_max_content_height(HIGHEST)
    scrolled.add(box)
    scrolled.show_all()
    popover.add(scrolled)
    popover.popup()
    if rows:  # the keyboard begins at the first one, in whatever order the popover and its rows are shown
        first = box.get_row_at_index(0)
        box.select_row(first)
        first.grab_focus()
