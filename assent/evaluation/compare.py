"""Policies side by side: what each wrote to the same prompts, and who won."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from assent.evaluation.metrics import distinct
from assent.functional.statistics import win_rate


@dataclass(frozen=True)
class Answers:
    """One policy's answers to the held-out prompts, in their order."""

    texts: Sequence[str]
    lengths: Sequence[int]  # tokens, the end token among them
    ended: Sequence[bool]
    kl: Sequence[float] | None  # nats an answer from the reference; None where there is none
    scores: Mapping[str, Sequence[float]]  # by judge; "score" is the reward


def summarise(answers: Answers) -> dict[str, float | None]:
    """The means of one policy. `gold_mean` and `score_mean` are null where that judge was not asked."""
    means: dict[str, float | None] = {"score_mean": None, "gold_mean": None}
    means |= {f"{judge}_mean": mean(scores) for judge, scores in answers.scores.items()}
    return means | {
        "kl_per_answer": None if answers.kl is None else mean(answers.kl),
        "length_mean": mean(answers.lengths),
        "end_rate": mean(answers.ended),
        "distinct_2": distinct(answers.texts, 2),
    }


def every_pair(policies: Sequence[str]) -> list[tuple[str, str]]:
    """(a, b): every later policy against every earlier one."""
    return [(later, earlier) for earlier, later in combinations(policies, 2)]


def comparisons(
    policies: Mapping[str, Answers], judges: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """`a` against `b` for each pair (a, b), by every judge."""
    return [
        {"a": a, "b": b, "judge": judge}
        | asdict(win_rate(policies[a].scores[judge], policies[b].scores[judge]))
        for judge in judges
        for a, b in pairs
    ]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
