"""How well a reward's scores follow people's ratings and rankings."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from assent.functional.shares import wilson_interval
from assent.functional.statistics import (
    bootstrap_interval,
    clustered_interval,
    rank_correlation,
)
from assent.records import Comparison, Rating, apart_by

FEWEST = 10  # ratings that a correlation is told of
ERRORS = ("accuracy", "ci_low", "ci_high", "precision", "recall", "f1")  # at a threshold


def by_criterion(
    ratings: Sequence[Rating], scores: Sequence[float], threshold: float, cut: float | None, seed: int
) -> list[dict[str, Any]]:
    """One row a criterion: errors at a threshold, and rank correlations with people's numbers.

    Args:
        threshold: a rating from here on, on its scale as 0..1, is good.
        cut: a score from here on calls an answer good. None: the prompts (or, of a single prompt, the
            answers) are cut in two halves, and in each the cut is the score that splits the *other* half as
            people split it. Of a single answer there are no halves, and its errors are None.
    """
    rows = []
    for criterion in sorted({rating.criterion for rating in ratings}):
        own = [row for row, rating in enumerate(ratings) if rating.criterion == criterion]
        rated = [ratings[row] for row in own]
        said = np.asarray([scores[row] for row in own], dtype=np.float64)
        values = np.asarray([share_of_scale(rating) for rating in rated])
        prompts = [rating.prompt.text or rating.response for rating in rated]  # or nothing was asked
        good, apart = values >= threshold - 1e-12, apart_by(rated)
        row = {"criterion": criterion, "n": len(own), "threshold": threshold, "good": float(good.mean())}
        if cut is None and len(set(apart)) < 2:  # there is no other half to take a cut from
            row |= dict.fromkeys(ERRORS)
        else:
            row |= at_threshold(
                good, said >= (_crosswise_cuts(said, good, apart, seed) if cut is None else cut)
            )
        rows.append(row | correlations(said, values, prompts, seed))
    return rows


def share_of_scale(rating: Rating) -> float:
    """The rating between the lowest (0) and the highest (1) of its scale."""
    low, high = rating.scale
    return (rating.value - low) / (high - low)


def at_threshold(good: np.ndarray, called: np.ndarray) -> dict[str, Any]:
    """Accuracy with Wilson's interval, precision, recall, F1 of `called` good. None: nothing to divide by."""
    hits = int((good & called).sum())
    right = int((good == called).sum())
    low, high = wilson_interval(right, len(good))
    return {
        "accuracy": right / len(good),
        "ci_low": low,
        "ci_high": high,
        "precision": _share(hits, int(called.sum())),
        "recall": _share(hits, int(good.sum())),
        "f1": _share(2 * hits, int(called.sum() + good.sum())),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _crosswise_cuts(said: np.ndarray, good: np.ndarray, apart: Sequence[str], seed: int) -> np.ndarray:
    """Each row's cut, from the half that it is not in: Float[rating]. Equal names are in one half."""
    names = sorted(set(apart))
    random.Random(seed).shuffle(names)  # noqa: S311 - no secret
    first = set(names[: len(names) // 2])
    half = np.asarray([name in first for name in apart])
    cuts = np.empty(len(said))
    for own, other in ((half, ~half), (~half, half)):
        cuts[own] = _cut(said[other], int(good[other].sum()))
    return cuts


def _cut(said: np.ndarray, count: int) -> float:
    """The score from which on `count` of these scores lie, half way to the next one below."""
    if count == 0 or not len(said):
        return np.inf
    if count == len(said):
        return -np.inf
    ranked = np.sort(said)[::-1]
    return float(ranked[count - 1] + ranked[count]) / 2


def correlations(
    said: np.ndarray, values: np.ndarray, prompts: Sequence[str], seed: int
) -> dict[str, float | None]:
    """Spearman's and Kendall's rank correlation, with intervals from resampled prompts."""
    row: dict[str, float | None] = {}
    for kind in ("spearman", "kendall"):
        value = rank_correlation(said, values, kind) if len(said) >= FEWEST else None
        limits = None
        if value is not None:
            limits = clustered_interval(
                lambda rows, kind=kind: rank_correlation(said[rows], values[rows], kind),
                prompts,
                seed,
                resamples=500,
            )
        low, high = limits or (None, None)
        row |= {kind: value, f"{kind}_low": low, f"{kind}_high": high}
    return row


def rankings(
    judged: Sequence[Comparison], scores: Sequence[Sequence[float]], seed: int
) -> dict[str, Any] | None:
    """The mean rank correlation of the scores with whole rankings of three answers or more.

    A ranking with ties is known by its pairs. The interval draws rankings. None with fewer than two.
    """
    found: dict[str, list[float]] = {"spearman": [], "kendall": []}
    for comparison, row in zip(judged, scores, strict=True):
        order = standing(comparison)
        if order is None:
            continue
        # equal scores say nothing of the order: no correlation
        kendall = rank_correlation(row, order, "kendall")
        spearman = rank_correlation(row, order, "spearman")
        found["kendall"].append(kendall or 0.0)
        found["spearman"].append(spearman or 0.0)
    count = len(found["kendall"])
    if count < 2:
        return None
    facts: dict[str, Any] = {"n": count}
    for kind, values in found.items():
        low, high = bootstrap_interval(values, seed)
        facts |= {kind: float(np.mean(values)), f"{kind}_low": low, f"{kind}_high": high}
    return facts


def standing(comparison: Comparison) -> list[float] | None:
    """How high people placed each of three answers or more: its wins, and half its ties.

    None where some pair was not compared, or where all are tied, so that there is no order.
    """
    count = len(comparison.candidates)
    if count < 3:
        return None
    wins = [0.0] * count
    if comparison.ranking:
        for place, k in enumerate(comparison.ranking):
            wins[k] = float(count - 1 - place)
        return wins
    if len(comparison.pairs) < count * (count - 1) // 2:
        return None
    for left, right, winner in comparison.pairs:
        for k in (left, right):
            wins[k] += 0.5 if winner is None else float(k == winner)
    return wins if len(set(wins)) > 1 else None
