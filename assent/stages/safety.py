"""Sets of prompts that people bring, each with a check that an answer passes or fails.

What passes is counted on three axes: helpful, truthful, harmless. An axis without a set stays unmeasured.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from assent.config import DataFile, Settings
from assent.data.files.jsonl import write_jsonl
from assent.data.sources import prompts
from assent.errors import UserError
from assent.evaluation.safety import AXES, Axis, Checked, Verdict, summarised
from assent.models.language_model import LanguageModel
from assent.models.sampler import Sampling
from assent.models.tokenizer import Tokenizer
from assent.records import Prompt, in_full
from assent.rewards.composite import Part
from assent.rewards.exact_match import ExactMatch
from assent.rewards.personal_data import leaked
from assent.rewards.refusals import refusal
from assent.rewards.reward import Reward
from assent.stages import forecasting
from assent.stages.drawn_answers import Drawing, Written, best, drawn
from assent.stages.reward_parts import RewardPart
from assent.stages.workspace import Forecast, Workspace

ANSWERS = "safety.jsonl"  # every answer with its verdict, for people to look at
Detector = Literal["refuses", "answers", "no_personal_data"]
NOT_OF_A_CHECK = ("weight", "normalise", "clip")  # an answer passes by the reward's own score
Check = Callable[[Sequence[str], Sequence[str]], list[Verdict]]

__all__ = ["AXES", "Player", "Ready", "Suite", "forecast", "read_suites", "run_suites"]


class Suite(Settings):
    """One set: what is asked, what a good answer does, and which axis that speaks for."""

    name: str = Field(min_length=1)
    axis: Axis
    prompts: DataFile
    check: Annotated[
        Annotated[Detector, Tag("name")] | Annotated[RewardPart, Tag("reward")],
        Discriminator(lambda value: "name" if isinstance(value, str) else "reward"),
    ]  # by pattern, or a reward: rule, classifier, judge, function, model, human
    at_least: float | None = None  # of a reward: the score from which on an answer passes
    at_most: float | None = None  # or up to which, such as the probability of a label `toxic`
    prompt_counts: bool = False  # no_personal_data: so does what the prompt holds already
    sampling: Sampling | None = None  # None: as the stage

    @model_validator(mode="after")
    def _fits(self) -> "Suite":
        limits = [key for key in ("at_least", "at_most") if getattr(self, key) is not None]
        if isinstance(self.check, str):
            if limits:
                raise ValueError(f"{limits[0]}: {self.check} has no score: only a reward has one")
        else:
            self._check_reward(self.check, limits)
        if self.prompt_counts and self.check != "no_personal_data":
            raise ValueError("prompt_counts: only no_personal_data compares with the prompt")
        return self

    def _check_reward(self, part: RewardPart, limits: Sequence[str]) -> None:
        taken = [key for key in NOT_OF_A_CHECK if key in part.model_fields_set]
        if taken:
            raise ValueError(f"check.{taken[0]}: an answer passes by the reward's own score: leave it out")
        if len(limits) > 1:
            raise ValueError("give at_least or at_most, not both")
        if not limits and not isinstance(part.rule, ExactMatch):
            raise ValueError("give at_least, the score from which on an answer passes, or at_most")

    @property
    def checked_by(self) -> str:
        """The check as the report names it."""
        if isinstance(self.check, str):
            return self.check
        kind = next(kind for kind in type(self.check).model_fields if getattr(self.check, kind) is not None)
        name = self.check.rule.kind if self.check.rule else kind
        if self.at_most is not None:
            return f"{name}, at most {self.at_most:g}"
        return name if self.at_least is None else f"{name}, at least {self.at_least:g}"


@dataclass(frozen=True)
class Player:
    """One policy: how its model is loaded, and how many answers it draws to keep the best."""

    load: Callable[[], tuple[LanguageModel, Tokenizer]]
    sets: int = 1


@dataclass(frozen=True)
class Ready:
    """A set, its files read."""

    suite: Suite
    asked: Sequence[Prompt]
    check: Check


def read_suites(suites: Sequence[Suite], work: Workspace) -> list[Ready]:
    """Every set with its prompts and its check, before anything is drawn.

    Raises:
        UserError: two sets have one name, a file is wrong, or a reward cannot be loaded.
    """
    names = [suite.name for suite in suites]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise UserError(f"{work.name}: suites: two are called {twice[0]}: give one another `name`")
    return [Ready(suite, _asked(suite, work), _check(suite, work)) for suite in suites]


def run_suites(
    ready: Sequence[Ready],
    players: Mapping[str, Player],
    how: Drawing,
    score: Reward | None,
    work: Workspace,
) -> dict[str, Any]:
    """What each policy answers to each set, checked; the answers go to `safety.jsonl`.

    Args:
        ready: of `read_suites`.
        players: policies by name; the first is the one that others are held against.
        how: answers are drawn, unless a set says otherwise.
        score: tells which of several answers counts; None where every policy draws one.

    Returns:
        The numbers, for `evaluation.json`.
    """
    written: dict[str, list[Written]] = {}
    for name, player in players.items():
        loaded = player.load()
        written[name] = [_answers(one, (name, loaded), player.sets, how, score, work) for one in ready]
    found = [
        _checked(one, {name: answers[place] for name, answers in written.items()})
        for place, one in enumerate(ready)
    ]
    write_jsonl(work.folder / ANSWERS, [row for one in found for row in one.rows()])
    return summarised(found, list(players))


def forecast(
    suites: Sequence[Suite],
    policies: Sequence[tuple[str, int]],
    sampling: Sampling,
    batch: int,
    inputs: Mapping[str, Forecast],
) -> list[Forecast]:
    """What drawing the sets takes, for policies as (model, answers drawn to each prompt)."""
    return [
        forecasting.answering(
            forecasting.rows(suite.prompts, inputs) * sets,
            batch,
            suite.sampling or sampling,
            forecasting.model(model, inputs),
        )
        for suite in suites
        for model, sets in policies
    ]


def _asked(suite: Suite, work: Workspace) -> list[Prompt]:
    asked = prompts(suite.prompts)
    if not asked:
        raise UserError(f"{work.name}: suites: {suite.name}: {suite.prompts} holds no prompt")
    return asked


def _answers(
    one: Ready,
    player: tuple[str, tuple[LanguageModel, Tokenizer]],
    sets: int,
    how: Drawing,
    score: Reward | None,
    work: Workspace,
) -> Written:
    drawing = replace(how, sampling=one.suite.sampling or how.sampling)
    name, loaded = player
    draws = drawn(drawing, loaded, one.asked, sets, None, work, f"{name}, {one.suite.name}")
    return best(draws, [prompt.text for prompt in one.asked], score)


def _checked(one: Ready, written: Mapping[str, Written]) -> Checked:
    suite, asked = one.suite, [prompt.text for prompt in one.asked]
    return Checked(
        name=suite.name,
        axis=suite.axis,
        check=suite.checked_by,
        prompts=asked,
        texts={name: answers.texts for name, answers in written.items()},
        ended={name: answers.ended for name, answers in written.items()},
        verdicts={name: one.check(asked, answers.texts) for name, answers in written.items()},
    )


def _check(suite: Suite, work: Workspace) -> Check:
    detector = suite.check
    if not isinstance(detector, str):
        named = detector.model_copy(update={"name": detector.name or suite.name})
        return _by_score(named.load(work), suite)
    one: dict[Detector, Callable[[str, str], Verdict]] = {
        "refuses": _refuses,
        "answers": _answers_at_all,
        "no_personal_data": lambda asked, text: _keeps_private("" if suite.prompt_counts else asked, text),
    }
    return lambda asked, texts: [one[detector](*pair) for pair in zip(asked, texts, strict=True)]


def _by_score(part: Part, suite: Suite) -> Check:
    """Passed or failed by a reward's own score, neither normalised nor weighted."""
    least = 1.0 if suite.at_least is None and suite.at_most is None else suite.at_least

    def check(asked: Sequence[str], texts: Sequence[str]) -> list[Verdict]:
        return [Verdict(_within(score, least, suite.at_most), f"score {score:.3g}")
                for score in part.raw(asked, texts)]  # fmt: skip

    return check


def _within(score: float, least: float | None, most: float | None) -> bool:
    return (least is None or score >= least) and (most is None or score <= most)


def _refuses(asked: str, text: str) -> Verdict:  # noqa: ARG001 - a check is given both
    words = refusal(text)
    return Verdict(words is not None, f"refuses: {json.dumps(words, ensure_ascii=False)}" if words else "")


def _answers_at_all(asked: str, text: str) -> Verdict:  # noqa: ARG001
    if not text.strip():
        return Verdict(False, "empty")
    words = refusal(text)
    return Verdict(words is None, f"refuses: {json.dumps(words, ensure_ascii=False)}" if words else "")


def _keeps_private(asked: str, text: str) -> Verdict:
    found = leaked(in_full(asked), text)
    return Verdict(not found, ", ".join(f"{one.kind.replace('_', ' ')} {one.text}" for one in found))
