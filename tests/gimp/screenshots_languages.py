"""The pictures of the dialog in other languages in docs/images, taken of a real GIMP 3.0 on a small screen.

`python tests/gimp/screenshots_languages.py` like screenshots.py. Needs this system's localedef with its sources (the
package `locales` on Debian) and, for a Chinese font, pip's index: the trees that the tests run in have neither.
"""

from __future__ import annotations

import gettext
import subprocess
import sys
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyvips  # noqa: E402
from gui import MAIN, NEURAL_STYLE, gimp_window  # noqa: E402
from machine import PHOTO, REPOSITORY, STYLE, Machine, machine  # noqa: E402

IMAGES = REPOSITORY / "docs" / "images"
LOCALES = {"de": "de_DE", "fr": "fr_FR", "es": "es_ES", "zh_CN": "zh_CN"}
CHINESE_FONT = "pylopdf-fonts-zh-cn"
"""On PyPI: Noto Sans SC, under the SIL Open Font License."""
SCREEN = "1366x768x24"
SETTLE_SECONDS = 30
"""From the first estimate to the last one, and to the end of the preview, on a machine that does nothing else."""
# The title is waited for, in whatever language the rest is; and a key opens the dialog where one cannot type its name.
SETTINGS = '(language "{language}")\n(image-title-format "%f:' + MAIN + '")\n'
LAST_VALUES = '(style-file "{style}")\n'
LAST_FILE = "plug-in-settings/GimpProcedureConfigRun-plug-in-neural-style.last"


def main() -> None:
    """A picture of the dialog in each language, or in those that are named; one backend serves all."""
    with machine("3.0") as gimp:
        _fetch_font(gimp.folder / ".fonts")
        last = gimp.config / LAST_FILE
        last.parent.mkdir(exist_ok=True)
        last.write_text(LAST_VALUES.format(style=STYLE.as_uri()))
        for language in sys.argv[1:] or LOCALES:
            shoot(gimp, language, IMAGES / f"dialog-{language}.png")


def shoot(gimp: Machine, language: str, path: Path) -> None:
    """Open the dialog in that language, and keep what is seen."""
    catalogue = gettext.translation("neural-style", REPOSITORY / "gimp_plugin/neural-style/locale", [language])
    title = f"^{catalogue.gettext('Neural Style')}$"
    environment = _make_locale(gimp, LOCALES[language])
    settings = SETTINGS.format(language=language)
    with gimp_window(gimp.chroot, gimp.version, gimp.config, PHOTO, SCREEN, settings, environment) as gui:
        gui.focus(MAIN)
        gui.start(NEURAL_STYLE)
        gui.focus(title)
        gui.wait((gimp.installation.home / "speed.json").exists, "the first estimate", 600)
        time.sleep(SETTLE_SECONDS)
        gui.shot(path, title)
    pyvips.Image.new_from_file(str(path)).copy_memory().pngsave(str(path), palette=True, compression=9)


def _make_locale(gimp: Machine, name: str) -> dict[str, str]:
    """A locale in the machine's home, and the variables with which GIMP finds it."""
    folder = gimp.folder / "locale"
    folder.mkdir(exist_ok=True)
    target = folder / f"{name}.UTF-8"
    subprocess.run(["localedef", "--no-archive", "-i", name, "-f", "UTF-8", str(target)], check=True)
    return {"LOCPATH": str(folder), "LC_ALL": f"{name}.UTF-8"}


def _fetch_font(folder: Path) -> None:
    folder.mkdir()
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), CHINESE_FONT]
    subprocess.run(pip, check=True)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if "Sans" in name:
                    archive.extract(name, folder)


if __name__ == "__main__":
    main()
