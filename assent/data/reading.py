"""One way to read any record from any source: container -> dialect -> parser."""

from collections.abc import Iterator
from typing import TypeVar

from assent.data.containers import OnBad
from assent.records import Candidates, Comparison, Demonstration, Labelled, Prompt, Rating

Record = Prompt | Candidates | Demonstration | Comparison | Rating | Labelled
R = TypeVar("R", Prompt, Candidates, Demonstration, Comparison, Rating, Labelled)


def records(source: str, kind: type[R], dialect: str | None = None, bad: OnBad | None = None) -> Iterator[R]:
    """Every record of a source, as a stream.

    Args:
        kind: what is wanted. Prompts can be read from any file that has prompts.
        dialect: its name, where rows do not tell by their keys.
        bad: told of each row that cannot be read, and reading goes on; without it the first is an error.

    Raises:
        UserError: naming file, line and key; a source that gives no row at all.
    """
    raise NotImplementedError
