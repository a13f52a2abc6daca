"""Whether an ensemble knows when it is wrong."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from assent.evaluation.scored import Pair, accuracy, prompts_of
from assent.functional.statistics import clustered_interval

FEWEST = 20  # pairs that are cut in halves


def certain_half(found: Sequence[Pair], certainty: np.ndarray, seed: int) -> dict[str, Any] | None:
    """Accuracy over the half of the pairs with the highest certainty, and over the other half.

    Pairs of equal certainty stay in their order. `gain` is the difference; its interval draws whole prompts.
    None with fewer than FEWEST pairs.
    """
    if len(found) < FEWEST:
        return None
    order = np.argsort(-certainty, kind="stable")
    certain = np.zeros(len(found), dtype=bool)
    certain[order[: len(found) // 2]] = True
    weights = np.asarray([pair.weight for pair in found])
    right = weights * np.asarray([pair.credit for pair in found])

    def gain(rows: np.ndarray) -> float | None:
        sure = certain[rows]
        if sure.all() or not sure.any():
            return None
        halves = [right[rows][side].sum() / weights[rows][side].sum() for side in (sure, ~sure)]
        return float(halves[0] - halves[1])

    limits = clustered_interval(gain, prompts_of(found), seed)
    return {
        "certain": accuracy([pair for pair, sure in zip(found, certain, strict=True) if sure]),
        "other": accuracy([pair for pair, sure in zip(found, certain, strict=True) if not sure]),
        "gain": gain(np.arange(len(found))),
        "gain_low": limits and limits[0],
        "gain_high": limits and limits[1],
    }


def by_certainty(found: Sequence[Pair], members: np.ndarray, seed: int) -> list[dict[str, Any]]:
    """Three ways to tell certain from uncertain pairs.

    Args:
        members: Float[pair member], each member's score of the better answer, less that of the worse.

    `spread`: the members agree on the difference (population standard deviation); `ratio`: the difference is
    large for that spread; `margin`: the difference is large, which one model can say as well.
    """
    spread, mean = members.std(axis=1), np.abs(members.mean(axis=1))
    # a spread of 0 is as certain as can be, unless the difference is 0 too
    ratio = np.divide(mean, spread, out=np.where(mean > 0, np.inf, 0.0), where=spread > 0)
    rows = []
    for name, certainty in (("spread", -spread), ("ratio", ratio), ("margin", mean)):
        halves = certain_half(found, certainty, seed)
        if halves is not None:
            rows.append({"by": name} | halves)
    return rows
