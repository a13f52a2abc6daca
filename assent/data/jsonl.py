"""JSON lines, read as a stream and written whole or not at all."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assent.errors import UserError

LONGEST_LINE_BYTES = 64 * 2**20


def read_jsonl(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row) of each line; `where` is `file:line`, for error messages. Blank lines are passed over.

    Raises:
        UserError: naming file and line: not UTF-8, not JSON, not an object, NaN or Infinity, a key given
            twice, or a line beyond 64 MiB.
    """
    for where, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_unique, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:  # JSONDecodeError, ours, and a row nested too deep
            raise UserError(f"{where}: not valid JSON: {error}") from None
        if not isinstance(row, dict):
            raise UserError(f"{where}: expected an object {{...}}, found {type(row).__name__}")
        yield where, row


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(LONGEST_LINE_BYTES + 1):
                number += 1
                where = f"{path}:{number}"
                if len(raw) > LONGEST_LINE_BYTES:
                    raise UserError(f"{where}: a line of more than {LONGEST_LINE_BYTES >> 20} MiB")
                yield where, _decoded(raw, where, "utf-8-sig" if number == 1 else "utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _decoded(raw: bytes, where: str, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8: {error.reason} at byte {error.start}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is given twice")
    return row


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows beside `path` and rename: a reader sees all of them or none."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(line_of(row))
    os.replace(temporary, path)


def line_of(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def append_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows at the end, on disk before this returns."""
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(line_of(row) for row in rows))
        file.flush()
        os.fsync(file.fileno())
