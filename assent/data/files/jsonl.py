"""JSON lines, read as a stream and written whole or not at all."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assent.data.files.nesting import DEEPEST, too_deep
from assent.data.files.streams import JSON, OnBad, Row, lines_of, refuse
from assent.errors import UserError

_SHOWN = 40  # characters of a line that is no JSON
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode  # made once, not for each row


def read_jsonl(path: Path, bad: OnBad | None = None) -> Iterator[tuple[str, Row]]:
    """(where, row) of each line; `where` is `file:line`, for error messages. Blank lines are passed over.

    Args:
        bad: told of each line that is no row, and reading goes on; without it the first is an error.

    Raises:
        UserError: naming file and line: not UTF-8, not JSON, not an object, NaN or Infinity, a key given
            twice, nested too deep, or a line beyond 64 MiB.
    """
    for number, raw in lines_of(path, bad):
        if not raw.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = row_of(raw, where)
        except UserError as error:
            refuse(where, raw.decode(errors="replace").rstrip("\r\n"), error, bad)
            continue
        yield where, row


def row_of(raw: bytes, where: str) -> Row:
    """The object that a line of JSON holds."""
    if too_deep(raw):
        raise UserError(f"{where}: lists and objects nested more than {DEEPEST} deep")
    try:
        row = JSON.decode(raw.decode())
    except UnicodeDecodeError as error:
        why = f"not UTF-8: {error.reason} at byte {error.start}: save it as UTF-8"
        raise UserError(f"{where}: {why}") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: {_why_no_json(error)}") from None
    except ValueError as error:  # ours, and a whole number of thousands of digits
        raise UserError(f"{where}: not valid JSON: {error}") from None
    if not isinstance(row, dict):
        raise UserError(f"{where}: expected an object {{...}}, found {type(row).__name__}")
    return row


def _why_no_json(error: json.JSONDecodeError) -> str:
    """In the line's own terms: of a file, the parser's line and column would be wrong."""
    text = error.doc.strip()
    if not text.startswith(("{", "[")):
        return f"not valid JSON: expected an object {{...}}, found {text[:_SHOWN]!r}"
    return f"not valid JSON: {error.msg} at character {error.pos + 1}"


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows beside `path` and rename: a reader sees all of them or none."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(line_of(row))
    os.replace(temporary, path)


def line_of(row: Mapping[str, Any]) -> str:
    return _encode(row) + "\n"


def append_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows at the end, on disk before this returns."""
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(line_of(row) for row in rows))
        file.flush()
        os.fsync(file.fileno())
