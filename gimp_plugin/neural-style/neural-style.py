#!/usr/bin/env python3
"""Filters > Artistic > Neural Style…: the entry that GIMP runs; the work is in the package beside it."""

import sys
from pathlib import Path

# pyzmq for GIMP's own Python, put there by install.py if one fits; this file's folder is on the path already.
sys.path.insert(1, str(Path(__file__).resolve().parent / "vendor"))

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gimp  # noqa: E402
from neuralstyle import procedure  # noqa: E402


class NeuralStyle(Gimp.PlugIn):  # type: ignore[misc]  # gi has no stubs
    """What GIMP asks of every plug-in."""

    def do_set_i18n(self, name: str) -> bool:
        """GIMP has nothing to set up: i18n.py finds the translations."""
        return False

    def do_query_procedures(self) -> list[str]:
        """The one procedure of this plug-in."""
        return [procedure.NAME]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        """Describe the procedure; nothing else happens when GIMP starts."""
        return procedure.create(self)


Gimp.main(NeuralStyle.__gtype__, sys.argv)
