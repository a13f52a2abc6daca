"""How deep JSON nests and how long its rows are, found out before a parser builds any of it.

A parser keeps the way to where it is: a file of a hundred thousand `[` takes gigabytes, and a value that
comes in many pieces is copied once a piece.
"""

import re
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

from assent.data.files.streams import LONGEST_LINE_BYTES
from assent.errors import UserError

DEEPEST = 200  # lists and objects within each other; judgements have five

# A whole text, or the quotation mark of one whose end is not there yet, which stays.
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|(").*', re.DOTALL)
_STEPS = tuple({ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}.get(byte, 0) for byte in range(256))
_OTHERS = bytes(set(range(256)) - set(b'[]{},"'))


def too_deep(text: bytes) -> bool:
    """Whether a row of JSON nests deeper than DEEPEST. Two counts for nearly every row there is."""
    if text.count(b"[") + text.count(b"{") <= DEEPEST:
        return False
    marks = _TEXT.sub(b"", text).translate(None, _OTHERS)
    return max(accumulate(map(_STEPS.__getitem__, marks), initial=0)) > DEEPEST


class Bounded:
    """A file of JSON, each piece of which is looked through before the parser gets it.

    Args:
        read: of the file.
        rows_in: how many lists and objects each row stands in; None where no rows are read yet, and only the
            length of one value is bounded.
        behind: where the parser is, for messages.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        path: Path,
        rows_in: int | None,
        behind: Callable[[], str] = str,
    ) -> None:
        self._read, self._path, self._behind = read, path, behind
        self._rows_in = DEEPEST if rows_in is None else rows_in
        self._depth = 0
        self._open = b""  # how a text began that goes on in the next piece: `"`, or `"\\`
        self._bytes = 0  # since a row, or else a value, was over

    def read(self, size: int = -1) -> bytes:
        """
        Raises:
            UserError: naming the file, and the row behind which it nests too deep, or one is too long.
        """
        piece = self._read(size)
        self._look(piece)
        return piece

    def _look(self, piece: bytes) -> None:
        text = self._open + piece
        marks = _TEXT.sub(rb"\1", text).translate(None, _OTHERS)
        self._open = b""
        if marks.endswith(b'"'):
            half = (len(text) - len(text.rstrip(b"\\"))) % 2  # of a character such as \n
            self._open = b'"' + b"\\" * half
        depths = list(accumulate(map(_STEPS.__getitem__, marks.rstrip(b'"')), initial=self._depth))
        if max(depths) > DEEPEST:
            raise self._refused(f"lists and objects nested more than {DEEPEST} deep")
        over = min(depths[1:], default=DEEPEST + 1) <= self._rows_in
        self._depth, self._bytes = depths[-1], 0 if over else self._bytes + len(piece)
        if self._bytes > LONGEST_LINE_BYTES:
            raise self._refused(f"a row of more than {LONGEST_LINE_BYTES >> 20} MiB")

    def _refused(self, what: str) -> UserError:
        return UserError(f"{self._path}: {what}{self._behind()}")
