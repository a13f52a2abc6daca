"""An LLM as a reward: a number on a scale, or how an answer fares against a known one, asked in both orders.

Judges favour a place: of two equal answers, many prefer the first (arXiv:2306.05685, section 3.3). So each
pair is asked in both orders, and a verdict that changes with the order counts as a tie.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assent.errors import RewardError
from assent.functional.shares import wilson_interval
from assent.rewards.judge_settings import Judge, ScoringJudge
from assent.rewards.judging import Judging, Surroundings
from assent.rewards.rubric import (
    BETTER,
    RUBRIC,
    Messages,
    Verdict,
    comparing,
    score_form,
    score_in,
    scoring,
    verdict_in,
)

REPORT = "judge.json"  # in the folder of the stage: what was asked, what it cost, how steady the judge is
POINTS: Mapping[Verdict, float] = {"A": 1.0, "tie": 0.5, "B": 0.0}


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt, to be held against each other."""

    prompt: str
    left: str
    right: str


@dataclass(frozen=True)
class Duel:
    """What a judge said of a pair in both orders: the left answer's points, each 1, 1/2 or 0.

    `shown_first` is of the order in which the left answer came first. None: nobody was asked, since both
    answers are the same text.
    """

    shown_first: float | None
    shown_second: float | None

    @property
    def points(self) -> float:
        """The left answer's share of the win; orders that contradict each other meet in the middle."""
        if self.shown_first is None or self.shown_second is None:
            return 0.5
        return (self.shown_first + self.shown_second) / 2

    @property
    def asked(self) -> bool:
        return self.shown_first is not None

    @property
    def consistent(self) -> bool:
        """Whether both orders agree."""
        return self.shown_first == self.shown_second


@dataclass
class Consistency:
    """How steady a judge is when the order changes, over all pairs it was asked about."""

    pairs: int = 0
    consistent: int = 0
    for_first: int = 0  # contradictions in which whoever was shown first did better

    def add(self, duels: Sequence[Duel]) -> None:
        for duel in duels:
            if duel.shown_first is None or duel.shown_second is None:
                continue
            self.pairs += 1
            self.consistent += duel.consistent
            self.for_first += duel.shown_first > duel.shown_second

    def facts(self) -> dict[str, Any]:
        differ = self.pairs - self.consistent
        low, high = wilson_interval(self.consistent, self.pairs)
        return {
            "pairs": self.pairs,
            "consistent": self.consistent,
            "consistent_share": self.consistent / self.pairs if self.pairs else None,
            "consistent_ci": [low, high],
            "for_first": self.for_first,
            "for_second": differ - self.for_first,
        }


def duels(judging: Judging, pairs: Sequence[Pair], again: int = 0) -> list[Duel]:
    """What the judge says of each pair, both orders asked. `again`, and what it raises, as `Judging.ask`."""
    rubric = judging.settings.rubric or RUBRIC
    questions: list[Messages] = []
    for pair in pairs:
        if pair.left != pair.right:
            questions.append(comparing(rubric, pair.prompt, pair.left, pair.right))
            questions.append(comparing(rubric, pair.prompt, pair.right, pair.left))
    verdicts = iter(judging.ask(questions, verdict_in, BETTER, again))
    return [
        Duel(None, None)
        if pair.left == pair.right
        else Duel(POINTS[next(verdicts)], 1.0 - POINTS[next(verdicts)])
        for pair in pairs
    ]


class JudgeReward:
    """A judge as a reward, as it is set.

    Args:
        settings: of the judge.
        around: where it keeps its answers and its report.
        known: for `mode: pairwise`, the answer to each prompt that others are held against.
        name: of the reward, in its report.
    """

    def __init__(
        self,
        settings: ScoringJudge,
        around: Surroundings,
        known: Mapping[str, str] | None = None,
        name: str = "judge",
    ):
        self.settings, self.known, self.name = settings, known or {}, name
        self.judging = Judging(settings, around)
        self.consistency = Consistency()
        self._report = around.folder / REPORT

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        """One number an answer: on `scale` as it is, or 0 (loses) to 1 (wins) against the known answer.

        Raises:
            RewardError: no known answer, no judgement in the reply, or the server refuses.
            Interrupted: the server did not answer, or the budget is spent; what was answered is kept.
        """
        try:
            if self.settings.mode == "scalar":
                return self._scalar(prompts, responses)
            return self._pairwise(prompts, responses)
        finally:
            write_report(self._report, self.name, self.facts())

    def _scalar(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        scale, rubric = self.settings.scale, self.settings.rubric or RUBRIC
        questions = [
            scoring(rubric, scale, prompt, response)
            for prompt, response in zip(prompts, responses, strict=True)
        ]
        return self.judging.ask(questions, score_in(scale), score_form(scale))

    def _pairwise(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        pairs = [
            Pair(prompt, response, self._known(prompt))
            for prompt, response in zip(prompts, responses, strict=True)
        ]
        found = duels(self.judging, pairs)
        self.consistency.add(found)
        return [duel.points for duel in found]

    def _known(self, prompt: str) -> str:
        if prompt not in self.known:
            raise RewardError(
                f"reward {self.name}: no known answer to {prompt[:100]!r} in {self.settings.against}: add "
                "it, or take mode: scalar"
            )
        return self.known[prompt]

    def facts(self) -> dict[str, Any]:
        """What was asked and spent, and for pairs how steady the judge is."""
        spent = self.judging.facts()
        return spent if self.settings.mode == "scalar" else {**spent, **self.consistency.facts()}


def write_report(path: Path, name: str, facts: Mapping[str, Any]) -> None:
    """Put one judge's facts beside those of others, whole or not at all."""
    there = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps({**there, name: facts}, indent=2), encoding="utf-8")
    temporary.replace(path)


def named(settings: Judge) -> str:
    """What a judge is called among rewards: its model."""
    return f"judge:{settings.model}"
