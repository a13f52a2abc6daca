"""Whether a reward is as often right as it says."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from assent.evaluation.scored import Decision
from assent.functional.preference import expected_calibration_error
from assent.records import apart_by

FEWEST = 20  # decisions that a temperature is fitted to
WIDEST = 7.0  # log temperature is sought within +- this
NOTHING = 1e-5  # nats that do not count as a gain


def calibration(found: Sequence[Decision]) -> dict[str, Any]:
    """ECE, reliability curve and mean loss in nats, of softmax(scores) over each decision's answers."""
    if not found:
        return {"ece": None, "loss": None, "reliability": []}
    table, winners = _table(found)
    error, curve = _ece(found, table)
    return {"ece": error, "loss": float(_losses(table, winners).mean()), "reliability": curve}


def fitted_temperature(found: Sequence[Decision], seed: int) -> dict[str, Any] | None:
    """softmax(scores / T), T fitted to held-out decisions by their likelihood: arXiv:1706.04599, 4.2.

    `temperature` is fitted to all. The losses and errors `after` are honest: the prompts are cut in two
    halves, each measured at the temperature that fits the other, and both taken together.

    Returns:
        None with fewer than FEWEST decisions, or where no temperature is best: the flatter the better (scores
        that say nothing) or the sharper the better (scores never wrong).
    """
    table, winners = _table(found)
    apart = apart_by([decision.judgement for decision in found])
    if len(found) < FEWEST or len(set(apart)) < 2:
        return None
    half = _halves(apart, seed)
    parts = (np.ones_like(half), half, ~half)
    best, first, second = (_best_temperature(table[rows], winners[rows]) for rows in parts)
    if best is None or first is None or second is None:
        return None
    cooled = table / np.where(half, second, first)[:, None]
    return {
        "temperature": best,
        "ece_before": _ece(found, table)[0],
        "ece_after": _ece(found, cooled)[0],
        "loss_before": float(_losses(table, winners).mean()),
        "loss_after": float(_losses(cooled, winners).mean()),
        "n": len(found),
    }


def _halves(apart: Sequence[str], seed: int) -> np.ndarray:
    """Bool[row]: whether its prompt, or whatever keeps it apart from others, is in the first half."""
    names = sorted(set(apart))
    random.Random(seed).shuffle(names)  # noqa: S311 - no secret
    first = set(names[: len(names) // 2])
    return np.asarray([name in first for name in apart])


def _table(found: Sequence[Decision]) -> tuple[np.ndarray, np.ndarray]:
    """(scores: Float[decision candidate], -inf where a decision had fewer; winners: Int[decision])."""
    most = max((len(decision.scores) for decision in found), default=0)
    table = np.full((len(found), most), -np.inf)
    for row, decision in enumerate(found):
        table[row, : len(decision.scores)] = decision.scores
    return table, np.asarray([decision.winner for decision in found], dtype=np.int64)


def _losses(table: np.ndarray, winners: np.ndarray) -> np.ndarray:
    return logsumexp(table, axis=1) - table[np.arange(len(winners)), winners]


def _best_temperature(table: np.ndarray, winners: np.ndarray) -> float | None:
    """The temperature of the least loss; None where an end of the range is as good."""

    def loss(log_t: float) -> float:
        return float(_losses(table / np.exp(log_t), winners).mean())

    # The loss is convex in 1 / T, so that it has one valley in log T as well.
    found = minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method="bounded", options={"xatol": 1e-6})
    if min(loss(-WIDEST), loss(WIDEST)) <= loss(found.x) + NOTHING:
        return None
    return float(np.exp(found.x))


def _ece(found: Sequence[Decision], table: np.ndarray) -> tuple[float, list[dict[str, float]]]:
    confidence = np.exp(table.max(axis=1) - logsumexp(table, axis=1))
    correct = [decision.credit for decision in found]
    return expected_calibration_error(torch.tensor(confidence), torch.tensor(correct, dtype=torch.float64))
