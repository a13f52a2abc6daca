"""Rows that could not be used: set aside in a file of their own, counted, and the first of them told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from assent.data.files.streams import opened
from assent.data.files.written import replaced
from assent.errors import UserError

SHOWN = 5  # rows that are told one by one
_FIRST_BYTES = 100  # enough of a line to tell


class Quarantine:
    """Takes bad rows, as JSON lines `{"where", "problem", "row"}`; it is what a reader's `bad` wants."""

    def __init__(self, file: BufferedIOBase) -> None:
        self.count = 0
        self.first: list[str] = []  # what was wrong with the first few
        self._file = file

    def __call__(self, where: str, row: object, problem: UserError) -> None:
        self.count += 1
        told = str(problem).removeprefix(f"{where}: ")
        if len(self.first) < SHOWN:
            self.first.append(f"{where}: {told}")
        self._file.write(_line({"where": where, "problem": told, "row": row}))

    def lines(self) -> list[str]:
        """What to tell people at the end."""
        more = self.count - len(self.first)
        return [*self.first, *([f"... and {more:,} more"] if more else [])]


@contextmanager
def quarantine(path: Path) -> Iterator[Quarantine]:
    """A file for bad rows: there after the block, empty if all were good; after an error as it was.

    Raises:
        UserError: it cannot be written there.
        Interrupted: the disk is full.
    """
    with replaced(path) as temporary, temporary.open("wb") as file:
        yield Quarantine(file)


def holds_quarantine(path: Path) -> bool:
    """Whether a file is what an earlier quarantine left, or empty."""
    with opened(path) as file:
        first = file.readline(_FIRST_BYTES)
    return not first.strip() or first.startswith(b'{"where": ')


def _line(told: dict[str, object]) -> bytes:
    """JSON whatever the row holds: what JSON does not know stands as text."""
    try:
        return (json.dumps(told, ensure_ascii=False, allow_nan=False, default=str) + "\n").encode()
    except UnicodeEncodeError:  # half of a character; escaped, it can stand in a file
        return (json.dumps(told, default=str) + "\n").encode()
    except (ValueError, TypeError, RecursionError):  # NaN, keys that are no text, nested too deep
        return (json.dumps({**told, "row": repr(told["row"])}) + "\n").encode()
