"""Rows of CSV and TSV files with a heading."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assent.data.files.nesting import too_deep
from assent.data.files.streams import JSON, LONGEST_LINE_BYTES, NULL_IS_SAID, OnBad, Row, lines_of, refuse
from assent.errors import UserError

# Cells are text, except those of these columns that are JSON: `0`, `[2, 0, 1]`, `{"helpful": 4}`.
JSON_COLUMNS = frozenset(
    (
        *("choice", "ranking", "ranks", "pairs", "votes", "strength", "margin", "shown_order"),
        *("rating", "ratings", "scale", "score", "scores", "seconds", "feedback", "preference"),
        *("messages", "conversations", "responses", "completions", "answers", "outputs", "generations"),
        *("instances", "meta", "metadata", "data", "fields", "annotations"),
    )
)
CHATS = frozenset(("prompt", "chosen", "rejected", "completion", "response"))  # a text, or messages as JSON
_DELIMITERS = ",;\t|"  # that files are found with
_SEMICOLON = ";"
_SHOWN = 10_000  # characters of a row that cannot be read: an open quotation mark takes in all that follows
_LONGEST_NAME = 100  # characters of a column's name


def read_csv(path: Path, delimiter: str, bad: OnBad | None = None) -> Iterator[tuple[str, Row]]:
    """(where, row) of each row below the heading; `where` is `file:line`, the line where the row begins.

    A cell that holds a delimiter, a quotation mark or a line end stands in quotation marks, as RFC 4180 has
    it. An empty cell is absent; in the column `choice` it is a tie. A column without a name is called after
    its place, `column 4`: spreadsheets write empty ones at the end.

    Args:
        delimiter: a comma or a tab. Where a heading of one column would be cut by semicolons, these it is:
            spreadsheets write them in countries with a decimal comma.
        bad: told of each row that cannot be read, and reading goes on; without it the first is an error.

    Raises:
        UserError: naming file and line: no heading, a column named twice, too many or too few cells, a
            quotation mark that is not closed, not UTF-8.
    """
    rows = _Rows(path, delimiter, bad)
    heading = rows.heading()
    for where, cells in rows:
        if len(cells) != len(heading):
            told = f"{where}: expected {len(heading)} cells, as the heading has, found {len(cells)}"
            refuse(
                where,
                cells,
                UserError(f"{told}: put a cell that holds {rows.delimiter!r} in quotation marks"),
                bad,
            )
            continue
        yield where, _row(dict(zip(heading, cells, strict=True)))


def count_csv(path: Path, delimiter: str) -> int:
    """Rows below the heading, those that cannot be read among them."""
    bad: list[str] = []
    good = sum(1 for _ in _Rows(path, delimiter, lambda *told: bad.append(told[0])))
    return max(0, good + len(bad) - 1)


class _Rows:
    """(where, cells) of every row that is not blank, the heading among them."""

    def __init__(self, path: Path, delimiter: str, bad: OnBad | None) -> None:
        # The limit is the process's, so it is only ever raised; lines are bounded where they are read.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE_BYTES))
        self._path, self._bad = path, bad
        self.delimiter = _SEMICOLON if delimiter == "," and _semicolons(path) else delimiter
        self._not_utf8: dict[int, str] = {}  # by number of line
        self._row: list[str] = []  # lines of the row that is being read
        self._reader = csv.reader(self._lines(), delimiter=self.delimiter, strict=True)

    def heading(self) -> list[str]:
        """The names of the columns.

        Raises:
            UserError: no heading, or names that could not be one.
        """
        bad, self._bad = self._bad, None  # without a heading there is nothing to go on with
        where, names = next(iter(self), (f"{self._path}:1", []))
        self._bad = bad
        names = [name.strip() for name in names]
        if len(names) == 1 and any(mark in names[0] for mark in _DELIMITERS):
            raise UserError(
                f"{where}: expected columns with {self.delimiter!r} between, found {names[0][:60]!r}: save "
                "the file with that, or name it by what it has (.csv: commas, .tsv: tabs)"
            )
        twice = next((name for name in names if name and names.count(name) > 1), None)
        if twice is not None:
            raise UserError(
                f"{where}: the column {twice!r} stands twice in the heading: rename or remove one of them"
            )
        text = next((name for name in names if len(name) > _LONGEST_NAME or "\n" in name), None)
        if text is not None or not any(names):
            found = "nothing" if text is None else repr(text[:60])
            raise UserError(
                f"{where}: expected a heading with the columns' names, such as "
                f"{self.delimiter.join(('prompt', 'chosen', 'rejected'))!r}, found {found}"
            )
        return [name or f"column {place}" for place, name in enumerate(names, start=1)]

    def __iter__(self) -> Iterator[tuple[str, list[str]]]:
        while True:
            begins = self._reader.line_num + 1
            where = f"{self._path}:{begins}"
            self._row.clear()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                why = f"not valid CSV: {error}: is a quotation mark not closed, or not doubled?"
                refuse(where, "".join(self._row)[:_SHOWN], UserError(f"{where}: {why}"), self._bad)
                continue
            broken = [n for n in range(begins, self._reader.line_num + 1) if n in self._not_utf8]
            if broken:
                why = f"not UTF-8: {self._not_utf8.pop(broken[0])}: save it as UTF-8"
                refuse(where, cells, UserError(f"{where}: {why}"), self._bad)
            elif any(cell.strip() for cell in cells):
                yield where, cells

    def _lines(self) -> Iterator[str]:
        for number, raw in lines_of(self._path):
            try:
                line = raw.decode()
            except UnicodeDecodeError as error:
                self._not_utf8[number] = f"{error.reason} at byte {error.start} of line {number}"
                line = raw.decode(errors="replace")
            self._row.append(line)
            yield line


def _semicolons(path: Path) -> bool:
    """Whether the heading has semicolons and no comma."""
    _, heading = next(lines_of(path), (1, b""))
    return b"," not in heading and b";" in heading


def _row(cells: dict[str, str]) -> Row:
    row = {name: _value(name, cell) for name, cell in cells.items()}
    return {name: value for name, value in row.items() if value is not None or name in NULL_IS_SAID}


def _value(name: str, cell: str) -> Any:
    if not cell.strip():
        return None
    if name in JSON_COLUMNS:
        return _decoded(cell)
    if name == "labels":  # as JSON, or names with commas between, as such tables often have them
        as_list = cell.lstrip().startswith("[")
        return _decoded(cell) if as_list else [label.strip() for label in cell.split(",")]
    if name in CHATS and cell.lstrip().startswith("[{") and _is_chat(found := _decoded(cell)):
        return found
    return cell


def _decoded(cell: str) -> Any:
    """What the JSON says; a cell that is none is a text, and whoever needs more of it says what."""
    if too_deep(cell.encode(errors="replace")):
        return cell
    try:
        return JSON.decode(cell)
    except ValueError:
        return cell


def _is_chat(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(message, dict) and {"role", "content"} <= message.keys() for message in value
    )
