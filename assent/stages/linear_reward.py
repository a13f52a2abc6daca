"""`stage: reward`, `kind: linear`: a weighted sum of features, for little data and for explanation."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal, TypeVar

import numpy as np
from pydantic import Field, model_validator

from assent.config import DataFile, Settings
from assent.data.files.jsonl import write_jsonl
from assent.data.ratings import rating_row, ratings
from assent.data.sources import comparison_row, comparisons
from assent.errors import Interrupted, UserError
from assent.evaluation import scored
from assent.records import Comparison, Rating, apart_by
from assent.rewards.features import Features
from assent.rewards.linear import Asked, Fitted, fit_linear
from assent.rewards.regression import PENALTIES, Estimator, of_comparisons, of_ratings
from assent.rewards.reward import Reward
from assent.stages import forecasting
from assent.stages.judgement_facts import facts_of_comparisons, facts_of_ratings, tell
from assent.stages.judgements import kept_apart
from assent.stages.trust import Judged, Trust, tell_doubt, trust_report
from assent.stages.workspace import Forecast, Workspace

RESULT = "model"
LOGGED = ("accuracy", "penalty", "features", "answers")
FEWEST_PROMPTS = 2  # to split for a cross-validation
FLOPS_A_BYTE = 4e3  # a fit, for each byte of judgements, in the multiplications that take as long
MEMORY_A_BYTE = 100.0  # n-grams and their counts

Judgement = TypeVar("Judgement", Comparison, Rating)


class LinearTrust(Trust):
    """A fit takes seconds, so the learning curve is measured unless it is emptied."""

    learning_curve: tuple[float, ...] = (0.125, 0.25, 0.5)


class Members(Settings):
    """Fits to bootstrap resamples of the prompts, which judge together."""

    members: int = Field(default=1, ge=1, le=100)


class Config(Settings):
    """Settings of `stage: reward`, `kind: linear`. Give `preferences` or `ratings`."""

    kind: Literal["linear"] = "linear"
    preferences: DataFile | None = None
    ratings: DataFile | None = None
    criterion: str | None = None  # None: all; ratings then count by the mean of their criteria
    features: Features = Features()
    estimator: Estimator = "logistic"
    penalty: float | None = Field(default=None, gt=0)  # ridge's alpha, 1/C; None: cross-validated by prompt
    folds: int = Field(default=5, ge=2)  # of that cross-validation
    ensemble: Members = Members()
    held_out: float = Field(default=0.15, ge=0, lt=1)  # share of the prompts
    trust: LinearTrust = LinearTrust()
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        if (self.preferences is None) == (self.ratings is None):
            raise ValueError("give preferences or ratings, one of them")
        if self.estimator == "least_squares" and self.penalty is not None:
            raise ValueError("penalty: least_squares has none; choose ridge, or leave penalty out")
        return self

    @property
    def source(self) -> DataFile:
        source = self.preferences or self.ratings
        assert source is not None  # _consistent
        return source

    @property
    def asked(self) -> Asked:
        members = self.ensemble.members
        return Asked(self.features, self.estimator, self.penalty, self.folds, members, self.seed)


@dataclass(frozen=True)
class Sides:
    """Judgements, split by prompt: no prompt stands on both sides."""

    train: Judged
    unseen: Judged
    facts: dict[str, Any]  # who judged


def run(config: Config, work: Workspace) -> None:
    sides = split(config, work.name)
    tick = ticking(config, work)
    tell(sides.facts, config.source, work.name, work.warn)
    fitted = fit(config.asked, sides.train, tick)
    if fitted.cut:
        work.warn(f"{work.name}: {fitted.cut} answers are longer than features.embedding reads: it cuts them")
    fitted.reward.save(work.folder / RESULT, estimator=config.estimator, penalty=fitted.penalty)
    rows = [*map(comparison_row, sides.unseen.comparisons), *map(rating_row, sides.unseen.ratings)]
    write_jsonl(work.folder / "held_out.jsonl", rows)
    facts = trust_report(
        fitted.reward,
        sides.unseen,
        config.trust,
        work.name,
        accuracy_at=learning(config, sides, tick) if sides.unseen.comparisons else None,
    )
    facts |= {"kind": config.kind, "estimator": config.estimator, "judgements": sides.facts}
    facts |= fitted.facts()
    (work.folder / "reward.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
    tell_doubt(facts, work)
    work.log(0, {name: float(facts[name]) for name in LOGGED if facts.get(name) is not None})


def ticking(config: Config, work: Workspace) -> Callable[[], None]:
    """Moves the progress bar. Raises Interrupted where the stage is asked to end."""
    curve = len(config.trust.anew(config.ensemble.members)) * replace(config.asked, members=1).ticks
    ticks, done = config.asked.ticks + curve, count()

    def tick() -> None:
        if work.stop():
            raise Interrupted("stopped before all fits were made; run the same command to begin them anew")
        work.progress(next(done), ticks, "fits")

    return tick


def split(config: Config, where: str) -> Sides:
    """Held out are the prompts that `kind: neural` holds out of the same file with the same seed."""
    if config.preferences is not None:
        compared = _of_criterion(comparisons(config.preferences), config, where)
        train, unseen = _sides(compared, config)
        if all(winner is None for judgement in train for *_, winner in judgement.pairwise):
            raise UserError(
                f"{where}: {config.preferences}: none of the {len(train)} judgements to learn from says "
                "which answer is better: ties teach nothing"
            )
        return Sides(Judged(comparisons=train), Judged(comparisons=unseen), facts_of_comparisons(compared))
    rated = _of_criterion(ratings(config.source), config, where)
    train, unseen = _sides(rated, config)
    return Sides(Judged(ratings=train), Judged(ratings=unseen), facts_of_ratings(rated))


def _of_criterion(judged: Sequence[Judgement], config: Config, where: str) -> list[Judgement]:
    if config.criterion is None:
        return list(judged)
    chosen = [judgement for judgement in judged if judgement.criterion == config.criterion]
    if not chosen:
        known = ", ".join(sorted({repr(judgement.criterion) for judgement in judged}))
        raise UserError(f"{where}: criterion: no judgement of {config.criterion!r}; found {known}")
    return chosen


def _sides(judged: Sequence[Judgement], config: Config) -> tuple[list[Judgement], list[Judgement]]:
    out = kept_apart(judged, config.held_out, config.seed)
    sides: tuple[list[Judgement], list[Judgement]] = ([], [])
    for judgement, is_out in zip(judged, out, strict=True):
        sides[is_out].append(judgement)
    return sides


def fit(asked: Asked, train: Judged, tick: Callable[[], None]) -> Fitted:
    found = of_comparisons(train.comparisons) if train.comparisons else of_ratings(train.ratings)
    return fit_linear(asked, *found, tick)


def learning(config: Config, sides: Sides, tick: Callable[[], None]) -> Callable[[float], float]:
    """Held-out accuracy of a single fit to a share of the prompts, its penalty chosen anew.

    Where all have one prompt it is a share of the items, which are held out in the same way.
    """
    asked, train = replace(config.asked, members=1), sides.train.comparisons
    items = apart_by(train)
    names = sorted(set(items))
    order = np.random.default_rng([config.seed, 13]).permutation(len(names))

    def accuracy_at(share: float) -> float:
        chosen = {names[index] for index in order[: max(FEWEST_PROMPTS, round(share * len(names)))]}
        part = [comparison for comparison, name in zip(train, items, strict=True) if name in chosen]
        return accuracy_of(fit(asked, Judged(part), tick).reward, sides.unseen.comparisons)

    return accuracy_at


def accuracy_of(reward: Reward, judged: Sequence[Comparison]) -> float:
    """As `trust_report` measures it."""
    prompts = [comparison.prompt.text for comparison in judged for _ in comparison.candidates]
    scores = iter(reward(prompts, [text for comparison in judged for text in comparison.candidates]))
    by_candidate = [[next(scores) for _ in comparison.candidates] for comparison in judged]
    return scored.accuracy(scored.decisions(judged, by_candidate))["accuracy"]


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    rows = round(forecasting.rows(config.source, inputs) * (1 - config.held_out))
    bytes_read = rows * forecasting.tokens_a_row(config.source) * forecasting.BYTES_A_TOKEN
    fits = config.ensemble.members + (config.folds * len(PENALTIES) if config.asked.validates else 0)
    return Forecast(
        flops=FLOPS_A_BYTE * bytes_read * fits * (1 + sum(config.trust.anew(config.ensemble.members))),
        memory_bytes=MEMORY_A_BYTE * bytes_read,
        disk_bytes=bytes_read,
    )
