"""Rows out of files, whatever the file: JSON lines, JSON, CSV, Parquet, any of them compressed, hub sets.

Reading is a stream: no more of a file is in memory than the row at hand (of Parquet, a batch of rows).
"""

from collections.abc import Callable, Iterator
from typing import Any

from assent.data.jsonl import read_jsonl
from assent.data.rows import files
from assent.errors import UserError

Row = dict[str, Any]
OnBad = Callable[[str, object, UserError], None]  # (where, what stands there, what is wrong with it)


def raw_rows(source: str, bad: OnBad | None = None) -> Iterator[tuple[str, Row]]:
    """(where, row) of every row; `where` is `file:line`, or `file: row 3` where a format has no lines.

    Args:
        source: a file, a pattern, a folder, or `hub:org/name[@config][:split]`.
        bad: told of each row that cannot be read, and reading goes on; without it the first is an error.

    Raises:
        UserError: naming file and line; a source that gives no row at all.
    """
    for path in files(source):
        yield from read_jsonl(path)


def count_rows(source: str) -> int | None:
    """How many rows there are, without reading more than is needed; None for a hub set not loaded yet."""
    return sum(1 for path in files(source) for _ in read_jsonl(path))
