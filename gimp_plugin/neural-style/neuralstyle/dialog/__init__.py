"""The filter's window: what is chosen in it, how long it will take, and how it will look.

Everything is written to the procedure's config at once and read from there, so that GIMP's own buttons for settings
(load, save, reset) and the last values work for each control, and so that the parts need not know each other.
"""

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from .window import ask  # noqa: E402

__all__ = ["ask"]
