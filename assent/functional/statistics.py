"""How sure a number is: intervals for shares and for means."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

Z_95 = 1.959963984540054  # the 97.5% point of the normal distribution


def wilson_interval(successes: float, trials: float, z: float = Z_95) -> tuple[float, float]:
    """The score interval of a share: Wilson 1927, JASA 22. (0, 1) without trials: nothing is known."""
    if trials <= 0:
        return 0.0, 1.0
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return max(0.0, centre - half), min(1.0, centre + half)


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
