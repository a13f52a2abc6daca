"""Who judged, and what is odd about rows that are learned from: counted and told, never silently mended."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from assent.data.batching import in_order
from assent.data.inspection.repeats import statement
from assent.records import AI_ANNOTATOR, Comparison, Demonstration, Prompt, Rating, in_full


def facts_of_comparisons(judged: Sequence[Comparison]) -> dict[str, Any]:
    """Counts over all judgements, learned from and held out.

    `duplicates`: rows that say what another row by the same annotator (or by nobody named) says of the same
    item. `contradictions`: items of which a named annotator said the opposite the next time.
    `identical_candidates`: items that cannot teach anything, all their candidates being the same text.
    `criteria`: by which people judged; "" where none is named.
    """
    seen = _Seen()
    for comparison in map(in_order, judged):
        seen.add(comparison)
    return _annotators([comparison.annotator for comparison in judged]) | {
        "judgements": len(judged),
        "items": len(seen.items),
        "duplicates": len(judged) - len(seen.statements),
        "contradictions": sum(any((b, a) in found for a, b in found) for found in seen.ways(judged)),
        "identical_candidates": len(seen.identical),
        "criteria": sorted({comparison.criterion for comparison in judged}),
    }


@dataclass
class _Seen:
    """What was said so far, by hashes: texts of a million judgements would be gigabytes."""

    items: set[int] = field(default_factory=set)
    identical: set[int] = field(default_factory=set)  # items whose candidates are all the same
    statements: set[int] = field(default_factory=set)
    firsts: dict[int, int] = field(default_factory=dict)  # (annotator, item) -> which judgement came first
    again: dict[int, list[int]] = field(default_factory=dict)  # the same where there are several
    count: int = 0

    def add(self, comparison: Comparison) -> None:
        """One more, its candidates in order."""
        item = hash(_item(comparison))
        self.items.add(item)
        self.statements.add(hash(_statement(comparison)))
        texts = len(set(comparison.candidates))
        if texts == 1:
            self.identical.add(item)
        if comparison.annotator:
            key = hash((comparison.annotator, item))
            first = self.firsts.setdefault(key, self.count)
            # A ranking that puts one text in two places may contradict itself.
            if first != self.count or texts < len(comparison.candidates):
                self.again.setdefault(key, [first]).append(self.count)
        self.count += 1

    def ways(self, judged: Sequence[Comparison]) -> Iterator[set[tuple[str, str]]]:
        """For each annotator and item that may be contradicted: who was said to be better than whom."""
        for numbers in self.again.values():
            yield {pair for number in numbers for pair in _wins(judged[number])}


def facts_of_ratings(rated: Sequence[Rating]) -> dict[str, Any]:
    """The same of ratings; a contradiction is another number for the same answer and criterion."""
    said = Counter((_rated(rating), rating.annotator, rating.value, rating.scale) for rating in rated)
    ways: dict[Hashable, set[float]] = {}
    for rating in rated:
        if rating.annotator:
            ways.setdefault((rating.annotator, _rated(rating)), set()).add(rating.value)
    return _annotators([rating.annotator for rating in rated]) | {
        "judgements": len(rated),
        "items": len({(rating.prompt.text, rating.response) for rating in rated}),
        "duplicates": sum(count - 1 for count in said.values()),
        "contradictions": sum(len(found) > 1 for found in ways.values()),
        "identical_candidates": 0,
    }


def tell(facts: dict[str, Any], source: str, where: str, warn: Callable[[str], None]) -> None:
    """What a person should look at before believing the model."""
    if facts["people"] and facts["models"]:
        warn(
            f"{where}: {source} mixes {facts['people']} judgements of people with {facts['models']} of "
            f"models ({AI_ANNOTATOR}...): the reward learns from both alike"
        )
    if len(facts.get("criteria", ())) > 1:
        named = ", ".join(name or "none named" for name in facts["criteria"])
        warn(
            f"{where}: {source} holds judgements by several criteria ({named}): of one item they count as "
            "votes for the same thing; give each a file, and a reward, of its own to tell them apart"
        )
    sayings = {
        "contradictions": "items of which one annotator said the opposite at another time",
        "duplicates": "rows that repeat another row",
        "identical_candidates": "items whose candidates are all the same text: they teach nothing",
    }
    odd = [f"{name} {facts[name]} ({says})" for name, says in sayings.items() if facts[name]]
    if odd:
        warn(f"{where}: in {source}: {'; '.join(odd)}")


def tell_repeats(
    rows: Sequence[Demonstration | Prompt], source: str, where: str, warn: Callable[[str], None]
) -> None:
    """Demonstrations, or prompts, that another row repeats: they count more than the others."""
    repeated = len(rows) - len({statement(row, str) for row in rows})
    if repeated:
        warn(
            f"{where}: in {source}: {repeated:,} of {len(rows):,} rows repeat another row; "
            f"`assent inspect {source}` names them"
        )


def _annotators(names: Sequence[str]) -> dict[str, Any]:
    counts = Counter(names)
    models = sum(count for name, count in counts.items() if name.startswith(AI_ANNOTATOR))
    return {
        "annotators": dict(sorted(counts.items())),  # "" where nobody is named
        "people": len(names) - models,
        "models": models,
    }


def _item(comparison: Comparison) -> Hashable:
    return comparison.item or in_full(comparison.prompt.text), comparison.candidates


def _statement(comparison: Comparison) -> Hashable:
    which = _item(comparison), comparison.annotator, comparison.criterion
    return which, comparison.choice, comparison.ranking, tuple(sorted(comparison.pairs, key=repr))


def _wins(comparison: Comparison) -> set[tuple[str, str]]:
    """(winner's text, loser's text) of each decided pair, the criterion with them."""
    texts = [f"{comparison.criterion}\n{text}" for text in comparison.candidates]
    decided = [(left, right, winner) for left, right, winner in comparison.pairwise if winner is not None]
    return {
        (texts[winner], texts[left + right - winner])
        for left, right, winner in decided
        if texts[left] != texts[right]
    }


def _rated(rating: Rating) -> Hashable:
    return rating.prompt.text, rating.response, rating.criterion
