"""Rows of a source, one by one, into rows of a named format."""

from collections.abc import Mapping

from assent.data.files.streams import Row
from assent.data.formats.conversions import Make, good_or_bad, maker, target, unread
from assent.data.formats.dialect import Noun
from assent.data.formats.dialects import DIALECTS, dialect_named, dialect_of
from assent.data.formats.reading import Reader, arranged
from assent.data.formats.writers import WRITERS
from assent.data.formats.writing import SIDES
from assent.errors import UserError

_LESS: tuple[Noun, ...] = ("prompts", "candidates")  # stand in rows that hold more, which has to go
_EMPTY: tuple[object, ...] = (None, "", [], {})


class Refused(UserError):
    """Not a bad row: what was asked for cannot be done with any."""


class Translator:
    """Rows of the source -> rows of the format wanted.

    The first of which anything is known decides what the source holds.
    """

    def __init__(
        self,
        to: str,
        given: str | None = None,
        columns: Mapping[str, str] | None = None,
        defaults: Row | None = None,
        threshold: float | None = None,
    ) -> None:
        """
        Args:
            given: the format of the source, where its rows do not tell.
            columns: our name -> what it is called there.
            defaults: keys that every row has unless it says otherwise.
            threshold: from which rating on an answer is good.
        """
        self._to = target(to)
        self._given = dialect_named(given) if given else None
        self._columns, self._defaults, self._threshold = columns or {}, defaults or {}, threshold
        self._noun: Noun | None = None
        self._reader: Reader | None = None
        self._make: Make | None = None
        # by the keys of a row: those that were tried, and those of them that do not matter
        self._looked: dict[tuple[str, ...], tuple[set[str], set[str]]] = {}

    def rows(self, raw: Row, where: str) -> tuple[list[Row], set[str]]:
        """(rows, the names of what they do not take along)."""
        asked = self._defaults or self._columns
        row = arranged(raw, where, self._defaults, self._columns) if asked else raw
        if self._make is None:
            self._settle(row, where)
        assert self._reader is not None
        assert self._make is not None
        left_out, rows = self._not_read(row, where), []
        for record in self._reader.read(row, where):
            made = self._make(record)
            done = WRITERS[self._to.name](made.record)
            left_out.update(made.left_out, done.left_out)
            rows.append(done.row)
        if {"chosen", "rejected"} <= row.keys():
            left_out.discard(SIDES)  # the source does not tell it either
        return rows, left_out

    def _settle(self, row: Row, where: str) -> None:
        noun = self._noun_of(row, where)
        try:
            make = maker(noun, self._to)
        except UserError as error:
            raise Refused(str(error)) from None
        if self._threshold is not None:
            make = good_or_bad(self._threshold)
        # a reader of prompts takes them from rows of any noun
        self._noun = "prompts" if self._to.noun == "prompts" else noun
        self._reader, self._make = Reader(self._noun, self._given), make

    def _noun_of(self, row: Row, where: str) -> Noun:
        if self._given is not None:
            return self._given.noun
        direct = any(one.noun == self._to.noun and one.recognises(row) for one in DIALECTS)
        if direct and self._to.noun not in _LESS:
            return self._to.noun
        noun = dialect_of(row, where).noun
        try:
            maker(noun, self._to)
        except UserError:
            # it may be meant for what is wanted and lack a key, which is then named
            return dialect_of(row, where, self._to.noun).noun if self._near(row) else noun
        return noun

    def _near(self, row: Row) -> bool:
        return any(one.noun == self._to.noun and one.near(row) for one in DIALECTS)

    def _not_read(self, row: Row, where: str) -> set[str]:
        """The columns that the records do not hold; each is tried once for all rows of the same keys."""
        tried, idle = self._looked.setdefault(tuple(row), (set(), set()))
        full = {key for key, value in row.items() if value not in _EMPTY and key not in self._defaults}
        if full - tried:
            assert self._noun is not None
            noun = self._noun
            idle |= unread(row, full - tried, lambda part: Reader(noun, self._given).read(part, where))
            tried |= full
        return full & idle
