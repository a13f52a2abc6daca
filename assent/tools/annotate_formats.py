"""The formats of data/ as functions for the app: any file of items or judgements in, rows of a format out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from assent.data.files.containers import Row, raw_rows
from assent.data.files.jsonl import line_of
from assent.data.files.streams import HUB, files
from assent.data.formats.dialect import Dialect
from assent.data.formats.dialects import dialect_of
from assent.data.formats.ours import OURS, as_it_is
from assent.data.formats.parsing import candidates_of
from assent.data.formats.reading import MOST_SEEN, PARSERS
from assent.data.formats.writers import WRITERS
from assent.errors import UserError
from assent.feedback.exchange.not_for_import import refuse_export
from assent.feedback.services import Record, Undecided

WORDS = ("both_bad", "cannot_judge")  # in `choice`; the readers of training refuse them
FORMATS = ("prompt-chosen-rejected", "hh", "k-way", "good-bad", "messages", "prompt-completion")


class Reading:
    """The records of a source, as a stream. `place` is that of the last one, for error messages.

    Raises:
        UserError: naming file and line; a source that gives no row at all; rows that are only labelled, or
            of one of the app's exports that are not for import.
    """

    def __init__(self, source: str):
        self.place = source
        self.again = partial(Reading, source)  # for another process to read
        self._source, self._records = source, self._read(source)
        self._seen: dict[tuple[str, ...], Dialect] = {}
        self._take: Callable[[Row, str], Any] | None = None

    def taking(self, take: Callable[[Row, str], Any]) -> "Reading":
        """From now on what `take(row, place)` makes of a row stands for its records, unless it is None."""
        self._take = take
        return self

    @property
    def bytes(self) -> int:
        """About how much there is to read."""
        return 0 if self._source.startswith(HUB) else sum(path.stat().st_size for path in files(self._source))

    def __iter__(self) -> "Reading":
        return self

    def __next__(self) -> Record:
        return next(self._records)

    def _read(self, source: str) -> Iterator[Record]:
        for where, row in raw_rows(source):
            self.place = where
            taken = self._take(row, where) if self._take else None
            if taken is not None:
                yield taken
                continue
            refuse_export(row, where)
            if row.get("choice") in WORDS:
                yield _undecided(row, where)
                continue
            known = self._known(row, where)
            if known.noun == "labelled":
                raise UserError(
                    f"{where}: a labelled text is nothing that the app shows: give prompts or answers"
                )
            parsed = PARSERS[known.noun]
            for each in known.translate(row, where):
                yield from parsed(each, where)

    def _known(self, row: Row, where: str) -> Dialect:
        """What rows of our own formats are, their keys alone tell; of others, each row is asked."""
        keys = tuple(row)
        known = self._seen.get(keys)
        if known is None:
            known = dialect_of(row, where)
            if known in OURS and ("input_text" in row or "candidate_0" in row):
                if len(self._seen) >= MOST_SEEN:
                    self._seen.clear()  # rows whose keys are data of their own
                self._seen[keys] = known
        return known


def _undecided(row: Row, where: str) -> Undecided:
    shown = {key: value for key, value in row.items() if key != "choice"}
    [ours] = as_it_is(shown, where)
    return Undecided(candidates_of(ours, where), row["choice"])


def _row(name: str, record: Any) -> Mapping[str, Any]:
    return WRITERS[name](record).row


def rows() -> Mapping[str, Callable[[Any], Mapping[str, Any]]]:
    """What makes a row of a record, by the format's name."""
    return {name: partial(_row, name) for name in FORMATS}


def lines(given: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """JSON lines."""
    return map(line_of, given)
