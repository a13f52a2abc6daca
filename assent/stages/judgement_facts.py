"""Who judged, and what is odd about the judgements: counted and told, never silently mended."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from assent.data.batching import in_order
from assent.records import AI_ANNOTATOR, Comparison, Rating


def facts_of_comparisons(judged: Sequence[Comparison]) -> dict[str, Any]:
    """Counts over all judgements, learned from and held out.

    `duplicates`: rows that say what another row by the same annotator (or by nobody named) says of the same
    item. `contradictions`: items of which a named annotator said the opposite the next time.
    `identical_candidates`: items that cannot teach anything, all their candidates being the same text.
    `criteria`: by which people judged; "" where none is named.
    """
    aligned = [in_order(comparison) for comparison in judged]
    said = Counter(_statement(comparison) for comparison in aligned)
    ways: dict[Hashable, set[tuple[str, str]]] = {}
    for comparison in aligned:
        if comparison.annotator:
            ways.setdefault((comparison.annotator, _item(comparison)), set()).update(_wins(comparison))
    return _annotators([comparison.annotator for comparison in judged]) | {
        "judgements": len(judged),
        "items": len({_item(comparison) for comparison in aligned}),
        "duplicates": sum(count - 1 for count in said.values()),
        "contradictions": sum(any((b, a) in found for a, b in found) for found in ways.values()),
        "identical_candidates": len({_item(c) for c in aligned if len(set(c.candidates)) == 1}),
        "criteria": sorted({comparison.criterion for comparison in judged}),
    }


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


def _annotators(names: Sequence[str]) -> dict[str, Any]:
    counts = Counter(names)
    models = sum(count for name, count in counts.items() if name.startswith(AI_ANNOTATOR))
    return {
        "annotators": dict(sorted(counts.items())),  # "" where nobody is named
        "people": len(names) - models,
        "models": models,
    }


def _item(comparison: Comparison) -> Hashable:
    return comparison.item or comparison.prompt.text, comparison.candidates


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
