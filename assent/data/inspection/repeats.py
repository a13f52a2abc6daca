"""Rows that say again what another row said, found by what texts hash to, never by keeping the texts."""

from array import array
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from assent.data.inspection.text_facts import Noted
from assent.records import Candidates, Comparison, Demonstration, Labelled, Prompt, Rating

Record = Prompt | Candidates | Demonstration | Comparison | Rating | Labelled


class Places:
    """Where each record stands: `file:line` in a dozen bytes."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._before, self._number = array("i"), array("q")

    def __len__(self) -> int:
        return len(self._number)

    def add(self, where: str) -> int:
        """The number of the record, for `[...]`."""
        before = where.rstrip("0123456789")
        number = where[len(before) :]
        self._before.append(self._known.setdefault(before, len(self._known)))
        self._number.append(int(number) if number else -1)
        return len(self._number) - 1

    def __getitem__(self, record: int) -> str:
        before = list(self._known)[self._before[record]]
        return before if self._number[record] < 0 else f"{before}{self._number[record]}"


class Repeats:
    """Which records were seen before, as they are and up to white space and case."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._rows, self._exact, self._folded = array("q"), array("q"), array("q")

    def add(self, row: int, exact: int, folded: int) -> None:
        self._rows.append(row)
        self._exact.append(exact)
        self._folded.append(folded)

    def facts(self) -> dict[str, Any]:
        """`exact`: rows that repeat an earlier one; `folded`: further rows that do but for case and space.

        Each with the first such row, and the one that it repeats.
        """
        exact, folded = (_before(column) for column in (self._exact, self._folded))
        rows = np.arange(len(exact))
        return {
            "exact": self._told(exact, exact != rows),
            "folded": self._told(folded, (folded != rows) & (exact == rows)),
        }

    def _told(self, before: np.ndarray, repeats: np.ndarray) -> dict[str, Any]:
        if not repeats.any():
            return {"count": 0, "example": None, "of": None}
        first = int(np.flatnonzero(repeats)[0])
        return {
            "count": int(repeats.sum()),
            "example": self._places[self._rows[first]],
            "of": self._places[self._rows[int(before[first])]],
        }


def _before(column: "array[int]") -> np.ndarray:
    """The first row with the same number, of each row."""
    _, first, inverse = np.unique(np.array(column, dtype=np.int64), return_index=True, return_inverse=True)
    return first[inverse]


class Prompts:
    """How many different prompts there are, and which stand in other files too."""

    def __init__(self, others: dict[str, dict[int, str]]) -> None:
        self._others = others  # file -> what its prompts hash to -> where the first such stands
        self._shared = {name: Noted() for name in others}
        self._texts: dict[str, tuple[str, str]] = {}  # file -> (text, where there) of the first shared
        self._found: dict[str, set[int]] = {name: set() for name in others}
        self._hashes = array("q")

    def add(self, where: str, text: str, folded: str) -> None:
        key = hash(folded)
        self._hashes.append(key)
        for name, known in self._others.items():
            if key in known and folded:
                self._shared[name].add(where)
                self._found[name].add(key)
                self._texts.setdefault(name, (text, known[key]))

    def different(self) -> int:
        return len(np.unique(np.array(self._hashes, dtype=np.int64)))

    def against(self) -> list[dict[str, Any]]:
        """Of each other file: how many prompts it has, how many of them stand here, and in how many rows."""
        return [
            {
                "file": name,
                "prompts": len(known),
                "shared": len(self._found[name]),
                "rows": self._shared[name].count,
                "example": self._shared[name].example or None,
                "there": self._texts.get(name, ("", ""))[1] or None,
                "text": self._texts.get(name, ("", ""))[0] or None,
            }
            for name, known in self._others.items()
        ]


def asked_text(record: Record) -> str:
    """What tells one prompt from another: a chat's every message but the system's, or the one text."""
    if isinstance(record, Labelled):
        return record.text
    prompt = record if isinstance(record, Prompt) else record.prompt
    said = [message["content"] for message in prompt.messages if message["role"] != "system"]
    return "\n\n".join(said) if said else prompt.text


def statement(record: Record, text: Callable[[str], str]) -> int:
    """What a record says, as a number: two that say the same share it, whatever the order of candidates.

    What another annotator says as well is said anew; whoever has no name is taken for one person.

    Args:
        text: what counts of a text: itself, or itself without case and white space.
    """
    asked = text(asked_text(record)), _system(record)
    if isinstance(record, Labelled):
        return hash((asked, tuple(sorted(record.labels))))
    if isinstance(record, Prompt):
        return hash((asked,))
    if isinstance(record, Demonstration):
        return hash((asked, text(record.response)))
    if isinstance(record, Rating):
        number = record.value, record.scale
        return hash((asked, text(record.response), record.criterion, record.annotator, number))
    if isinstance(record, Candidates):
        return hash((asked, tuple(sorted(map(text, record.texts)))))
    return hash((asked, *_judged(record, [text(candidate) for candidate in record.candidates])))


def _system(record: Record) -> tuple[str, ...]:
    """What the system says: it makes another prompt of the same question, though not an unseen one."""
    if isinstance(record, Labelled):
        return ()
    prompt = record if isinstance(record, Prompt) else record.prompt
    return tuple(message["content"] for message in prompt.messages if message["role"] == "system")


def _judged(comparison: Comparison, texts: list[str]) -> tuple[Hashable, ...]:
    """A judgement, with candidates named by their texts."""
    who = comparison.annotator, comparison.criterion
    choice = None if comparison.choice is None else texts[comparison.choice]
    ranking = tuple(texts[index] for index in comparison.ranking)
    pairs = frozenset(
        (frozenset((texts[left], texts[right])), None if winner is None else texts[winner])
        for left, right, winner in comparison.pairs
    )
    return who, tuple(sorted(texts)), choice, ranking, pairs
