"""How far people agree beyond chance, with intervals that keep the judgements of an item together.

Every coefficient is a function of sums over items. So a bootstrap that draws whole items adds up what each
item brings, and items that bring the same are drawn together: a million items cost no more than a few kinds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Shaped

Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["none", "linear", "quadratic"]
Sums = Float[np.ndarray, "rows part"]  # what was added up, one row a resample
Coefficient = Callable[[Sums], Float[np.ndarray, " rows"]]  # nan where it is undefined

_CELLS_AT_ONCE = 10_000_000  # of resamples x kinds of items


@dataclass(frozen=True)
class Estimate:
    """A coefficient, and what it rests on."""

    value: float | None  # None: undefined, and `why` says so
    low: float | None  # the 95% interval; None where there is nothing to draw from
    high: float | None
    units: int  # judged twice or more: the others say nothing about agreement
    judgements: int  # of those units
    why: str = ""


def percent_agreement(
    units: Shaped[np.ndarray, " vote"],
    values: Shaped[np.ndarray, " vote"],
    clusters: Shaped[np.ndarray, " vote"] | None = None,
) -> Estimate:
    """The mean over units of the share of pairs of judgements that are equal.

    P_u = sum_c n_uc (n_uc - 1) / (m_u (m_u - 1)), where n_uc of the m_u judgements of unit u say c:
    Fleiss 1971, Psychological Bulletin 76, equation 2, for any m_u >= 2.
    """
    told = _pairable(units, values, clusters)
    parts = np.stack([told.agreeing / told.sizes, np.ones(told.units)], axis=1)
    return _estimate(told, parts, lambda sums: _ratio(sums[:, 0], sums[:, 1]))


def fleiss_kappa(
    units: Shaped[np.ndarray, " vote"],
    values: Shaped[np.ndarray, " vote"],
    clusters: Shaped[np.ndarray, " vote"] | None = None,
) -> Estimate:
    """kappa = (P - P_e) / (1 - P_e), P the mean of P_u (see `percent_agreement`), P_e = sum_c p_c^2.

    p_c is the share of all judgements that say c: Fleiss 1971, Psychological Bulletin 76, 378-382. It is
    defined for units that all have the same number of judgements; with other numbers use Krippendorff's.
    """
    told = _pairable(units, values, clusters)
    if len(set(told.sizes.tolist())) > 1:
        few, many = int(told.sizes.min()), int(told.sizes.max())
        return _undefined(told, f"the items have different numbers of judgements ({few} to {many})")
    parts = np.column_stack([told.agreeing / told.sizes, np.ones(told.units), told.counts])

    def kappa(sums: Sums) -> Float[np.ndarray, " rows"]:
        observed, totals = _ratio(sums[:, 0], sums[:, 1]), sums[:, 2:]
        expected = _ratio((totals**2).sum(axis=1), totals.sum(axis=1) ** 2)
        return _ratio(observed - expected, 1 - expected)

    return _estimate(told, parts, kappa)


def krippendorff_alpha(
    units: Shaped[np.ndarray, " vote"],
    values: Shaped[np.ndarray, " vote"],
    level: Level,
    clusters: Shaped[np.ndarray, " vote"] | None = None,
) -> Estimate:
    """alpha = 1 - D_o / D_e, for any number of judgements a unit, some missing.

    With coincidences o_ck = sum_u n_uc (n_uk - [c = k]) / (m_u - 1), n_c = sum_k o_ck, n = sum_c n_c:
        D_o = sum_ck o_ck d_ck / n        D_e = sum_ck n_c n_k d_ck / (n (n - 1))
    d_ck is [c != k] (nominal), (c - k)^2 (interval), or (sum_{g=c}^{k} n_g - (n_c + n_k) / 2)^2 (ordinal),
    which is the interval's with the mean rank of each value in the value's place. Krippendorff 2011,
    "Computing Krippendorff's Alpha-Reliability", repository.upenn.edu/asc_papers/43.

    Args:
        units: what was judged, of each judgement.
        values: what was said; numbers in their order, for ordinal and interval.
        clusters: the item of each judgement, where an item has several units, such as pairs of its
            candidates; whole items are drawn for the interval. By default a unit is an item.
    """
    told = _pairable(units, values, clusters)
    if level == "nominal":
        return _estimate(told, np.column_stack([told.agreeing, told.counts]), _nominal_alpha)
    if level == "interval":
        return _estimate(told, _moments(told), _interval_alpha)
    # [unit, c, k]: as many columns as pairs of values, so ordinal is for scales of few steps
    width = len(told.known)
    pairs = told.counts[:, :, None] * (told.counts[:, None, :] - np.eye(width))
    parts = (pairs / (told.sizes - 1)[:, None, None]).reshape(told.units, width**2)
    return _estimate(told, parts, _ordinal_alpha)


def cohen_kappa(
    first: Shaped[np.ndarray, " unit"],
    second: Shaped[np.ndarray, " unit"],
    weights: Weights = "none",
    clusters: Shaped[np.ndarray, " unit"] | None = None,
) -> Estimate:
    """kappa = 1 - sum_ck w_ck p_ck / sum_ck w_ck p_c. p_.k for two annotators who judged the same units.

    p_ck is the share of units of which the first said c and the second k; w_ck is [c != k]
    (Cohen 1960, Educational and Psychological Measurement 20), |c - k| or (c - k)^2 of the values' places
    in their order (Cohen 1968, Psychological Bulletin 70).
    """
    known, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    width, units = len(known), len(first)
    table = np.zeros((units, width, width))
    table[np.arange(units), codes[:units], codes[units:]] = 1
    apart = np.abs(np.subtract.outer(np.arange(width), np.arange(width))).astype(np.float64)
    cost = {"none": apart > 0, "linear": apart, "quadratic": apart**2}[weights].astype(np.float64)

    def kappa(sums: Sums) -> Float[np.ndarray, " rows"]:
        tables = sums.reshape(-1, width, width)
        rows, columns = tables.sum(axis=2), tables.sum(axis=1)
        expected = np.einsum("rc,rk,ck->r", rows, columns, cost) / np.maximum(1, rows.sum(axis=1))
        return 1 - _ratio((tables * cost).sum(axis=(1, 2)), expected)

    both = np.tile(np.arange(units), 2)
    drawn = None if clusters is None else np.tile(clusters, 2)
    told = _pairable(both, np.concatenate([first, second]), drawn)
    return _estimate(told, table.reshape(units, width**2), kappa)


@dataclass(frozen=True)
class _Told:
    """The units that were judged twice or more."""

    items: Int[np.ndarray, " unit"]
    sizes: Int[np.ndarray, " unit"]
    unit: Int[np.ndarray, " vote"]
    value: Int[np.ndarray, " vote"]  # its place in `known`
    known: Shaped[np.ndarray, " category"]  # every value that was said, in order

    @property
    def units(self) -> int:
        return len(self.sizes)

    @cached_property
    def counts(self) -> Float[np.ndarray, "unit category"]:
        """How many judgements say so."""
        counts = np.zeros((self.units, len(self.known)))
        np.add.at(counts, (self.unit, self.value), 1)
        return counts

    @property
    def agreeing(self) -> Float[np.ndarray, " unit"]:
        """sum_c n_uc (n_uc - 1) / (m_u - 1)."""
        return (self.counts * (self.counts - 1)).sum(axis=1) / (self.sizes - 1)


def _pairable(
    units: Shaped[np.ndarray, " vote"],
    values: Shaped[np.ndarray, " vote"],
    clusters: Shaped[np.ndarray, " vote"] | None,
) -> _Told:
    _, firsts, unit, sizes = np.unique(units, return_index=True, return_inverse=True, return_counts=True)
    twice = sizes >= 2
    items = np.arange(len(sizes)) if clusters is None else np.unique(clusters, return_inverse=True)[1][firsts]
    kept = twice[unit]
    known, codes = np.unique(values[kept], return_inverse=True)
    return _Told(items[twice], sizes[twice], (np.cumsum(twice) - 1)[unit[kept]], codes, known)


def _nominal_alpha(sums: Sums) -> Float[np.ndarray, " rows"]:
    totals = sums[:, 1:]
    count = totals.sum(axis=1)
    apart = count**2 - (totals**2).sum(axis=1)  # sum over c != k of n_c n_k
    return 1 - _ratio((count - sums[:, 0]) * (count - 1), apart)


def _moments(told: _Told) -> Float[np.ndarray, "unit part"]:
    """[n, sum x, sum x^2, sum_ck o_ck (c - k)^2] of each unit, x from the middle of all values."""
    x = told.known[told.value].astype(np.float64)
    x = x - x.mean() if len(x) else x  # against cancellation
    first, second = (np.bincount(told.unit, power, told.units) for power in (x, x**2))
    within = 2 * (told.sizes * second - first**2) / (told.sizes - 1)
    return np.column_stack([told.sizes, first, second, within])


def _interval_alpha(sums: Sums) -> Float[np.ndarray, " rows"]:
    count, first, second, within = sums.T
    return 1 - _ratio(within * (count - 1), 2 * (count * second - first**2))


def _ordinal_alpha(sums: Sums) -> Float[np.ndarray, " rows"]:
    width = round(sums.shape[1] ** 0.5)
    seen = sums.reshape(-1, width, width)
    totals = seen.sum(axis=2)
    count = totals.sum(axis=1)
    rank = totals.cumsum(axis=1) - totals / 2
    apart = (rank[:, :, None] - rank[:, None, :]) ** 2
    expected = np.einsum("rc,rk,rck->r", totals, totals, apart)
    return 1 - _ratio((seen * apart).sum(axis=(1, 2)) * (count - 1), expected)


def _ratio(
    above: Float[np.ndarray, " rows"], below: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    """nan where nothing is below: chance alone would agree always, and agreement beyond it is undefined."""
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 1e-12)


def _estimate(
    told: _Told, parts: Float[np.ndarray, "unit part"], coefficient: Coefficient, resamples: int = 1000
) -> Estimate:
    if told.units == 0:
        return _undefined(told, "nothing was judged twice")
    value = float(coefficient(parts.sum(axis=0, keepdims=True))[0])
    if np.isnan(value):
        return _undefined(told, "all judgements are the same, so chance alone would agree as well")
    low, high = _interval(told.items, parts, coefficient, resamples)
    return Estimate(value, low, high, told.units, int(told.sizes.sum()))


def _undefined(told: _Told, why: str) -> Estimate:
    return Estimate(None, None, None, told.units, int(told.sizes.sum()), why)


def _interval(
    items: Int[np.ndarray, " unit"],
    parts: Float[np.ndarray, "unit part"],
    coefficient: Coefficient,
    resamples: int,
) -> tuple[float, float] | tuple[None, None]:
    """The percentile bootstrap, whole items drawn: Efron 1979. None with fewer than two items."""
    _, item = np.unique(items, return_inverse=True)
    count = int(item.max()) + 1
    if count < 2:
        return None, None
    brought = parts
    if count < len(parts):
        brought = np.zeros((count, parts.shape[1]))
        np.add.at(brought, item, parts)
    kinds, times = np.unique(brought, axis=0, return_counts=True)
    generator = np.random.default_rng(0)
    at_once = max(1, min(resamples, _CELLS_AT_ONCE // len(kinds)))
    drawn = []
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn.append(coefficient(generator.multinomial(count, times / count, rows) @ kinds))
    found = np.concatenate(drawn)
    found = found[~np.isnan(found)]
    if 2 * len(found) < resamples:
        return None, None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
