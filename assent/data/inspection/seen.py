"""Every record of a source, of whatever noun, with the place where it stands; bad rows do not end it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from assent.data.files.containers import OnBad, Row, raw_rows
from assent.data.files.streams import HUB, ROWS, files, lines_of, suffix_of
from assent.data.formats.dialect import Dialect
from assent.data.formats.dialects import DIALECTS, dialect_named, dialect_of
from assent.data.formats.parsing_labelled import labelled_rows
from assent.data.formats.reading import PARSERS, arranged
from assent.data.inspection.repeats import Record, asked_text
from assent.data.inspection.text_facts import text_facts
from assent.errors import UserError

BAD_SHOWN = 10


class Seen(NamedTuple):
    """A record, where it stood and in which format."""

    where: str
    dialect: Dialect
    record: Record


@dataclass(frozen=True)
class Given:
    """What somebody says of rows that do not tell it themselves."""

    dialect: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # our name -> what it is called there
    defaults: Mapping[str, Any] = field(default_factory=dict)  # keys of every row, such as `scale`


class Bad:
    """Rows that cannot be read: counted, the first of them kept, all of them passed on."""

    def __init__(self, then: OnBad | None = None) -> None:
        self.count = 0
        self.first: list[dict[str, str]] = []
        self._then = then

    def __call__(self, where: str, row: object, error: UserError) -> None:
        self.count += 1
        if len(self.first) < BAD_SHOWN:
            self.first.append({"where": where, "problem": str(error).removeprefix(f"{where}: ")})
        if self._then is not None:
            self._then(where, row, error)


class Looking:
    """Reads sources, and counts what it passes on."""

    def __init__(self, bad: OnBad, given: Given | None = None) -> None:
        self._bad, self._given = bad, given or Given()
        self._dialect = dialect_named(self._given.dialect) if self._given.dialect else None
        self._known: dict[tuple[str, ...], Dialect] = {}
        self.columns = Counter[str]()  # rows that have each key
        self.rows = Counter[str]()  # rows that could be read, by source
        self.barren = 0  # of those, rows that hold no record, such as a judgement that was cancelled

    def read(self, source: str) -> Iterator[Seen]:
        """Every record, in the order of the source."""
        self.rows[source] = 0
        for where, row in _rows(source, self._bad):
            self.columns.update(row.keys())
            try:
                found = self._records(row, where)
            except UserError as error:
                self._bad(where, row, error)
                continue
            self.rows[source] += 1
            self.barren += not found
            yield from found

    def _records(self, row: Row, where: str) -> list[Seen]:
        given = self._given
        if given.columns or given.defaults:
            row = arranged(row, where, given.defaults, given.columns)
        dialect = self._dialect or self._found(row, where)
        ours = dialect.translate(row, where)
        return [
            Seen(where, dialect, record) for each in ours for record in PARSERS[dialect.noun](each, where)
        ]

    def _found(self, row: Row, where: str) -> Dialect:
        """Rows with the same keys are of one format, as a rule: it is looked at first."""
        keys = tuple(row)
        dialect = self._known.get(keys)
        if dialect is None or not dialect.recognises(row):
            dialect = self._known[keys] = dialect_of(row, where)
        return dialect


def prompts_there(source: str, bad: OnBad) -> dict[int, str]:
    """What the prompts of a file hash to, and where the first of each stands."""
    found: dict[int, str] = {}
    for one in Looking(bad).read(source):
        found.setdefault(hash(text_facts(asked_text(one.record)).folded), one.where)
    return found


def _rows(source: str, bad: OnBad) -> Iterator[tuple[str, Row]]:
    """As `raw_rows`; a .tsv whose first line names no column that any format has is text, tab, labels."""
    paths = [] if source.startswith(HUB) else files(source, ROWS)
    plain = {path for path in paths if suffix_of(path) == ".tsv" and not _titled(path)}
    if not plain:
        yield from raw_rows(source, bad)
        return
    for path in paths:
        yield from (labelled_rows if path in plain else raw_rows)(str(path), bad)


def _titled(path: Path) -> bool:
    columns = {key for dialect in DIALECTS for key in _keys(dialect.example)}
    first = next((line for _, line in lines_of(path)), b"")
    return bool(columns & set(first.decode("utf-8-sig", errors="replace").strip().split("\t")))


def _keys(example: str) -> Iterable[str]:
    found = json.loads(example)
    return found if isinstance(found, dict) else ()
