"""Rows of a JSON file: a list of objects, or an object that holds the list, read as a stream."""

import codecs
import json
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

import ijson

from assent.data.files.jsonl import read_jsonl
from assent.data.files.nesting import Bounded
from assent.data.files.streams import OnBad, Row, opened, refuse, refuse_utf_16
from assent.errors import UserError

# Where an object may hold the rows, in the order in which they are looked for.
HOLDERS = ("data", "rows", "items", "results", "records", "examples")
_FIRST_LINE_BYTES = 2**20  # a longer first line is not looked at for being a row of its own
_PIECE_BYTES = 2**20  # of a file at once: a value that is longer is copied once a piece


class _Object(dict[str, Any]):
    """An object as ijson builds it, which notes a key that is given twice."""

    twice: str | None = None

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self:
            self.twice = key
        super().__setitem__(key, value)


def read_json(path: Path, bad: OnBad | None = None) -> Iterator[tuple[str, Row]]:
    """(where, row) of each object of the list; `where` is `file: row 3`, counted from 1.

    The list is the whole file, or stands in an object under one of HOLDERS. A file whose lines are objects,
    as many are named `.json` too, is read as JSON lines.

    Args:
        bad: told of each row that is no object, and reading goes on; without it the first is an error.

    Raises:
        UserError: naming file and row: not JSON (what stands behind it cannot be read), a key given twice,
            no list of rows; also with `bad`: nested too deep, a row beyond 64 MiB.
    """
    if _is_lines(path):
        yield from read_jsonl(path, bad)
        return
    with opened(path) as file:
        number = 0
        for number, found in enumerate(_items(file, path), start=1):
            where = f"{path}: row {number}"
            problem = _problem(found)
            if problem:
                refuse(where, found, UserError(f"{where}: {problem}"), bad)
            else:
                yield where, found


def _items(file: BufferedReader, path: Path) -> Iterator[Any]:
    """What the list holds, one after another."""
    prefix = _place_of_the_rows(path)
    passed_mark(file)
    number = 0
    bounded = Bounded(file.read, path, prefix.count(".") + 1, lambda: f", behind row {number}")
    try:
        for found in ijson.items(bounded, prefix, use_float=True, map_type=_Object, buf_size=_PIECE_BYTES):
            number += 1
            yield found
    except (ijson.JSONError, UnicodeDecodeError) as error:  # the second from half of a character, as \\udf0d
        raise UserError(f"{path}: not valid JSON, behind row {number}: {_reason(error)}") from None


def _place_of_the_rows(path: Path) -> str:
    """The prefix by which ijson knows the rows."""
    keys: list[str] = []
    with opened(path) as file:
        passed_mark(file)
        try:
            bounded = Bounded(file.read, path, None)
            place = _first_list(ijson.parse(bounded, use_float=True, buf_size=_PIECE_BYTES), keys)
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not valid JSON: {_reason(error)}") from None
    if place is None:
        raise UserError(
            f"{path}: expected a list of objects, an object that holds one as {', '.join(HOLDERS)}, or an "
            f"object a line; found {'the keys ' + ', '.join(keys) if keys else 'none of them'}"
        )
    return place


def _first_list(events: Iterator[tuple[str, str, Any]], keys: list[str]) -> str | None:
    """Where the first list of rows begins; `keys` gets the names that stand at the top before it."""
    for prefix, event, value in events:
        if event == "start_array" and prefix == "":
            return "item"
        if event == "map_key" and prefix == "":
            keys.append(value)
        if event == "start_array" and prefix in HOLDERS:
            _, inner, _ = next(events)
            if inner in ("start_map", "end_array"):
                return f"{prefix}.item"
    return None


def _is_lines(path: Path) -> bool:
    """Whether the first line is an object of its own, and none that holds a list of rows."""
    with opened(path) as file:
        refuse_utf_16(file, path)
        passed_mark(file)
        try:
            first = json.loads(_next_line(file))
        except (ValueError, RecursionError):  # not UTF-8 is a ValueError too
            return False
        if not isinstance(first, dict):
            return False
        return bool(_next_line(file)) or not any(_holds_rows(first.get(name)) for name in HOLDERS)


def _next_line(file: BufferedReader) -> bytes:
    """The next line that is not blank, as far as the longest that is looked at; b"" at the end."""
    return next((line for line in iter(lambda: file.readline(_FIRST_LINE_BYTES), b"") if line.strip()), b"")


def _holds_rows(value: Any) -> bool:
    return isinstance(value, list) and (not value or isinstance(value[0], dict))


def passed_mark(file: BufferedReader) -> None:
    """Read past a byte order mark, if there is one."""
    if file.peek(3).startswith(codecs.BOM_UTF8):
        file.read(len(codecs.BOM_UTF8))


def _problem(found: Any) -> str:
    """What keeps the thing found from being a row; "" if nothing does."""
    if not isinstance(found, dict):
        return f"expected an object {{...}}, found {type(found).__name__}"
    twice = _twice(found)
    return "" if twice is None else f"the key {twice!r} is given twice"


def _twice(value: Any) -> str | None:
    """The first key that stands twice in an object, here or below."""
    waiting = [value]  # not a recursion: a row may be nested to any depth
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, _Object):
            if inner.twice is not None:
                return inner.twice
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner
    return None


def _reason(error: Exception) -> str:
    """The first line of what the parser says; the others draw where it stood in its buffer."""
    return str(error).removeprefix("b'").replace("\\n", "\n").partition("\n")[0].strip()
