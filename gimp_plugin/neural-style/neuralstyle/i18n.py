"""The language of what the user reads: GIMP's own, where there is a catalogue for it beside the plug-in."""

import gettext
from pathlib import Path

_ = gettext.translation("neural-style", Path(__file__).resolve().parent.parent / "locale", fallback=True).gettext
