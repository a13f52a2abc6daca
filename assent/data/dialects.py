"""The formats in which people have prompts, answers and judgements: one entry each, told apart by keys.

A dialect turns a row of its own into rows of this package's format of the same noun, which the parsers in
data/sources.py, ratings.py and labelled.py check key by key. Our own formats are dialects as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from assent.data.containers import Row

Noun = Literal["prompts", "candidates", "demonstrations", "comparisons", "ratings", "labelled"]


@dataclass(frozen=True)
class Dialect:
    """One known format."""

    name: str  # as `assent convert --from` and `--to` take it
    noun: Noun
    example: str  # a row, for documents and errors
    recognises: Callable[[Row], bool]  # by its keys and their types, never by guessing at values
    translate: Callable[[Row, str], list[Row]]  # (row, where) -> rows of our own format


DIALECTS: tuple[Dialect, ...] = ()


def dialect_of(row: Row, where: str, noun: Noun | None = None) -> Dialect:
    """The one format that a row is in; with `noun`, among those that hold such records.

    Raises:
        UserError: none fits: naming the keys found, what was expected, and how to rename columns.
    """
    raise NotImplementedError
