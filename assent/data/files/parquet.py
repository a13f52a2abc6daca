"""Rows of Parquet files, through pyarrow."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, time
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

from assent.data.files.streams import NULL_IS_SAID, OnBad, Row, opened, refuse
from assent.errors import UserError
from assent.extras import extra

_BATCH_ROWS = 1000  # rows in memory at once


def read_parquet(path: Path, bad: OnBad | None = None) -> Iterator[tuple[str, Row]]:
    """(where, row) of each row; `where` is `file: row 3`, counted from 1.

    A null is absent, inside of structs as well; in the column `choice` it is a tie.

    Args:
        bad: told of each row that holds bytes which are no text; without it the first is an error.

    Raises:
        UserError: pyarrow is not installed; not Parquet, or damaged.
    """
    with _file(path) as file:
        yield from plain_rows(chain.from_iterable(_batches(file, path)), str(path), bad)


def count_parquet(path: Path) -> int:
    """As the file's own description says."""
    with _file(path) as file:
        return file.metadata.num_rows


def plain_rows(typed: Iterable[Row], source: str, bad: OnBad | None) -> Iterator[tuple[str, Row]]:
    """(where, row) of each typed row, counted from 1, in the types that JSON has."""
    for number, raw in enumerate(typed, start=1):
        where = f"{source}: row {number}"
        try:
            row = _plain_row(raw, where)
        except UserError as error:
            refuse(where, None, error, bad)
            continue
        yield where, row


def _plain_row(raw: Row, where: str) -> Row:
    """A row of typed columns in the types that JSON has.

    Raises:
        UserError: a value that JSON cannot say, such as an image.
    """
    row = {name: _plain(value, f"{where}: {name}") for name, value in raw.items()}
    return {name: value for name, value in row.items() if value is not None or name in NULL_IS_SAID}


def _plain(value: Any, where: str) -> Any:
    if value is None or isinstance(value, str | int | float):  # bool is an int
        return value
    if isinstance(value, dict):
        inner = {name: _plain(one, f"{where}.{name}") for name, one in value.items()}
        return {name: one for name, one in inner.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_plain(one, where) for one in value]
    return _as_text(value, where)


def _as_text(value: Any, where: str) -> str | float:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    try:
        return value.decode()  # a text that was written without saying that it is one
    except (AttributeError, UnicodeDecodeError):
        raise UserError(
            f"{where}: expected text, a number or a list, found {type(value).__name__} that is none: "
            "leave this column out of the file"
        ) from None


@contextmanager
def _file(path: Path) -> Iterator[Any]:
    """The open ParquetFile. Parquet is read from its end, so a compressed one is first unpacked, on disk."""
    parquet, arrow = extra("pyarrow.parquet", "parquet", f"{path}"), extra("pyarrow", "parquet", f"{path}")
    with opened(path) as packed, tempfile.TemporaryFile() as unpacked:
        file = packed
        if path.name.lower().endswith(".gz"):
            shutil.copyfileobj(packed, unpacked)
            file = unpacked
        try:
            yield parquet.ParquetFile(file)
        except (arrow.ArrowException, ValueError) as error:  # the second where a text is not UTF-8
            raise UserError(f"{path}: not Parquet, or damaged: {str(error).splitlines()[0]}") from None


def _batches(file: Any, path: Path) -> Iterator[list[Row]]:
    twice = next((name for name in file.schema_arrow.names if file.schema_arrow.names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{path}: the column {twice!r} stands twice")
    for batch in file.iter_batches(batch_size=_BATCH_ROWS):
        yield batch.to_pylist()
