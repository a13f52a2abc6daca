"""Files as streams: found by name, opened compressed or not; and what is told of a row that is none."""

import codecs
import glob
import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, cast

from assent.errors import UserError

Row = dict[str, Any]
OnBad = Callable[[str, object, UserError], None]  # (where, what stands there, what is wrong with it)

FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
ROWS = tuple(FORMATS)  # suffixes of files that hold rows
TEXTS = (".txt", ".text", ".md")  # suffixes of files that hold plain text
LONGEST_LINE_BYTES = 64 * 2**20
NULL_IS_SAID = frozenset(("choice",))  # null is a tie there; in other columns of a table it says nothing
HUB = "hub:"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHOWN = 5


def files(source: str, suffixes: tuple[str, ...] = ROWS + TEXTS) -> list[Path]:
    """The files that a path, a folder or a pattern such as `corpus/*.txt` names, in a fixed order.

    Args:
        suffixes: of the files that count in a folder, compressed (`.gz`) or not; it is searched to its depth,
            and hidden files are passed over. What a path or a pattern names counts whatever its suffix.

    Raises:
        UserError: there is no such file; with what a folder holds instead.
    """
    if source.startswith(HUB):
        raise UserError(f"{source}: expected files, and this is a set on the hub")
    if os.path.isdir(source):
        return _in_folder(Path(source), suffixes)
    found = [Path(source)]
    if not os.path.exists(source) and glob.has_magic(source):
        found = [Path(name) for name in sorted(glob.glob(source, recursive=True)) if Path(name).is_file()]
    if not found or not found[0].exists():
        raise UserError(f"{source}: no such file")
    return found


def _in_folder(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    inside = sorted(path for path in folder.rglob("*") if path.is_file())
    seen = [path for path in inside if not _hidden(path.relative_to(folder))]
    found = [path for path in seen if suffix_of(path) in suffixes]
    if not found:
        names = [path.relative_to(folder).as_posix() for path in seen[:_SHOWN]]
        more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
        held = f"it holds {', '.join(names)}{more}" if names else "it is empty"
        raise UserError(
            f"{folder}: no file there that ends in {', '.join(suffixes)} (or those and .gz); {held}"
        )
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def suffix_of(path: Path) -> str:
    """The suffix that tells the format, in small letters: `.csv` of `a.CSV.gz`."""
    name = path.name.lower().removesuffix(".gz")
    return os.path.splitext(name)[1]


def is_packed(path: Path) -> bool:
    """Whether a file is smaller than the text that it holds."""
    return path.name.lower().endswith(".gz") or suffix_of(path) == ".parquet"


def format_of(path: Path) -> str:
    """What a file of rows is read as. An unknown suffix means JSON lines."""
    return FORMATS.get(suffix_of(path), "jsonl")


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """The bytes of a file; of one that ends in `.gz`, what was compressed.

    Raises:
        UserError: it is not there, cannot be read, or is compressed and cut off or damaged; while it is read
            as well.
    """
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path) as packed, BufferedReader(cast(RawIOBase, packed)) as file:
                yield cast(BufferedReader, file)
        else:
            with path.open("rb") as file:
                yield file
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except EOFError:
        raise UserError(f"{path}: the compressed file ends too early: copy or fetch it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: not gzip, or damaged ({error}): copy or fetch it again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None


def lines_of(path: Path, bad: OnBad | None = None) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of each line, the first without a byte order mark; no line is longer than 64 MiB.

    Raises:
        UserError: also with `bad`: a file of UTF-16, of which no line could be read.
    """
    with opened(path) as file:
        refuse_utf_16(file, path)
        number = 0
        while raw := file.readline(LONGEST_LINE_BYTES + 1):
            number += 1
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            if len(raw) <= LONGEST_LINE_BYTES:
                yield number, raw
                continue
            where = f"{path}:{number}"
            refuse(
                where, None, UserError(f"{where}: a line of more than {LONGEST_LINE_BYTES >> 20} MiB"), bad
            )
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(LONGEST_LINE_BYTES)


def refuse_utf_16(file: BufferedReader, path: Path) -> None:
    """Spreadsheets call it Unicode text; none of its lines could be read."""
    if file.peek(2).startswith(_UTF_16):
        raise UserError(f"{path}:1: not UTF-8: it begins as UTF-16 does: save it as UTF-8")


def refuse(where: str, raw: object, error: UserError, bad: OnBad | None) -> None:
    """A row that cannot be read: told to `bad`, or the end."""
    if bad is None:
        raise error
    bad(where, raw, error)


def _unique(pairs: list[tuple[str, Any]]) -> Row:
    """An object, unless a key is given twice."""
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is given twice")
    return row


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


# JSON as its standard has it: ValueError for a key given twice, NaN or Infinity. Made once: that takes longer
# than reading a row.
JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
