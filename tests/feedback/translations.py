"""The app's texts in Chinese: `python tests/feedback/translations.py` brings the catalogue up to date.

It reads every text of the templates and of the code, keeps the translations that are there, drops those that
nothing uses, and compiles. What has no translation is printed and left empty, which a test refuses.
"""

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

FEEDBACK = Path(__file__).parents[2] / "assent" / "feedback"
CATALOGUE = FEEDBACK / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
KEYWORDS = {**DEFAULT_KEYWORDS, "gettext_lazy": None, "ngettext_lazy": (1, 2), "gettext_noop": None}
DAY = datetime(2026, 11, 21, tzinfo=UTC)  # of the first catalogue: today's would change the file at each call
HEADER = {
    "locale": "zh_Hans",
    "header_comment": "# The app in Chinese, translated by hand. Kept by tests/feedback/translations.py.",
    "project": "assent",
    "version": "0.1.0",
    "creation_date": DAY,
    "revision_date": DAY,
    "last_translator": "assent",
    "language_team": "Chinese",
    "msgid_bugs_address": "",
    "charset": "utf-8",
    "fuzzy": False,
}

Text = str | tuple[str, ...]


def used() -> dict[Text, list[str]]:
    """Each text of the app with the files that it stands in."""
    found: dict[Text, list[str]] = {}
    for path, code in _sources():
        for _, text, _, context in extract("python", io.BytesIO(code.encode()), KEYWORDS):
            assert context is None, f"{path}: {text}: texts with a context are not kept apart here"
            name = path.relative_to(FEEDBACK).as_posix()
            files = found.setdefault(text if isinstance(text, str) else tuple(text), [])
            files += [] if name in files else [name]
    for text in _of_presets():
        found.setdefault(text, ["projects.py"])
    return found


def _sources() -> Iterator[tuple[Path, str]]:
    from django.utils.translation.template import templatize

    for path in sorted(FEEDBACK.rglob("*.py")):
        yield path, path.read_text("utf-8")
    for path in sorted([*FEEDBACK.rglob("templates/**/*.html"), *FEEDBACK.rglob("templates/**/*.txt")]):
        calls = templatize(path.read_text("utf-8"), origin=str(path))
        # What is no text has become letters; on lines of their own and without indents they are Python.
        yield path, "\n".join(line.strip() for line in re.split(r"\n| (?=_\(|p?gettext\(|ngettext\()", calls))


def _of_presets() -> Iterator[str]:
    """Names and questions of the criteria that come with the app, which stand where Django is not known."""
    from assent.feedback.projects import PRESETS

    for criteria in PRESETS.values():
        for criterion in criteria:
            yield from (criterion.name, criterion.question)


def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh_Hans")


def compiled(texts: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, texts)
    return out.getvalue()


def update() -> list[Text]:
    """Write the catalogue for the texts that are used now; those without a translation."""
    before = catalogue() if CATALOGUE.exists() else Catalog(locale="zh_Hans")
    after = Catalog(**HEADER)
    for text, files in sorted(used().items(), key=lambda pair: (pair[1][0], str(pair[0]))):
        known = before.get(text if isinstance(text, str) else text[0])
        after.add(text, known.string if known else "", locations=[(name, None) for name in files])
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    write_po(out, after, include_lineno=False, width=110)
    CATALOGUE.write_bytes(out.getvalue())
    CATALOGUE.with_suffix(".mo").write_bytes(compiled(catalogue()))
    return [message.id for message in catalogue() if message.id and not all(strings(message.string))]


def strings(translation: str | tuple[str, ...]) -> tuple[str, ...]:
    return (translation,) if isinstance(translation, str) else tuple(translation)


if __name__ == "__main__":
    missing = update()
    for one in missing:
        sys.stdout.write(f"not translated: {one!r}\n")
    sys.exit(bool(missing))
