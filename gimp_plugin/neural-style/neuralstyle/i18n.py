"""The language of what the user reads: GIMP's own, where there is a catalogue for it beside the plug-in.

GIMP hands the language that is chosen in its preferences on in LANGUAGE, and asks plug-ins to describe themselves anew
when it has changed. The catalogues are written by gimp_plugin/translate.py.
"""

import gettext
from pathlib import Path

_ = gettext.translation("neural-style", Path(__file__).resolve().parent.parent / "locale", fallback=True).gettext
