"""Names the likely cause when the numbers of a training say that something is wrong."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assent.training.ailments import AILMENTS, Ailment
from assent.training.signs import Past


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, since when, and what to do about it."""

    name: str
    step: int  # at which it first showed
    seen: str  # the numbers that told
    cause: str  # likely ones, the commonest first
    remedy: str
    severe: bool  # going on cannot give anything good

    def __str__(self) -> str:
        return (
            f"{self.name}, since step {self.step}: {self.seen}. "
            f"Likely cause: {self.cause}. What to do: {self.remedy}"
        )


class Doctor:
    """Follows a training step by step, and tells each ailment once.

    What it remembers does not grow with the run. It is no part of a checkpoint: give a resumed training's
    earlier rows to `see` first, and it knows what it knew.
    """

    def __init__(self) -> None:
        self._past = Past()
        self._told: set[str] = set()
        self._shown: dict[tuple[str, int], list[int]] = {}  # of each sign: [first step, steps in a row]

    def see(self, step: int, numbers: Mapping[str, float | None]) -> list[Diagnosis]:
        """What one more step shows that has not been told yet. A number that is not finite is not judged."""
        row = {name: x for name, x in numbers.items() if x is not None and math.isfinite(x)}
        self._past.add(row)
        found = []
        for ailment in AILMENTS:
            seen = None if ailment.name in self._told else self._seen(ailment, step, row)
            if seen is not None:
                self._told.add(ailment.name)
                found.append(seen)
        return found

    def _seen(self, ailment: Ailment, step: int, row: Mapping[str, float]) -> Diagnosis | None:
        for index, sign in enumerate(ailment.signs):
            if not row.keys() >= set(sign.needs):
                continue
            words, key = sign.shows(row, self._past), (ailment.name, index)
            if words is None:
                self._shown.pop(key, None)
                continue
            shown = self._shown.setdefault(key, [step, 0])
            shown[1] += 1
            if shown[1] >= sign.steps:
                return Diagnosis(ailment.name, shown[0], words, ailment.cause, ailment.remedy, ailment.severe)
        return None


def diagnose(rows: Iterable[Mapping[str, float | None]]) -> list[Diagnosis]:
    """Everything that the rows of a `metrics.jsonl` show, in the order in which it showed."""
    doctor = Doctor()
    found = [diagnosis for row in rows for diagnosis in doctor.see(int(row["step"] or 0), row)]
    return sorted(found, key=lambda diagnosis: diagnosis.step)
