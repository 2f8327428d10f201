"""The committed translations are whole, in step with the sources, and fit for a dialog."""

from __future__ import annotations

import gettext
import os
import re
import string
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from gimp_plugin import translate

LANGUAGES = ("de", "es", "fr", "zh_CN")
# A letter after an underscore, in a text that has no commands and no names of layers in it.
MNEMONIC = re.compile("_([^_0-9])")
COMMANDS = re.compile("`[^`]*`")
# Texts with a mnemonic that are not in the dialog.
ELSEWHERE = ("_Neural Style…", "_Cancel", "_Open")
# The mnemonics of the buttons that GIMP itself puts into the dialog: Help, Load, Save, Reset, Cancel, OK.
GIMPS_OWN = {"en": "HLSRCO", "de": "HGSZCO", "fr": "ECSRNV", "es": "YCGRCA", "zh_CN": "HLSRCO"}


@pytest.fixture(scope="module")
def template() -> Catalog:
    return translate.extract()


def texts(catalog: Catalog) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalog if message.id}


def mnemonics(text: str) -> list[str]:
    return [] if "conv" in text else [letter.upper() for letter in MNEMONIC.findall(COMMANDS.sub("", text))]


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def test_the_template_is_in_step_with_the_sources(template: Catalog) -> None:
    with open(translate.TEMPLATE, "rb") as file:
        committed = read_po(file)
    assert texts(committed).keys() == texts(template).keys(), "run gimp_plugin/translate.py"


def test_the_languages_are_there() -> None:
    assert tuple(translate.languages()) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete(language: str, template: Catalog) -> None:
    catalog = translate.read(language)
    translated = texts(catalog)
    assert translated.keys() == texts(template).keys(), "run gimp_plugin/translate.py"
    assert [text for text, words in translated.items() if not words] == []
    assert [message.id for message in catalog if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_what_its_text_has(language: str) -> None:
    for text, words in texts(translate.read(language)).items():
        assert placeholders(words) == placeholders(text), text
        assert COMMANDS.findall(words) == COMMANDS.findall(text), f"commands are not translated: {text}"
        assert words.endswith((".", "。")) == text.endswith("."), text
        # Not every label finds a letter that is free.
        assert len(mnemonics(words)) <= len(mnemonics(text)), text


@pytest.mark.parametrize("language", ("en", *LANGUAGES))
def test_no_two_mnemonics_of_the_dialog_are_the_same(language: str, template: Catalog) -> None:
    translated = {text: text for text in texts(template)} if language == "en" else texts(translate.read(language))
    used = [letter for text, words in translated.items() if text not in ELSEWHERE for letter in mnemonics(words)]
    assert len(used) > 10
    twice = [letter for letter, count in Counter([*used, *set(GIMPS_OWN[language])]).items() if count > 1]
    assert twice == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_plug_in_reads_is_what_was_translated(language: str) -> None:
    with open(translate.mo_file(language), "rb") as file:
        compiled = gettext.GNUTranslations(file)
    for text, words in texts(translate.read(language)).items():
        assert compiled.gettext(text) == words, "run gimp_plugin/translate.py"
    assert Path(translate.mo_file(language)).is_relative_to(translate.PLUG_IN / "locale")


FAILURE = """
from protocol.errors import Failure
from neuralstyle.failures import explain
told = Failure.from_wire(Failure("too-small", role="style", width=3, height=40, least=16).to_wire())
print(explain(told))
told.told_by = "tcp://gpu.example:5555"
print(explain(told))
older = Failure.from_wire({"code": "too-small", "sentence": "Too small.", "remedy": "Enlarge it."})
print(explain(older))
"""


def test_a_failure_that_the_backend_told_is_translated_with_its_values() -> None:
    folders = (translate.PLUG_IN, translate.FOLDER.parent / "backend")
    variables = {"LANGUAGE": "de", "PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONUTF8": "1"}
    run = subprocess.run([sys.executable, "-c", FAILURE], env=variables, capture_output=True, check=True, text=True)
    told, from_afar, older = run.stdout.splitlines()
    assert told.startswith("Das Stilbild ist 3 x 40 Pixel groß, aber beide Seiten müssen mindestens 16 haben. Wählen")
    assert from_afar == f"Das Backend auf tcp://gpu.example:5555 meldet: {told}"
    assert older == "Too small. Enlarge it."
