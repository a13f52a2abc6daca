"""Figures that are held against what people wrote: values, intervals, differences to the first policy."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

Sums = Float[np.ndarray, "prompt part"]  # what a figure adds up, one row a prompt
Value = Callable[[np.ndarray], float]  # the figure, from parts that are added up over prompts
Figure = dict[str, float | None]

RESAMPLES = 1000
TAIL = 0.025  # on either side of a 95% interval


def mean_of(sums: np.ndarray) -> float:
    """The mean of values, from (their sum, how many)."""
    return float(sums[0] / sums[1])


def by_prompt(rows: Float[np.ndarray, "row part"], prompts: Sequence[int], count: int) -> Sums:
    """Rows added up by their prompt's number, since what belongs to one prompt is drawn together."""
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, np.asarray(prompts, dtype=int), rows)
    return sums


def figure(sums: Sums, value: Value, first: Sums | None = None, seed: int = 0) -> Figure:
    """A value with its 95% bootstrap interval, whole prompts drawn: Efron 1979.

    Args:
        first: the first policy's; then also the difference to it, both over the same drawn prompts.

    Returns:
        `value`, `ci_low`, `ci_high`, and the same of `difference`; None where a number is not finite, and
        the ends of an interval where there is one prompt.
    """
    own = _resampled(sums, value, seed)
    found = _with_interval("value", "ci", value(sums.sum(axis=0)), own)
    if first is None:
        return found
    apart = value(sums.sum(axis=0)) - value(first.sum(axis=0))
    with np.errstate(invalid="ignore"):  # infinite less infinite
        both = own - _resampled(first, value, seed)
    return found | _with_interval("difference", "difference_ci", apart, both)


def _resampled(sums: Sums, value: Value, seed: int) -> Float[np.ndarray, " resample"]:
    """The figure of each resample; of sets of as many prompts, one seed draws the same prompts."""
    generator, count = np.random.default_rng(seed), len(sums)
    if count < 2:
        return np.full(RESAMPLES, np.nan)
    times = (np.bincount(generator.integers(0, count, count), minlength=count) for _ in range(RESAMPLES))
    return np.asarray([value(drawn @ sums) for drawn in times], dtype=np.float64)


def _with_interval(name: str, ends: str, value: float, drawn: np.ndarray) -> Figure:
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL]) if np.isfinite(drawn).all() else (math.nan, math.nan)
    numbers = {name: float(value), f"{ends}_low": float(low), f"{ends}_high": float(high)}
    return {key: number if math.isfinite(number) else None for key, number in numbers.items()}


def direction(found: Mapping[str, float | None]) -> str:
    """`up` or `down` where the interval of the difference leaves zero out; else `unclear`."""
    low, high = found.get("difference_ci_low"), found.get("difference_ci_high")
    if low is not None and low > 0:
        return "up"
    return "down" if high is not None and high < 0 else "unclear"


def reward_up_rouge_down(
    scores: Mapping[str, Figure], figures: Mapping[str, Mapping[str, Figure]]
) -> list[dict[str, Any]]:
    """The policies whose reward is clearly above the first's, and some ROUGE clearly below it.

    Args:
        scores: the reward's mean by policy.
        figures: the other figures by policy and name.
    """
    found = []
    for policy, score in scores.items():
        names = [name for name in figures[policy] if name.startswith("rouge_")]
        fallen = [name for name in names if direction(figures[policy][name]) == "down"]
        if fallen and direction(score) == "up":
            found.append({"policy": policy, "score": score, "rouge": fallen})
    return found
