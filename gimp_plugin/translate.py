"""The plug-in's translations: from the sources to the template, the .po files, and the .mo files that GIMP's users get.

`python gimp_plugin/translate.py` after a text in the plug-in or in `backend/protocol/errors.py` was changed: it writes
`po/neural-style.pot` anew, brings `po/LANGUAGE.po` in step with it (a text that is new or changed is empty there and to
be translated by hand), and compiles them into `neural-style/locale`. A language is added by an empty .po file.
After a merge with conflicts in the .mo files it is run again. Needs Babel.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

FOLDER = Path(__file__).resolve().parent
PLUG_IN = FOLDER / "neural-style"
ERRORS_MODULE = "backend/protocol/errors.py"
DOMAIN = "neural-style"
TEMPLATE = FOLDER / "po" / f"{DOMAIN}.pot"
COMMAND_LINE_ONLY = {
    *("remote-weights", "not-from-afar", "bad-key", "bad-name", "name-taken", "key-known", "no-such-key"),
    *("file-exists", "no-server-keys", "needs-keys", "keys-for-nothing", "cannot-listen", "runs-already"),
    *("no-dask", "bad-executor", "cannot-write"),
}
"""Failures that nobody meets in GIMP."""
# A date would change with every run, and say nothing that git does not.
NO_DATE = datetime(2026, 1, 1, tzinfo=timezone.utc)


def extract() -> Catalog:
    """Every text of the plug-in that a user can read, and where it is."""
    template = _catalog()
    found = extract_from_dir(PLUG_IN, [("**.py", "python")], keywords={"_": None}, comment_tags=["Translators:"])
    for name, _line, message, comments, _context in found:
        template.add(message, locations=[(f"gimp_plugin/neural-style/{name}", 1)], auto_comments=comments)
    for text in _failure_texts():
        template.add(text, locations=[(ERRORS_MODULE, 1)])
    return template


def languages() -> list[str]:
    """The languages that there are translations for."""
    return sorted(path.stem for path in TEMPLATE.parent.glob("*.po"))


def read(language: str) -> Catalog:
    """The translations as they are committed."""
    with open(po_file(language), "rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def po_file(language: str) -> Path:
    """What a translator writes."""
    return TEMPLATE.with_name(f"{language}.po")


def mo_file(language: str) -> Path:
    """What the plug-in reads."""
    return PLUG_IN / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.mo"


def main() -> None:
    """Bring all files in step with the sources, and tell what is still to be translated."""
    template = extract()
    _write(template, TEMPLATE)
    for language in languages():
        translated = read(language)
        old = {message.id: message.string for message in translated if message.id}
        catalog = _catalog(language)
        for message in template:
            if message.id:
                catalog.add(message.id, old.get(message.id, ""), message.locations, auto_comments=message.auto_comments)
        _write(catalog, po_file(language))
        mo_file(language).parent.mkdir(parents=True, exist_ok=True)
        with open(mo_file(language), "wb") as file:
            write_mo(file, catalog)
        missing = [message.id for message in catalog if message.id and not message.string]
        print(f"{language}: {len(missing)} of {len(catalog)} to be translated", *missing, sep="\n  ")


def _failure_texts() -> Iterator[str]:
    sys.path.insert(0, str(FOLDER.parent))
    from backend.protocol.errors import ERRORS, TOLD_FROM_AFAR

    yield TOLD_FROM_AFAR
    for code, texts in ERRORS.items():
        if code not in COMMAND_LINE_ONLY:
            yield from texts


def _catalog(language: str | None = None) -> Catalog:
    return Catalog(
        language,
        DOMAIN,
        header_comment="# Texts of the GIMP plug-in; written by gimp_plugin/translate.py.",
        project="Neural Style for GIMP",
        version="1",
        creation_date=NO_DATE,
        revision_date=NO_DATE,
        fuzzy=False,
    )


def _write(catalog: Catalog, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with open(path, "wb") as file:
        write_po(file, catalog, width=100, include_lineno=False)


if __name__ == "__main__":
    main()
