"""What a file of judgements holds, counted as it streams by: choices, ratings, labels."""

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from assent.data.inspection.agreement import Choices, Columns, Ratings, people_with_models
from assent.data.inspection.repeats import Places
from assent.data.inspection.text_facts import Noted, Text
from assent.functional.agreement import Level
from assent.functional.shares import wilson_interval
from assent.records import AI_ANNOTATOR, Comparison, Labelled, Rating

SHOWN_ANNOTATORS = 10
BARS = 10  # of a histogram of more values than twice as many
# Silent reading: 238 words a minute in English, 255 characters in Chinese (Brysbaert 2019, Journal of Memory
# and Language 109). Four times as fast, or within a second, is not reading.
WORDS_A_SECOND = 16.0
SECONDS_AT_LEAST = 1.0


class ComparisonCounts:
    """Choices by position, by length and by annotator; times; agreement."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._votes = Choices()
        self._items, self._candidates, self._annotators = array("q"), Counter[int](), Counter[str]()
        self._criteria, self._ties, self._identical = Counter[str](), 0, Noted()
        self._positions: dict[int, Counter[int]] = {}  # by K: how often each place won
        self._pairs, self._longer = Counter[str](), Counter[str]()
        self._strengths, self._seconds, self._fast = array("d"), array("d"), Noted()

    def add(self, row: int, comparison: Comparison, texts: Sequence[Text], ordered: bool) -> None:
        """Count a judgement.

        Args:
            texts: its prompt, and its candidates.
            ordered: the candidates stand as they were shown, not the chosen first.
        """
        where = self._places[row]
        self._items.append(self._votes.add(row, comparison))
        self._candidates[len(comparison.candidates)] += 1
        self._annotators[comparison.annotator] += 1
        self._criteria[comparison.criterion] += 1
        if len(set(comparison.candidates)) == 1:
            self._identical.add(where)
        self._count_choice(comparison, texts[1:], ordered)
        if comparison.strength is not None:
            self._strengths.append(comparison.strength)
        if comparison.seconds is not None:
            self._seconds.append(comparison.seconds)
            words = sum(text.words for text in texts)
            if comparison.seconds < max(SECONDS_AT_LEAST, words / WORDS_A_SECOND):
                self._fast.add(where)

    def _count_choice(self, comparison: Comparison, texts: Sequence[Text], ordered: bool) -> None:
        count, choice = len(texts), comparison.choice
        self._ties += len(comparison.best) == count
        if ordered and choice is not None:
            self._positions.setdefault(count, Counter())[choice] += 1
        for left, right, winner in comparison.pairwise:
            if comparison.pairs and count > 2:
                self._pairs["tie" if winner is None else "first" if winner == left else "second"] += 1
            if winner is not None and len(texts[left].text) != len(texts[right].text):
                loser = left + right - winner
                self._longer["longer" if len(texts[winner].text) > len(texts[loser].text) else "shorter"] += 1

    def facts(self) -> dict[str, Any] | None:
        rows = len(self._items)
        if not rows:
            return None
        votes = self._votes.columns()
        items, judgements = np.unique(np.array(self._items, dtype=np.int64), return_counts=True)
        spread = Counter(judgements.tolist())
        decided = self._longer.total()
        return {
            "judgements": rows,
            "items": len(items),
            "judgements_an_item": dict(sorted(spread.items())),
            "candidates": dict(sorted(self._candidates.items())),
            "criteria": dict(self._criteria),
            "ties": self._ties,
            "positions": [_position(k, won) for k, won in sorted(self._positions.items())],
            "pairs": _pairs(self._pairs, len(items)),
            "longer_wins": _share(self._longer["longer"], decided, min(decided, len(items))),
            **_annotators(self._annotators),
            "strength": _quantiles(self._strengths),
            "seconds": _quantiles(self._seconds),
            "too_fast": self._fast.facts(),
            "identical_candidates": self._identical.facts(),
            "contradictions": self._rows(votes.contradictions()),
            "disagreements": self._rows(votes.disagreements()),
            "agreement": _agreement(votes, "nominal"),
        }

    def _rows(self, rows: np.ndarray) -> dict[str, Any]:
        return {"count": len(rows), "example": self._places[int(rows[0])] if len(rows) else None}


class RatingCounts:
    """Ratings by criterion."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._by_criterion: dict[str, Ratings] = {}
        self._scales: dict[str, Counter[tuple[float, float]]] = {}
        self._values: dict[str, Counter[float]] = {}
        self._annotators = Counter[str]()

    def add(self, row: int, rating: Rating) -> None:
        name = rating.criterion
        self._by_criterion.setdefault(name, Ratings()).add(row, rating)
        self._scales.setdefault(name, Counter())[rating.scale] += 1
        self._values.setdefault(name, Counter())[rating.value] += 1
        self._annotators[rating.annotator] += 1

    def facts(self) -> dict[str, Any] | None:
        if not self._values:
            return None
        contradicted = [
            int(row) for each in self._by_criterion.values() for row in each.columns().contradictions()
        ]
        return {
            "ratings": self._annotators.total(),
            "criteria": {name: self._criterion(name) for name in self._values},
            **_annotators(self._annotators),
            "contradictions": {
                "count": len(contradicted),
                "example": self._places[min(contradicted)] if contradicted else None,
            },
        }

    def _criterion(self, name: str) -> dict[str, Any]:
        values, votes = self._values[name], self._by_criterion[name].columns()
        return {
            "ratings": values.total(),
            "answers": len(np.unique(votes.items)),
            "scales": [list(scale) for scale, _ in self._scales[name].most_common()],
            "mean": None if len(self._scales[name]) > 1 else _mean(values),
            "histogram": _histogram(values),
            "agreement": _agreement(votes, "interval"),
        }


class LabelCounts:
    """Texts by label."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._labels, self._several = Counter[str](), Counter[int]()
        self._texts, self._said, self._rows = array("q"), array("q"), array("q")

    def add(self, row: int, labelled: Labelled) -> None:
        self._labels.update(labelled.labels)
        self._several[len(labelled.labels)] += 1
        self._texts.append(hash(labelled.text))
        self._said.append(hash(tuple(sorted(labelled.labels))))
        self._rows.append(row)

    def facts(self) -> dict[str, Any] | None:
        if not self._labels:
            return None
        return {
            "texts": self._several.total(),
            "labels": dict(self._labels.most_common()),
            "labels_a_text": dict(sorted(self._several.items())),
            "labelled_differently": self._differently(),
        }

    def _differently(self) -> dict[str, Any]:
        """Rows whose labels are others than those of the first row with the same text."""
        said = np.array(self._said, dtype=np.int64)
        _, first, text = np.unique(np.array(self._texts), return_index=True, return_inverse=True)
        odd = np.flatnonzero(said != said[first][text])
        example = self._places[self._rows[int(odd[0])]] if len(odd) else None
        return {"count": len(odd), "example": example}


def _agreement(votes: Columns, level: Level) -> dict[str, Any]:
    """Among people and among models, where there are both; and between the two."""
    both = bool(votes.by_model.any()) and not votes.by_model.all()
    people = votes.of(~votes.by_model) if both else votes
    facts: dict[str, Any] = {"named": bool(votes.named.all()) and len(votes.named) > 0}
    facts["among"] = "models" if len(votes.by_model) and votes.by_model.all() else "people"
    facts |= people.agreement(level)
    if both:
        facts["models"] = votes.of(votes.by_model).agreement(level)
        facts["people_with_models"] = people_with_models(votes)
    return facts


def _annotators(counts: Counter[str]) -> dict[str, Any]:
    models = sum(count for name, count in counts.items() if name.startswith(AI_ANNOTATOR))
    named = {name: count for name, count in counts.most_common() if name}
    return {
        "annotators": len(named),
        "by_annotator": dict(list(named.items())[:SHOWN_ANNOTATORS]),
        "unnamed": counts[""],
        "by_people": counts.total() - models,
        "by_models": models,
    }


def _position(count: int, won: Counter[int]) -> dict[str, Any]:
    """How often each position won, and whether chance explains the first one's share."""
    total = won.total()
    first = _share(won[0], total, total)
    assert first is not None
    return {
        "candidates": count,
        "wins": [won[place] for place in range(count)],
        "first": first,
        "expected": 1 / count,
        "biased": not first["low"] <= 1 / count <= first["high"],
    }


def _pairs(counts: Counter[str], items: int) -> dict[str, Any] | None:
    """Of pairs of several candidates: the one named first, the second, or neither."""
    if not counts:
        return None
    decided = counts["first"] + counts["second"]
    return {
        "first": counts["first"],
        "second": counts["second"],
        "ties": counts["tie"],
        "first_wins": _share(counts["first"], decided, min(decided, items)),
    }


def _share(found: int, total: int, independent: int) -> dict[str, float] | None:
    """A share with Wilson's interval, as of `independent` trials: the pairs of one item are not."""
    if not total:
        return None
    low, high = wilson_interval(found / total * independent, independent)
    return {"count": found, "of": total, "share": found / total, "low": low, "high": high}


def _quantiles(values: "array[float]") -> dict[str, float] | None:
    if not len(values):
        return None
    numbers = np.array(values)
    least, median, most, greatest = (float(x) for x in np.quantile(numbers, [0, 0.5, 0.95, 1]))
    return {"count": len(numbers), "min": least, "median": median, "p95": most, "max": greatest}


def _mean(values: Counter[float]) -> float:
    return sum(value * count for value, count in values.items()) / values.total()


def _histogram(values: Counter[float]) -> list[dict[str, float]]:
    """[{from, to, count}]: a bar for each value, or for each of equal parts where there are many values."""
    if len(values) <= 2 * BARS:
        return [{"from": value, "to": value, "count": values[value]} for value in sorted(values)]
    known = np.array(sorted(values))
    counts, edges = np.histogram(known, BARS, weights=[values[value] for value in known])
    return [
        {"from": float(low), "to": float(high), "count": int(count)}
        for low, high, count in zip(edges, edges[1:], counts, strict=True)
    ]
