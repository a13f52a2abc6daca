"""Judgements with a reward's scores beside them: what every measure of trust is taken from."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assent.functional.shares import wilson_interval
from assent.records import AI_ANNOTATOR, Comparison


@dataclass(frozen=True)
class Decision:
    """One answer chosen among several, and what the reward says of each."""

    judgement: Comparison
    texts: tuple[str, ...]
    scores: tuple[float, ...]
    winner: int
    weight: float  # all decisions of one judgement together count 1

    @property
    def prompt(self) -> str:
        return self.judgement.prompt.text

    @property
    def credit(self) -> float:
        """1 where the reward's favourite is the one that was chosen, 0 where not; favourites share it."""
        best = [k for k, score in enumerate(self.scores) if score == max(self.scores)]
        return (self.winner in best) / len(best)


@dataclass(frozen=True)
class Pair:
    """Two answers of which one was preferred."""

    judgement: Comparison
    better: str
    worse: str
    margin: float  # score of the better one, less that of the other
    scores: tuple[float, float]  # better, worse
    weight: float  # all pairs of one judgement together count 1

    @property
    def prompt(self) -> str:
        return self.judgement.prompt.text

    @property
    def credit(self) -> float:
        return 0.5 if self.margin == 0 else float(self.margin > 0)

    @property
    def longer(self) -> int:
        """How many words the better answer has more."""
        return words(self.better) - words(self.worse)


def words(text: str) -> int:
    return len(text.split())


def decisions(judged: Sequence[Comparison], scores: Sequence[Sequence[float]]) -> list[Decision]:
    """What was decided: one best of K, or each decided pair of a judgement that names no best. No ties."""
    found = []
    for comparison, row in zip(judged, scores, strict=True):
        best = best_of(comparison)
        if best is not None:
            found.append(Decision(comparison, comparison.candidates, tuple(row), best, 1.0))
            continue
        duels = _duels(comparison)
        for better, worse in duels:
            texts = comparison.candidates[better], comparison.candidates[worse]
            found.append(Decision(comparison, texts, (row[better], row[worse]), 0, 1 / len(duels)))
    return found


def pairs(judged: Sequence[Comparison], scores: Sequence[Sequence[float]]) -> list[Pair]:
    """Every pair that a judgement decides."""
    found = []
    for comparison, row in zip(judged, scores, strict=True):
        duels = _duels(comparison)
        for better, worse in duels:
            texts = comparison.candidates[better], comparison.candidates[worse]
            two = float(row[better]), float(row[worse])
            found.append(Pair(comparison, *texts, two[0] - two[1], two, 1 / len(duels)))
    return found


def best_of(comparison: Comparison) -> int | None:
    """The one answer that a judgement names as the best of all; None for ties and for sets of pairs."""
    if comparison.choice is not None:
        return comparison.choice
    return comparison.ranking[0] if comparison.ranking else None


def _duels(comparison: Comparison) -> list[tuple[int, int]]:
    """(better, worse) as candidate indices, ties left out."""
    return [(win, left + right - win) for left, right, win in comparison.pairwise if win is not None]


def accuracy(found: Sequence[Decision] | Sequence[Pair]) -> dict[str, Any]:
    """How often the reward is right, with Wilson's interval.

    A judgement of several pairs counts once in the interval, since its pairs are not independent; `n`
    counts what was decided.
    """
    weight = sum(one.weight for one in found)
    right = sum(one.weight * one.credit for one in found)
    low, high = wilson_interval(right, weight)
    known = bool(found)
    return {
        "accuracy": right / weight if known else None,
        "ci_low": low if known else None,
        "ci_high": high if known else None,
        "n": len(found),
    }


def item(comparison: Comparison) -> Hashable:
    """What judgements of the same answers share, whatever the order in which each person saw them."""
    return comparison.item or comparison.prompt.text, tuple(sorted(comparison.candidates))


def is_model(annotator: str) -> bool:
    return annotator.startswith(AI_ANNOTATOR)


def prompts_of(found: Sequence[Decision] | Sequence[Pair]) -> list[str]:
    """What intervals draw anew; texts that answer nothing stand for themselves."""
    return [one.prompt or "\n".join(sorted(one.judgement.candidates)) for one in found]


def column(found: Sequence[Pair], name: str) -> np.ndarray:
    """One number of every pair: Float[pair]."""
    return np.asarray([getattr(pair, name) for pair in found], dtype=np.float64)
