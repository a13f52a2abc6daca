"""How often a reward agrees with people: over all, and where it matters who judged and how."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from assent.evaluation.scored import Decision, Pair, accuracy, best_of, is_model, item, words
from assent.records import Comparison

BINS = 4  # of the length difference
FEWEST = 20  # pairs that bins are made of
MATCHED = 0.1  # lengths this close, as a share of the longer, count as the same
MOST_ROWS = 20  # annotators with a row of their own


def baselines(judged: Sequence[Comparison]) -> dict[str, float | None]:
    """How far three rules without a model get on the same judgements, ties left out.

    None: nothing was decided; or the chosen answer always stands in one place, which is the file's order, and
    no rule that a reward model could be held against.
    """
    clear = [c for c in judged if c.choice is not None]
    if not clear:
        return dict.fromkeys(("always_left", "longer_wins", "shorter_wins"))

    def right(rule: Callable[[Comparison], int]) -> float:
        return sum(rule(c) == c.choice for c in clear) / len(clear)

    left = right(lambda _: 0)
    return {
        "always_left": None if left in (0, 1) else left,
        "longer_wins": right(lambda c: max(range(len(c.candidates)), key=lambda k: len(c.candidates[k]))),
        "shorter_wins": right(lambda c: min(range(len(c.candidates)), key=lambda k: len(c.candidates[k]))),
    }


def by_agreement(judged: Sequence[Comparison], found: Sequence[Decision]) -> list[dict[str, Any]]:
    """Accuracy against the majority of an item, by whether its people agreed; an item counts once.

    `unanimous`: everyone chose the same answer. `split`: somebody chose another, or called it a tie; items
    whose first place is shared are left out. Empty where no item was judged twice.
    """
    votes: dict[Any, list[str | None]] = {}
    for comparison in judged:
        best = best_of(comparison)
        votes.setdefault(item(comparison), []).append(None if best is None else comparison.candidates[best])
    levels: dict[str, list[Decision]] = {"unanimous": [], "split": []}
    seen = set()
    for decision in found:
        key = item(decision.judgement)
        if key in seen or len(votes[key]) < 2:
            continue
        seen.add(key)
        first = _majority(votes[key])
        if first is not None and first in decision.texts:
            level = "unanimous" if len(set(votes[key])) == 1 else "split"
            winner = decision.texts.index(first)
            levels[level].append(Decision(decision.judgement, decision.texts, decision.scores, winner, 1.0))
    return [{"level": level} | accuracy(rows) for level, rows in levels.items() if rows]


def _majority(votes: Sequence[str | None]) -> str | None:
    """The text with the most votes; None where two share them."""
    counts = Counter(vote for vote in votes if vote is not None).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]


def by_length_difference(found: Sequence[Pair]) -> list[dict[str, Any]]:
    """Accuracy over pairs by the difference of their lengths in words, in bins of like size.

    Empty with fewer than FEWEST pairs.
    """
    if len(found) < FEWEST:
        return []
    apart = np.asarray([abs(pair.longer) for pair in found])
    edges = np.unique(np.quantile(apart, np.linspace(0, 1, BINS + 1)[1:-1], method="lower"))
    bins = np.searchsorted(edges, apart, side="left")  # a bin ends with its edge
    rows = []
    for place in np.unique(bins):
        inside = [pair for pair, its in zip(found, bins, strict=True) if its == place]
        lengths = apart[bins == place]
        rows.append({"low": int(lengths.min()), "high": int(lengths.max())} | accuracy(inside))
    return rows


def length_matched(found: Sequence[Pair]) -> dict[str, Any]:
    """Accuracy over the pairs whose lengths in words differ by at most a tenth of the longer."""
    alike = [
        pair for pair in found if abs(pair.longer) <= MATCHED * max(words(pair.better), words(pair.worse))
    ]
    return accuracy(alike) | {"within": MATCHED}


def by_name(found: Sequence[Decision], name: Callable[[Comparison], str]) -> list[dict[str, Any]]:
    """Accuracy by what `name` calls a judgement, the commonest first; empty where all have one name."""
    groups: dict[str, list[Decision]] = {}
    for decision in found:
        groups.setdefault(name(decision.judgement), []).append(decision)
    if len(groups) < 2:
        return []
    largest = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return [{"name": key} | accuracy(rows) for key, rows in largest[:MOST_ROWS]]


def by_judge(found: Sequence[Decision]) -> list[dict[str, Any]]:
    """Accuracy against people and against models that judged; empty where only one kind did."""
    return by_name(found, lambda judgement: "models" if is_model(judgement.annotator) else "people")


def worst_errors(found: Sequence[Pair], most: int) -> list[dict[str, Any]]:
    """The pairs in which the reward was most wrongly sure, each once."""
    wrong = sorted((pair for pair in found if pair.margin < 0), key=lambda pair: pair.margin)
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for pair in wrong:
        if len(rows) == most:
            break
        key = pair.prompt, pair.better, pair.worse
        rows.setdefault(
            key,
            {
                "prompt": pair.prompt,
                "chosen": pair.better,
                "rejected": pair.worse,
                "score_chosen": pair.scores[0],
                "score_rejected": pair.scores[1],
                "annotator": pair.judgement.annotator,
            },
        )
    return list(rows.values())


def telling_pairs(found: Sequence[Pair], most: int) -> list[Pair]:
    """Pairs from the worst error to the surest success, evenly spaced by their margin, each once."""
    once = {(pair.prompt, frozenset((pair.better, pair.worse))): pair for pair in found}
    ranked = sorted(once.values(), key=lambda pair: pair.margin)
    places = np.unique(np.linspace(0, len(ranked) - 1, min(most, len(ranked))).round().astype(int))
    return [ranked[place] for place in places] if ranked and most else []
