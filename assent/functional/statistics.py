"""How sure a number is: intervals for shares, for means, and for correlations."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from assent.functional.shares import wilson_interval


@dataclass(frozen=True)
class WinRate:
    """How often `a` was better than `b`: (wins + ties / 2) / n, with its 95% interval."""

    wins: int
    losses: int
    ties: int
    win_rate: float
    ci_low: float
    ci_high: float


def win_rate(scores_a: Sequence[float], scores_b: Sequence[float]) -> WinRate:
    """Compare answer by answer; equal scores are ties, counted as half a win.

    The interval is Wilson's over all n prompts; a tie, which varies less than a win or a loss, makes it
    conservative.
    """
    wins = sum(a > b for a, b in zip(scores_a, scores_b, strict=True))
    losses = sum(a < b for a, b in zip(scores_a, scores_b, strict=True))
    count = len(scores_a)
    if count == 0:
        raise ValueError("a win rate needs at least one pair of answers")
    ties = count - wins - losses
    low, high = wilson_interval(wins + ties / 2, count)
    return WinRate(wins, losses, ties, (wins + ties / 2) / count, low, high)


def bootstrap_interval(
    values: Sequence[float], seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """The percentile bootstrap interval of the mean: Efron 1979."""
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise ValueError("an interval needs at least one value")
    generator = np.random.default_rng(seed)
    means = data[generator.integers(0, data.size, (resamples, data.size))].mean(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def rank_correlation(
    first: Sequence[float] | np.ndarray,
    second: Sequence[float] | np.ndarray,
    kind: Literal["spearman", "kendall"],
) -> float | None:
    """Spearman's rho or Kendall's tau-b, ties shared; None where one side is constant, or has one value."""
    a, b = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    if kind == "kendall":
        tau: Any = stats.kendalltau(a, b)
        return float(tau.statistic)
    return float(np.corrcoef(stats.rankdata(a), stats.rankdata(b))[0, 1])


def clustered_interval(
    statistic: Callable[[np.ndarray], float | None],
    clusters: Sequence[Hashable],
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """The percentile bootstrap interval of any statistic of rows, whole clusters drawn: Efron 1979.

    Rows of one cluster, such as the answers to one prompt, are not independent; drawn one by one they would
    make the interval too narrow.

    Args:
        statistic: row numbers -> its value, or None where these rows leave it undefined.
        clusters: the cluster of each row.

    Returns:
        None with fewer than two clusters, or where most resamples leave the statistic undefined.
    """
    rows: dict[Hashable, list[int]] = {}
    for row, cluster in enumerate(clusters):
        rows.setdefault(cluster, []).append(row)
    if len(rows) < 2:
        return None
    members = [np.asarray(found) for found in rows.values()]
    generator = np.random.default_rng(seed)
    drawn = (generator.integers(0, len(members), len(members)) for _ in range(resamples))
    values = [statistic(np.concatenate([members[index] for index in choice])) for choice in drawn]
    found = [value for value in values if value is not None]
    if 2 * len(found) < resamples:
        return None
    tail = (1 - level) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)


def clustered_mean_interval(
    values: Sequence[float] | np.ndarray,
    clusters: Sequence[Hashable],
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """As `clustered_interval`, of the mean: a thousand times from each cluster's sum and count alone."""
    sums: dict[Hashable, float] = {}
    counts: dict[Hashable, int] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + float(value)
        counts[cluster] = counts.get(cluster, 0) + 1
    if len(sums) < 2:
        return None
    total, count = np.asarray(list(sums.values())), np.asarray(list(counts.values()))
    drawn = np.random.default_rng(seed).integers(0, len(total), (resamples, len(total)))
    means = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
