"""Who agrees with whom: the votes of a file as columns of numbers, a few bytes each."""

from array import array
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from assent.functional.agreement import (
    Level,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)
from assent.records import AI_ANNOTATOR, Comparison, Rating, in_full

TIE = 15
_BITS = 4  # of a place in an order of up to 15 candidates


class Names:
    """Names as small numbers."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def number(self, name: str) -> int:
        return self.known.setdefault(name, len(self.known))


class Choices:
    """What each judgement said of each pair of candidates, or of the best of several.

    Judgements of one item share its name (or, without one, its prompt) and its candidates in any order.
    Candidates are named by their places in alphabetical order, so that the votes of people who saw them in
    another order align; the places are turned back to the order in which the item first stood in the file.
    """

    def __init__(self) -> None:
        self.annotators = Names()
        self._items, self._units, self._orders = array("q"), array("q"), array("q")
        self._who, self._rows, self._said = array("i"), array("q"), array("b")

    def add(self, row: int, comparison: Comparison) -> int:
        """Keep a judgement; `row` numbers it. What is returned tells its item from others."""
        texts = comparison.candidates
        order = sorted(range(len(texts)), key=texts.__getitem__)
        place = {index: position for position, index in enumerate(order)}
        item = hash((comparison.item or in_full(comparison.prompt.text), *(texts[index] for index in order)))
        who = self.annotators.number(comparison.annotator)
        if 2 < len(texts) <= TIE and not comparison.ranking and not comparison.pairs:
            best = TIE if comparison.choice is None else place[comparison.choice]
            seen = _code([place[k] for k in range(len(texts))])
            self._append(row, item, (comparison.criterion,), who, best, seen)
            return item
        for left, right, winner in comparison.pairwise:
            if texts[left] != texts[right]:
                a, b = sorted((place[left], place[right]))
                said = TIE if winner is None else int(place[winner] == b)
                seen = _code([int(place[k] == b) for k in sorted((left, right))])
                self._append(row, item, (comparison.criterion, a, b), who, said, seen)
        return item

    def _append(self, row: int, item: int, unit: tuple[Any, ...], who: int, said: int, order: int) -> None:
        self._rows.append(row)
        self._items.append(item)
        self._units.append(hash((item, *unit)))
        self._who.append(who)
        self._said.append(said)
        self._orders.append(order)

    def columns(self) -> "Columns":
        """Whole, and in the order in which each item first stood."""
        arrays = (self._items, self._units, self._who, self._rows, self._said, self._orders)
        items, units, who, rows, said, orders = (np.array(column, dtype=np.int64) for column in arrays)
        if not len(units):
            return Columns(items, units, who, rows, said, [*self.annotators.known])
        unit, first = _numbered(units)
        turned = (orders[first][unit] >> (_BITS * np.minimum(said, TIE - 1))) & TIE
        return Columns(
            _numbered(items)[0], unit, who, rows, np.where(said == TIE, TIE, turned), [*self.annotators.known]
        )


class Columns:
    """Votes, one entry a vote: which item and unit, who, in which row, and what was said."""

    def __init__(
        self,
        items: np.ndarray,
        units: np.ndarray,
        who: np.ndarray,
        rows: np.ndarray,
        said: np.ndarray,
        annotators: Sequence[str],
    ) -> None:
        self.items, self.units, self.who, self.rows, self.said = items, units, who, rows, said
        self.annotators = annotators
        named = np.array([bool(name) for name in annotators], dtype=bool)
        self.named = named[who] if len(who) else np.zeros(0, dtype=bool)
        models = np.array([name.startswith(AI_ANNOTATOR) for name in annotators], dtype=bool)
        self.by_model = models[who] if len(who) else np.zeros(0, dtype=bool)

    def of(self, kept: np.ndarray) -> "Columns":
        parts = (self.items, self.units, self.who, self.rows, self.said)
        return Columns(*(part[kept] for part in parts), annotators=self.annotators)

    def once(self) -> "Columns":
        """The first vote of each named annotator on each unit; whoever has no name may be somebody else."""
        key = np.where(self.named, _paired(self.units, self.who), -1 - np.arange(len(self.who)))
        return self.of(np.sort(np.unique(key, return_index=True)[1]))

    def contradictions(self) -> np.ndarray:
        """The first row at odds with an earlier one by the same person, of each (person, item)."""
        return self.of(self.named)._odd(_paired(self.units, self.who)[self.named])

    def disagreements(self) -> np.ndarray:
        """The first row at odds with somebody else's, of each item."""
        return self.once()._odd(None)

    def _odd(self, groups: np.ndarray | None) -> np.ndarray:
        """One row of each item (and annotator, if groups tell them apart) with two opposite votes."""
        group = self.units if groups is None else groups
        won = self.said != TIE
        group, said, rows = group[won], self.said[won], self.rows[won]
        _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
        odd = said != said[first][inverse]
        whose = self.items[won] if groups is None else _paired(self.items, self.who)[won]
        _, places = np.unique(whose[odd], return_index=True)
        return np.sort(rows[odd][places])

    def agreement(self, level: Level) -> dict[str, Any]:
        """Percent agreement, kappas and alpha over `said`, each annotator once a unit."""
        told = self.once()
        given = told.units, told.said
        facts = {
            "percent": asdict(percent_agreement(*given, told.items)),
            "alpha": asdict(krippendorff_alpha(*given, level, told.items)) | {"level": level},
        }
        if level == "nominal":
            facts["fleiss_kappa"] = asdict(fleiss_kappa(*given, told.items))
        return facts | told._cohen(level)

    def _cohen(self, level: Level) -> dict[str, Any]:
        """Where exactly two people, both named, judge the same units."""
        _, unit, sizes = np.unique(self.units, return_inverse=True, return_counts=True)
        shared = self.of(sizes[unit] >= 2) if len(unit) else self
        people = np.unique(shared.who)
        if len(people) != 2 or not shared.named.all():
            return {}
        by_unit = np.lexsort((shared.who, shared.units))
        first, second = shared.said[by_unit][::2], shared.said[by_unit][1::2]
        weights = "none" if level == "nominal" else "quadratic"
        found = asdict(cohen_kappa(first, second, weights, shared.items[by_unit][::2]))
        return {"cohen_kappa": found | {"between": [self.annotators[who] for who in people]}}


def people_with_models(votes: Columns) -> dict[str, Any] | None:
    """The share of pairs of a person's and a model's vote on one unit that say the same; None of none."""
    told = votes.once()
    _, unit = np.unique(told.units, return_inverse=True)
    if not len(unit):
        return None
    width = int(told.said.max()) + 1
    cells = unit * width + told.said
    size = (int(unit.max()) + 1) * width
    people, models = (
        np.bincount(cells[who], minlength=size).reshape(-1, width) for who in (~told.by_model, told.by_model)
    )
    pairs = people.sum(axis=1) * models.sum(axis=1)
    if not pairs.sum():
        return None
    agreed = (people * models).sum(axis=1)[pairs > 0] / pairs[pairs > 0]
    return {"percent": float(agreed.mean()), "units": len(agreed)}


class Ratings:
    """What each rating gave which answer by which criterion, on the unit scale."""

    def __init__(self) -> None:
        self.annotators = Names()
        self._items, self._values = array("q"), array("d")
        self._who, self._rows = array("i"), array("q")

    def add(self, row: int, rating: Rating) -> None:
        lowest, highest = rating.scale
        self._rows.append(row)
        self._items.append(hash((in_full(rating.prompt.text), rating.response)))
        self._who.append(self.annotators.number(rating.annotator))
        self._values.append((rating.value - lowest) / (highest - lowest))

    def columns(self) -> Columns:
        items, who, rows = (np.array(each, dtype=np.int64) for each in (self._items, self._who, self._rows))
        answers, _ = _numbered(items)
        return Columns(answers, answers, who, rows, np.array(self._values), [*self.annotators.known])


def _numbered(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Each one's number, in the order of first appearance; where each number appears first).

    Hashes of texts differ from process to process, and sums must not.
    """
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return number[inverse], first[order]


def _code(places: Sequence[int]) -> int:
    """An order as one number: at 4 bits each, where the candidates, in alphabetical order, stood."""
    stood = {place: position for position, place in enumerate(places)}
    return sum(stood[place] << (_BITS * place) for place in range(len(stood)))


def _paired(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One number for each pair of values."""
    if not len(first):
        return np.zeros(0, dtype=np.int64)
    _, a = np.unique(first, return_inverse=True)
    return a * (int(second.max()) + 1) + second
