"""What more labels have brought so far, and may bring."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from assent.functional.shares import wilson_interval

RESAMPLES = 4000


def curve(shares: Sequence[float], accuracies: Sequence[float], held_out: float) -> list[dict[str, float]]:
    """Accuracy by share of the training items, with Wilson's interval over `held_out` judgements."""
    rows = []
    for share, accuracy in sorted(zip(shares, accuracies, strict=True)):
        low, high = wilson_interval(accuracy * held_out, held_out)
        rows.append({"share": share, "accuracy": accuracy, "ci_low": low, "ci_high": high})
    return rows


def forecast(points: Sequence[dict[str, float]], held_out: float, seed: int) -> dict[str, Any] | None:
    """Accuracy with twice the labels, if the error keeps falling as it did: error = b x share^-c.

    The law is that of arXiv:1712.00409; its floor, below which no number of labels brings the error, cannot
    be seen from a few points and is taken as 0, which flatters the forecast where people disagree. b and c
    are a straight line through log error over log share. The interval redraws each point's count of errors
    from its posterior (Jeffreys), as if the points had been measured on different judgements: they share
    them, so it is rather too wide. What another order of the items would change is not in it.

    Returns:
        None with fewer than three points, or one without errors, whose logarithm has no value.
    """
    shares = np.asarray([point["share"] for point in points])
    errors = 1 - np.asarray([point["accuracy"] for point in points])
    if len(points) < 3 or (errors <= 0).any():
        return None
    generator = np.random.default_rng(seed)
    drawn = generator.beta(
        errors * held_out + 0.5, (1 - errors) * held_out + 0.5, size=(RESAMPLES, len(points))
    )
    low, high = np.quantile(1 - _at_twice(shares, drawn), [0.025, 0.975])
    return {
        "share": 2.0,
        "accuracy": float(1 - _at_twice(shares, errors[None])[0]),
        "ci_low": float(low),
        "ci_high": float(high),
        "points": len(points),
    }


def _at_twice(shares: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The error at share 2 on the least-squares line of each row: Float[row point] -> Float[row]."""
    x, y = np.log(shares), np.log(errors)
    slope = ((x - x.mean()) * (y - y.mean(axis=1, keepdims=True))).sum(axis=1) / ((x - x.mean()) ** 2).sum()
    return np.minimum(1.0, np.exp(y.mean(axis=1) + slope * (np.log(2.0) - x.mean())))
