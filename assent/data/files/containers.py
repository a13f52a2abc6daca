"""Rows out of files, whatever the file: JSON lines, JSON, CSV, Parquet, any of them compressed, hub sets.

Reading is a stream: no more of a file is in memory than the row at hand (of Parquet, a batch of rows).
"""

from collections.abc import Iterator
from pathlib import Path

from assent.data.files.csv_rows import count_csv, read_csv
from assent.data.files.hub import count_hub, read_hub
from assent.data.files.json_rows import read_json
from assent.data.files.jsonl import read_jsonl
from assent.data.files.parquet import count_parquet, read_parquet
from assent.data.files.streams import HUB, ROWS, OnBad, Row, files, format_of, opened
from assent.errors import UserError

__all__ = ["OnBad", "Row", "count_rows", "raw_rows"]

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_CHUNK_BYTES = 2**20


def raw_rows(source: str, bad: OnBad | None = None) -> Iterator[tuple[str, Row]]:
    """(where, row) of every row; `where` is `file:line`, or `file: row 3` where a format has no lines.

    Args:
        source: a file, a pattern, a folder, or `hub:org/name[@config][:split]`.
        bad: told of each row that cannot be read, and reading goes on; without it the first is an error.

    Raises:
        UserError: naming file and line; a source that gives no row at all. Also with `bad`: a file that
            cannot be read on, as one that is cut off.
    """
    seen = 0

    def counted(where: str, raw: object, error: UserError) -> None:
        nonlocal seen
        seen += 1
        assert bad is not None
        bad(where, raw, error)

    for where, row in _rows(source, counted if bad else None):
        seen += 1
        yield where, row
    if not seen:
        raise UserError(f"{source}: no rows there")


def _rows(source: str, bad: OnBad | None) -> Iterator[tuple[str, Row]]:
    if source.startswith(HUB):
        return read_hub(source, bad)
    return (row for path in files(source, ROWS) for row in _rows_of(path, bad))


def _rows_of(path: Path, bad: OnBad | None) -> Iterator[tuple[str, Row]]:
    kind = format_of(path)
    if kind == "json":
        return read_json(path, bad)
    if kind == "parquet":
        return read_parquet(path, bad)
    if kind in _DELIMITERS:
        return read_csv(path, _DELIMITERS[kind], bad)
    return read_jsonl(path, bad)


def count_rows(source: str) -> int | None:
    """How many rows there are, without reading more than is needed; None for a set on the hub."""
    if source.startswith(HUB):
        return count_hub(source)
    return sum(_count(path) for path in files(source, ROWS))


def _count(path: Path) -> int:
    if format_of(path) == "jsonl":
        return _lines_with_content(path)
    if format_of(path) == "parquet":
        return count_parquet(path)
    if format_of(path) in _DELIMITERS:
        return count_csv(path, _DELIMITERS[format_of(path)])
    bad: list[str] = []
    rows = sum(1 for _ in _rows_of(path, lambda *told: bad.append(told[0])))
    return rows + len(bad)


def _lines_with_content(path: Path) -> int:
    """Lines that are not blank, by chunks: a line may be of any length."""
    count, content = 0, False  # whether the line that a chunk ends in has shown any content
    with opened(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            first, *others = chunk.split(b"\n")
            content = content or _says_something(first)
            for line in others:
                count += content
                content = _says_something(line)
    return count + content


def _says_something(line: bytes) -> bool:
    return bool(line) and not line.isspace()  # which ends at the first character that is none
