"""Rows in columns, for files that name them before the first row: CSV, TSV, Parquet."""

import csv
import json
from collections.abc import Iterator, Sequence
from functools import reduce
from io import BufferedIOBase, TextIOBase
from itertools import islice
from typing import Any

from assent.data.files.csv_rows import CHATS, JSON_COLUMNS
from assent.data.files.streams import NULL_IS_SAID, Row
from assent.errors import UserError
from assent.extras import extra

GROUP_ROWS = 1000  # of a Parquet file in memory at a time
_INSTEAD = "write .jsonl, .json or .parquet"
_MAY_BE_EMPTY = ("input",)  # of alpaca, where nothing and none are the same
_WHOLE_NUMBERS = 2**53  # up to which a column of numbers is exact, whole ones or not
_PLAIN = {bool: "bool", int: "int", float: "float", str: "text"}
_NUMBERS = ("int", "float")

# What stands in a column, so that all groups of rows agree: None (nothing but nulls), "bool", "int", "float",
# "text", ("list", what is in it), ("object", what is in it by key).
Held = None | str | tuple[str, Any]


class Table:
    """Rows that wait in a file until all of their columns are known."""

    def __init__(self, kind: str, waiting: BufferedIOBase) -> None:
        self.kind = kind  # ".csv", ".tsv", ".parquet"
        self.columns: dict[str, Held] = {}  # in the order in which they came
        self._waiting = waiting

    def add(self, rows: Sequence[Row], lines: Sequence[bytes]) -> None:
        """Take rows, and the same as lines of JSON.

        Raises:
            UserError: this kind of file cannot hold one of them; then none of them is taken.
        """
        columns = dict(self.columns)
        for row in rows:
            if columns and any((name in row) != (name in columns) for name in NULL_IS_SAID):
                raise UserError(
                    f"{' or '.join(NULL_IS_SAID)} stands in some rows and not in others: in a table a "
                    "missing one says that nobody won; write .jsonl or .json"
                )
            for name, value in row.items():
                columns[name] = self._merged(columns.get(name), value, name)
        self._waiting.write(b"".join([line + b"\n" for line in lines]))
        self.columns = columns

    def rows(self) -> Iterator[Row]:
        """Every row that was taken."""
        self._waiting.seek(0)
        return map(json.loads, self._waiting)

    def _merged(self, before: Held, value: Any, name: str) -> Held:
        if self.kind != ".parquet":
            cell(name, value)
            return None
        try:
            return _joined(before, _held(value))
        except TypeError as error:
            raise UserError(f"{name}: {error}: a column of Parquet holds one type; write .jsonl") from None


def _held(value: Any) -> Held:
    if value is None:
        return None
    if value == {}:
        raise TypeError("an object without keys")
    if isinstance(value, dict):
        return "object", {key: _held(part) for key, part in value.items()}
    if isinstance(value, list):
        return "list", reduce(_joined, map(_held, value), None)
    if type(value) is int and abs(value) > _WHOLE_NUMBERS:
        raise TypeError(f"{value} here, which not every reader can hold")
    return _PLAIN[type(value)]


def _joined(one: Held, other: Held) -> Held:
    """What holds both.

    Raises:
        TypeError: nothing does.
    """
    if one is None or other is None or one == other:
        return one if other is None else other
    if isinstance(one, tuple) and isinstance(other, tuple) and one[0] == other[0]:
        if one[0] == "list":
            return "list", _joined(one[1], other[1])
        return "object", {key: _joined(one[1].get(key), other[1].get(key)) for key in one[1] | other[1]}
    if one in _NUMBERS and other in _NUMBERS:
        return "float"
    raise TypeError(f"{_said(other)} here and {_said(one)} before")


def _said(held: Held) -> str:
    kind = held[0] if isinstance(held, tuple) else str(held)
    return {"int": "a number", "float": "a number", "bool": "true or false", "object": "an object"}.get(
        kind, f"a {kind}"
    )


def write_separated(table: Table, file: TextIOBase) -> None:
    """CSV as RFC 4180 has it, or the same with tabs."""
    # With \r\n between rows the csv module puts quotes around a text that holds either of the two.
    writer = csv.writer(file, delimiter="\t" if table.kind == ".tsv" else ",", lineterminator="\r\n")
    writer.writerow(table.columns)
    for row in table.rows():
        writer.writerow([cell(name, row.get(name)) for name in table.columns])


def cell(name: str, value: Any) -> str:
    """What csv_rows.py reads back as this value: text as it is, some columns as JSON, null as nothing.

    Raises:
        UserError: it would be read as something else.
    """
    if value is None:
        return ""
    if name in JSON_COLUMNS or (name in ("labels", *CHATS) and isinstance(value, list)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()  # as `label`, whose text is read in either way
    if not isinstance(value, str):
        raise UserError(f"{name} is nested, and a cell of CSV holds a text: {_INSTEAD}")
    if not value.strip() and name not in _MAY_BE_EMPTY:
        raise UserError(f"{name} is an empty text, which CSV cannot tell from a missing one: {_INSTEAD}")
    if name in CHATS and value.lstrip().startswith("[{") and _is_json(value):
        raise UserError(f"{name} is a text that looks like a chat, and would be read as one: {_INSTEAD}")
    return value


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def write_parquet(table: Table, file: BufferedIOBase) -> None:
    """A group of rows at a time, all of one schema."""
    arrow, parquet = (extra(name, "parquet", "a .parquet file") for name in ("pyarrow", "pyarrow.parquet"))
    schema = arrow.schema([(name, _type(held, arrow)) for name, held in table.columns.items()])
    rows = table.rows()
    with parquet.ParquetWriter(file, schema) as writer:
        while group := list(islice(rows, GROUP_ROWS)):
            writer.write_table(arrow.Table.from_pylist(group, schema=schema))


def _type(held: Held, arrow: Any) -> Any:
    if isinstance(held, tuple) and held[0] == "list":
        return arrow.list_(_type(held[1], arrow))
    if isinstance(held, tuple):
        return arrow.struct([(key, _type(part, arrow)) for key, part in held[1].items()])
    plain = {"bool": arrow.bool_(), "int": arrow.int64(), "float": arrow.float64()}
    return plain.get(str(held), arrow.string())
