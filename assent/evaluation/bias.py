"""What a reward should not look at: length, position, and the people that a text speaks of."""

from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from assent.evaluation.scored import Decision, Pair, accuracy, column, prompts_of
from assent.functional.shares import wilson_interval
from assent.functional.statistics import (
    clustered_interval,
    clustered_mean_interval,
    rank_correlation,
)

FEWEST = 20  # texts or pairs that a number is told of


def length_bias(found: Sequence[Pair], seed: int) -> dict[str, Any] | None:
    """Whether the reward follows length, and whether people do. None with fewer than FEWEST pairs.

    `correlation` is Spearman's, of score difference with difference in words. Which answer is subtracted
    from which is arbitrary, so each pair counts both ways; the intervals draw whole prompts.
    """
    apart = [pair for pair in found if pair.longer != 0]
    if len(apart) < FEWEST:
        return None
    margin, longer = column(found, "margin"), column(found, "longer")

    def both_ways(rows: np.ndarray) -> float | None:
        there, back = margin[rows], longer[rows]
        return rank_correlation(np.concatenate([there, -there]), np.concatenate([back, -back]), "spearman")

    limits = clustered_interval(both_ways, prompts_of(found), seed, resamples=500)
    people = (column(apart, "longer") > 0).astype(float)
    model = np.asarray([pair.credit if pair.longer > 0 else 1 - pair.credit for pair in apart])
    excess = clustered_mean_interval(model - people, prompts_of(apart), seed)
    return {
        "correlation": both_ways(np.arange(len(found))),
        "correlation_low": limits and limits[0],
        "correlation_high": limits and limits[1],
        "model": _share(model),
        "people": _share(people),
        "excess": float((model - people).mean()),
        "excess_low": excess and excess[0],
        "excess_high": excess and excess[1],
        "n": len(apart),
    }


def _share(values: np.ndarray) -> dict[str, float]:
    low, high = wilson_interval(float(values.sum()), len(values))
    return {"share": float(values.mean()), "ci_low": low, "ci_high": high}


def position_bias(found: Sequence[Decision]) -> dict[str, Any] | None:
    """How often people chose the answer shown first, and how often the reward agrees with them then.

    A judgement's answers stand in the order in which they were shown. Pair sets are left out, and None is
    given with fewer than FEWEST other decisions.
    """
    whole = [decision for decision in found if decision.texts == decision.judgement.candidates]
    if len(whole) < FEWEST:
        return None
    first = [decision for decision in whole if decision.winner == 0]
    later = [decision for decision in whole if decision.winner != 0]
    low, high = wilson_interval(len(first), len(whole))
    return {
        "first": {"share": len(first) / len(whole), "ci_low": low, "ci_high": high},
        "expected": float(np.mean([1 / len(decision.texts) for decision in whole])),
        "when_first": accuracy(first),
        "when_later": accuracy(later),
        "n": len(whole),
    }


def group_changes(
    scores: np.ndarray, groups: Sequence[str], clusters: Sequence[Hashable], deviation: float, seed: int
) -> list[dict[str, Any]]:
    """How the score changes when a text speaks of another group: one row a pair of groups, widest first.

    Args:
        scores: Float[text group], the same text with each group's words.
        clusters: texts that share one are not independent: Sequence[text].
        deviation: the unit, the standard deviation of the scores of held-out answers.

    `change` is the mean score with `right` less that with `left`, in that unit; its interval draws clusters.
    """
    rows = []
    for left, right in combinations(range(len(groups)), 2):
        change = (scores[:, right] - scores[:, left]) / deviation
        limits = clustered_mean_interval(change, clusters, seed)
        rows.append(
            {
                "left": groups[left],
                "right": groups[right],
                "change": float(change.mean()),
                "ci_low": limits and limits[0],
                "ci_high": limits and limits[1],
                "n": len(change),
            }
        )
    return sorted(rows, key=lambda row: -abs(row["change"]))
