"""What the app is given by whoever starts it: formats of files, and models to talk to.

The app knows no file formats and no models; `assent/tools/` hands them in as functions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from assent.records import Candidates, Comparison, Demonstration, Prompt, Rating


@dataclass(frozen=True, slots=True)
class Undecided:
    """Somebody saw the candidates and named no winner, which is no tie. Training never reads one of these."""

    candidates: Candidates  # of whose prompt the meta tells who judged and when
    choice: Literal["both_bad", "cannot_judge"]


Record = Prompt | Candidates | Demonstration | Comparison | Rating | Undecided
Read = Callable[[str], Iterator[Record]]  # path -> records; raises UserError with file and line
Row = Callable[
    [Any], Mapping[str, Any]
]  # a record -> one row of a format; raises UserError where it cannot be
Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Services:
    """Functions of other rooms."""

    read: Read  # items and judgements, of whatever format
    rows: Mapping[str, Row] = field(default_factory=dict)  # by the format's name, to write
    lines: Callable[[Iterable[Mapping[str, Any]]], Iterator[str]] | None = None  # rows -> JSON lines
    talk: Mapping[str, Callable[[Messages, int], str]] = field(
        default_factory=dict
    )  # policies: (chat, seed) -> answer
