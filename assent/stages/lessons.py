"""Judgements as one objective sees them: items to learn from, and how they become batches."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from assent.batch import Judged, Resampled
from assent.data.batching import Item, item_of, preference_batch
from assent.data.judged import (
    Groups,
    RatedItem,
    draws_of,
    margin_batch,
    merge_ratings,
    on_unit_scale,
    pairs_batch,
    ranking_batch,
    ranking_of,
    rating_batch,
    resampled,
)
from assent.errors import UserError
from assent.models.tokenizer import Tokenizer
from assent.records import Comparison, Prompt, Rating, answers_of
from assent.stages.judgements import OnJudgements, kept_apart, split_by_prompt
from assent.training import parallel
from assent.training.reward import (
    Objective,
    choice_terms,
    label_terms,
    pairs_terms,
    ranking_terms,
    rating_terms,
    with_margin,
)

ObjectiveName = Literal["choice", "ranking", "pairs", "ratings", "labels"]
Row = Item | RatedItem
ToBatch = Callable[[Sequence[Any], Tokenizer, int | None], Judged]

OF_PREFERENCES: Mapping[str, tuple[Objective, ToBatch]] = {
    "choice": (choice_terms, preference_batch),
    "ranking": (ranking_terms, ranking_batch),
    "pairs": (pairs_terms, pairs_batch),
}


@dataclass(frozen=True)
class Lessons:
    """What is learned from, and what is held out of it."""

    objective: str
    terms: Objective
    to_batch: ToBatch
    rows: Sequence[Row]  # to learn from: one an item, whoever judged it
    unseen: Sequence[Row]  # single judgements on prompts that nothing is learned from, ties left out
    criteria: tuple[str, ...] = ()  # of ratings

    def share(self, share: float, seed: int) -> "Lessons":
        """The first rows of a fixed shuffle: a smaller share is part of every larger one."""
        order = np.random.default_rng([seed, 13]).permutation(len(self.rows))
        return replace(self, rows=[self.rows[k] for k in order[: max(1, round(share * len(order)))]])

    def groups(self, config: OnJudgements) -> Groups:
        return Groups(
            tuple(map(_group, self.rows)), config.batch, config.seed, parallel.rank(), parallel.ranks()
        )

    def updates(self, config: OnJudgements) -> int:
        """How many updates the settings ask for; batches of one K each make an epoch a little longer."""
        groups = self.groups(config)
        if groups.one:
            return config.updates(len(self.rows))
        return config.steps or math.ceil(groups.steps_an_epoch * (config.epochs or 1))

    def batches(self, config: OnJudgements, tokenizer: Tokenizer, members: int) -> "Batches":
        draws = draws_of(len(self.rows), members, config.seed) if members > 1 else None
        return Batches(self, self.groups(config), tokenizer, config.max_response_tokens, draws)

    def unseen_batches(self, config: OnJudgements, tokenizer: Tokenizer) -> list[Judged]:
        found = []
        for group in sorted({_group(row) for row in self.unseen}):
            alike = [row for row in self.unseen if _group(row) == group]
            starts = range(0, len(alike), config.micro_batch)
            found += [alike[start : start + config.micro_batch] for start in starts]
        return [self.to_batch(rows, tokenizer, config.max_response_tokens) for rows in found]


@dataclass(frozen=True)
class Batches:
    """What each step learns from."""

    lessons: Lessons
    groups: Groups
    tokenizer: Tokenizer
    max_response_tokens: int | None
    draws: np.ndarray | None  # how often each member of an ensemble drew each row

    def __call__(self, step: int) -> Judged | Resampled:
        chosen = self.groups.step(step)
        rows = [self.lessons.rows[row] for row in chosen]
        judged = self.lessons.to_batch(rows, self.tokenizer, self.max_response_tokens)
        return judged if self.draws is None else resampled(judged, self.draws, chosen)


def _group(row: Row) -> int:
    return len(row.candidates) if isinstance(row, Item) else 1


def preference_lessons(
    judged: Sequence[Comparison],
    config: OnJudgements,
    objective: ObjectiveName | None,
    margin_coef: float,
    where: str,
) -> tuple[Lessons, list[Comparison]]:
    """(lessons, held-out judgements). Without an objective, what the judgements hold decides.

    Raises:
        UserError: the judgements do not hold what the objective learns from.
    """
    chosen = objective or ("pairs" if margin_coef else _kind_of(judged))
    _check_objective(chosen, judged, margin_coef, where)
    terms, to_batch = OF_PREFERENCES[chosen]
    if margin_coef:
        terms, to_batch = with_margin(margin_coef), margin_batch
    split = split_by_prompt(judged, config.held_out, config.seed)
    if not any(_decided(one) for item in split.train for one in item.said):
        raise UserError(f"{where}: every judgement to learn from is a tie: give some that prefer an answer")
    clear = [decided for decided in map(_decided, split.unseen) if decided is not None]
    return Lessons(chosen, terms, to_batch, split.train, [item_of([one]) for one in clear]), split.unseen


def _kind_of(judged: Sequence[Comparison]) -> ObjectiveName:
    if any(comparison.pairs for comparison in judged):
        return "pairs"
    return "ranking" if all(comparison.ranking for comparison in judged) else "choice"


def _check_objective(objective: str, judged: Sequence[Comparison], margin_coef: float, where: str) -> None:
    if objective == "ranking":
        unranked = [comparison for comparison in judged if not ranking_of(comparison)]
        if unranked:
            raise UserError(
                f"{where}: objective ranking: {len(unranked)} of {len(judged)} judgements rank nothing, or "
                f"with ties; the first is of {unranked[0].prompt.text!r:.80}. Use objective: pairs"
            )
    if margin_coef and not any(comparison.strength for comparison in judged):
        raise UserError(f"{where}: margin_coef is {margin_coef:g}, and no judgement has a strength above 0")


def _decided(comparison: Comparison) -> Comparison | None:
    """The judgement without its tied pairs; None where it decides nothing."""
    if comparison.pairs:
        clear = tuple(pair for pair in comparison.pairs if pair[2] is not None)
        return replace(comparison, pairs=clear) if clear else None
    return comparison if comparison.choice is not None or comparison.ranking else None


def rating_lessons(
    rated: Sequence[Rating], config: OnJudgements, objective: ObjectiveName | None, where: str
) -> tuple[Lessons, list[Rating]]:
    """(lessons, held-out ratings). Without an objective, zeros and ones on the scale 0..1 are labels."""
    odd = [rating for rating in rated if rating.scale != (0, 1) or rating.value not in (0, 1)]
    chosen = objective or ("ratings" if odd else "labels")
    if chosen == "labels" and odd:
        raise UserError(
            f"{where}: objective labels: expected 0 or 1 on the scale [0, 1], found {odd[0].value:g} on "
            f"{list(odd[0].scale)} for {odd[0].response!r:.80}. Use objective: ratings"
        )
    criteria = tuple(sorted({rating.criterion for rating in rated}))

    def to_batch(rows: Sequence[RatedItem], tokenizer: Tokenizer, most: int | None) -> Judged:
        return rating_batch(rows, criteria, tokenizer, most)

    out = kept_apart(rated, config.held_out, config.seed)
    train = [rating for rating, is_out in zip(rated, out, strict=True) if not is_out]
    unseen = [rating for rating, is_out in zip(rated, out, strict=True) if is_out]
    _check_differ(train, criteria, where)
    terms = label_terms if chosen == "labels" else rating_terms
    singles = [row for rating in unseen for row in merge_ratings([rating])]
    return Lessons(chosen, terms, to_batch, merge_ratings(train), singles, criteria), unseen


def _check_differ(train: Sequence[Rating], criteria: Sequence[str], where: str) -> None:
    """One criterion whose ratings differ is enough."""
    values = {name: {on_unit_scale(one) for one in train if one.criterion == name} for name in criteria}
    if all(len(found) < 2 for found in values.values()):
        raise UserError(
            f"{where}: all {len(train)} ratings to learn from are the same, so nothing tells good from bad: "
            "give ratings that differ"
        )


def texts_of(judged: Sequence[Comparison] | Sequence[Rating]) -> list[tuple[Prompt, Sequence[str]]]:
    """Every prompt with the answers that were judged."""
    return [(one.prompt, answers_of(one)) for one in judged]
