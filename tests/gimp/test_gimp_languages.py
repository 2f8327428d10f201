"""The plug-in speaks the language that is chosen in GIMP's preferences, and another one when that has changed."""

from __future__ import annotations

import pytest
from machine import INSIDE, machine

PROGRAM = INSIDE.with_name("languages_inside.py")


@pytest.mark.parametrize("version", ["3.0", "3.2"])
def test_the_plug_in_follows_gimps_language(version: str) -> None:
    with machine(version) as gimp:
        settings = gimp.config / "gimprc"
        settings.write_text('(language "de")\n')
        german = gimp.play("german", (), program=PROGRAM)
        assert german["menu"] == "_Neuronaler Stil …"
        assert german["places"] == ["<Image>/Filters/Artistic"]
        assert german["label"] == "_Qualität"
        assert "Entwurf zeigt die Idee in kürzester Zeit" in german["tip"]
        assert "Es gibt keine Datei /nowhere.png." in german["error"]
        # GIMP has kept these texts, and knows the language that they are in.
        assert 'prev-language "de' in settings.read_text()
        settings.write_text(settings.read_text().replace('(language "de")', '(language "zh_CN")'))
        chinese = gimp.play("chinese", (), program=PROGRAM)
        assert chinese["label"] == "质量(_Q)"
        assert "没有文件 /nowhere.png。" in chinese["error"]
