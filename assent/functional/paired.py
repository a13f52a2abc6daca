"""Two shares of the same items: how far they differ, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from scipy import stats

from assent.functional.shares import wilson_interval


@dataclass(frozen=True)
class PairedDifference:
    """Share of `a` less share of `b` over the same items, with its 95% interval and an exact test."""

    difference: float
    ci_low: float
    ci_high: float
    gained: int  # items that only `a` has
    lost: int  # items that only `b` has
    p_value: float  # McNemar's test, exact: the discordant items are coin flips


def paired_difference(a: Sequence[bool], b: Sequence[bool]) -> PairedDifference:
    """Compare item by item.

    The interval is method 10 of Newcombe 1998, Statistics in Medicine 17, 2635-2650: Wilson's intervals of
    both shares, joined by their correlation phi with a continuity correction. The test is the two-sided
    binomial one on the discordant items (McNemar 1947); 1 where there are none.
    """
    count = len(a)
    if count == 0:
        raise ValueError("a difference needs at least one item")
    both, only_a, only_b = (
        sum((x, y) == pair for x, y in zip(a, b, strict=True))
        for pair in ((True, True), (True, False), (False, True))
    )
    neither = count - both - only_a - only_b
    first, second = (both + only_a) / count, (both + only_b) / count
    phi = _phi(both, only_a, only_b, neither)
    (low_a, high_a), (low_b, high_b) = (wilson_interval(sum(x), count) for x in (a, b))
    below = _joined(first - low_a, high_b - second, phi)
    above = _joined(high_a - first, second - low_b, phi)
    discordant = only_a + only_b
    test: Any = stats.binomtest(only_a, discordant) if discordant else None
    return PairedDifference(
        difference=first - second,
        ci_low=first - second - below,
        ci_high=first - second + above,
        gained=only_a,
        lost=only_b,
        p_value=float(test.pvalue) if test else 1.0,
    )


def mean_interval(shares: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    """The plain mean of independent shares (share, low, high), with an interval made of theirs.

    The distances to the limits add in squares: Zou and Donner 2008, Statistics in Medicine 27, 1693-1702.
    """
    if not shares:
        raise ValueError("a mean needs at least one share")
    count = len(shares)
    mean = sum(share for share, _, _ in shares) / count
    below = sqrt(sum((share - low) ** 2 for share, low, _ in shares)) / count
    above = sqrt(sum((high - share) ** 2 for share, _, high in shares)) / count
    return mean, mean - below, mean + above


def _phi(both: int, only_a: int, only_b: int, neither: int) -> float:
    """Correlation of the two columns, its numerator shrunk by n / 2 where it is positive."""
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if margins == 0:
        return 0.0
    product = both * neither - only_a * only_b
    count = both + only_a + only_b + neither
    return (max(product - count / 2, 0.0) if product > 0 else product) / sqrt(margins)


def _joined(one: float, other: float, phi: float) -> float:
    return sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))
