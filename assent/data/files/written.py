"""Rows into a file, by its suffix: written as a stream beside it and renamed, so it is whole or not there."""

import errno
import glob
import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedIOBase, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

from assent.data.files.jsonl import line_of
from assent.data.files.streams import Row
from assent.data.files.tables import Table, write_parquet, write_separated
from assent.errors import Interrupted, UserError
from assent.extras import extra

KINDS = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
PACKED = ".gz"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

Add = Callable[[Sequence[Row]], None]


def kind_of(path: Path) -> tuple[str, bool]:
    """(suffix of the kind, whether it is compressed).

    Raises:
        UserError: a suffix that is not known, or a Parquet file that would be compressed twice.
    """
    name = path.name.lower()
    packed = name.endswith(PACKED)
    kind = Path(name.removesuffix(PACKED)).suffix
    if kind not in KINDS or (packed and kind == ".parquet"):
        raise UserError(
            f"{path}: the suffix says what to write: expected {', '.join(KINDS)}, or a text one with .gz, "
            f"such as .jsonl.gz; found {''.join(Path(name).suffixes[-2:]) or 'none'}"
        )
    return kind, packed


@contextmanager
def written(path: Path) -> Iterator[Add]:
    """Give what adds rows; after the block the file is there, whole. After an error it is as it was.

    Several rows given together are added together, or not at all. Memory holds one row, and of Parquet one
    group of rows.

    Raises:
        UserError: the folder is not there or may not be written to; by what adds rows: this kind of file
            cannot hold one of them.
        Interrupted: the disk is full.
    """
    kind, packed = kind_of(path)
    with replaced(path) as temporary:
        with ExitStack() as stack:
            sink = _sink(kind, _opened(temporary, packed, stack), path, stack)
            yield sink.add
            sink.close()
        with temporary.open("rb") as file:
            os.fsync(file.fileno())


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give the name of a file to write beside, which takes the place of `path` after the block.

    After an error it is gone. What a process left that was killed in the midst of this goes as well.

    Raises:
        UserError: there can be no such file.
        Interrupted: the disk is full.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        if not _alive(left.name.split(".")[-2]):
            left.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with faults_of_disk(path):
            yield temporary
            os.replace(temporary, path)
    finally:
        if temporary.exists():  # on a disk that may not be written even to delete nothing is an error
            temporary.unlink()


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True  # somebody else's
    return True


@contextmanager
def faults_of_disk(path: Path) -> Iterator[None]:
    """Say in words what is amiss with writing a file, and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise Interrupted(
                f"{path}: the disk is full; nothing is written: free some and run again"
            ) from None
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def _opened(temporary: Path, packed: bool, stack: ExitStack) -> BufferedIOBase:
    file = stack.enter_context(temporary.open("wb"))
    if not packed:
        return file
    # no name and no time within: the same rows give the same bytes
    return stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0))


def _sink(kind: str, file: BufferedIOBase, path: Path, stack: ExitStack) -> "_Lines | _List | _Columns":
    if kind == ".jsonl":
        return _Lines(file)
    if kind == ".json":
        return _List(file)
    if kind == ".parquet":
        extra("pyarrow", "parquet", f"{path}")  # now, not after an hour
    # A table names its columns and their types before its first row, and rows may differ: they wait in a
    # file without a name, which is gone whatever ends this process.
    waiting = stack.enter_context(tempfile.TemporaryFile(dir=path.parent))  # noqa: SIM115
    return _Columns(file, Table(kind, waiting))


class _Lines:
    """JSON lines. As with all of these, `add` takes rows together or not at all."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file

    def add(self, rows: Sequence[Row]) -> None:
        self._file.write(b"".join([encoded(row) + b"\n" for row in rows]))

    def close(self) -> None:
        """Nothing stands at the end."""


class _List:
    """A list in JSON, one row a line."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self._before = b"[\n"

    def add(self, rows: Sequence[Row]) -> None:
        for line in [encoded(row) for row in rows]:
            self._file.write(self._before + line)
            self._before = b",\n"

    def close(self) -> None:
        self._file.write(b"\n]\n" if self._before == b",\n" else b"[]\n")


class _Columns:
    """CSV, TSV, Parquet."""

    def __init__(self, file: BufferedIOBase, table: Table) -> None:
        self._file = file
        self._table = table

    def add(self, rows: Sequence[Row]) -> None:
        self._table.add(rows, [encoded(row) for row in rows])

    def close(self) -> None:
        if self._table.kind == ".parquet":
            write_parquet(self._table, self._file)
            return
        text = TextIOWrapper(cast(BinaryIO, self._file), encoding="utf-8", newline="", write_through=True)
        write_separated(self._table, text)
        text.detach()


def encoded(row: Row) -> bytes:
    """A row as one line of JSON.

    Raises:
        UserError: it holds half of a character, which no UTF-8 file can.
    """
    try:
        return line_of(row).rstrip("\n").encode()
    except UnicodeEncodeError as error:
        broken = json.dumps(error.object[error.start : error.end])
        raise UserError(f"half of a character, {broken}, which no file can hold: mend the text") from None
