"""The frozen judgements of a run, counted: how many, of what, by whom, and when."""

import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from assent.errors import UserError

FILE = "judgements.jsonl"  # of an annotate stage

Row = Mapping[str, Any]


def counted(path: Path) -> dict[str, Any]:
    """What a frozen file tells of the judging; a figure is None where no row tells it.

    `annotators`: judgements by name, the busiest first, "" being those of nobody named; empty where all
    are. `ties`: None where nothing was chosen between. A rating by several criteria, or of several
    answers, stands in several rows and counts once.

    Raises:
        UserError: a line is no row.
    """
    seen = _Seen()
    for row in _rows(path):
        seen.add(row, row.get("meta") or {})
    busiest = sorted(seen.annotators.items(), key=lambda one: (-one[1], one[0]))
    return {
        "judgements": seen.judgements,
        "items": len(seen.items),
        "annotators": dict(busiest) if any(seen.annotators) else {},
        "ties": seen.ties if seen.choices else None,
        "median_seconds": median(seen.seconds) if seen.seconds else None,
        "first": seen.moments[0].isoformat() if seen.moments else None,
        "last": seen.moments[-1].isoformat() if seen.moments else None,
    }


@dataclass
class _Seen:
    """What was counted so far. Items by their hashes: the texts of a million would be gigabytes."""

    judgements: int = 0
    items: set[int] = field(default_factory=set)
    annotators: Counter[str] = field(default_factory=Counter)
    choices: int = 0
    ties: int = 0
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    moments: list[datetime] = field(default_factory=list)  # the first and the last
    judgement: str | None = None  # the row's before

    def add(self, row: Row, meta: Row) -> None:
        judgement = meta.get("judgement")
        if judgement is not None and judgement == self.judgement:
            return
        self.judgement = judgement
        self.judgements += 1
        self.items.add(_item(row, meta))
        self.annotators[meta.get("annotator") or row.get("author") or ""] += 1
        self.choices += "choice" in row
        self.ties += _is_tie(row)
        if isinstance(meta.get("seconds"), int | float):
            self.seconds.append(meta["seconds"])
        moment = _moment(meta.get("at"))
        if moment is not None:
            ends = [*self.moments, moment]
            self.moments = [min(ends), max(ends)]


def _rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            row = _read(line)
            if not isinstance(row, dict):
                raise UserError(f"{path}:{number}: damaged: expected a row; delete its folder and run again")
            yield row


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _item(row: Row, meta: Row) -> int:
    """An item is its name, or its prompt, with its candidates, in whatever order they stand."""
    name = meta.get("item") or json.dumps(row.get("input_text") or row.get("messages"))
    return hash((name, *sorted(text for key, text in row.items() if key.startswith("candidate_"))))


def _is_tie(row: Row) -> bool:
    return "choice" in row and row["choice"] is None and not row.get("ranking") and not row.get("pairs")


def _moment(text: Any) -> datetime | None:
    """A time of day, where it says in which zone; rows of other makers may hold anything there."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None
