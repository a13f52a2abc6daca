"""How far to trust a reward: everything that `reward.json` says about held-out judgements.

The rooms meet here: `evaluation` measures, `rewards` reads edited texts, and neither knows the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from assent.config import DataFile, Settings
from assent.errors import RewardError
from assent.evaluation import bias, calibration, certainty, learning_curve, ratings, scored, trust
from assent.evaluation.doubts import doubt
from assent.evaluation.scored import Decision, Pair
from assent.records import Comparison, Rating
from assent.rewards.groups import axes
from assent.rewards.learned import LearnedEnsemble, LearnedReward
from assent.rewards.probes import Swapped, swapped, swapped_templates, weighed
from assent.rewards.reward import Reward, Uncertain, checked
from assent.stages.workspace import Workspace

HEAD = "score"  # of ratings that name no criterion
SWAP_NEEDS = "a score that is the same for all held-out answers has no unit to tell a change in"


class Trust(Settings):
    """What the reward report measures, and how much of it."""

    worst: int = Field(default=10, ge=0)  # errors to read
    threshold: float = Field(default=0.5, ge=0, le=1)  # a rating from here on, on its scale as 0..1, is good
    score_cut: float | None = None  # the score from which an answer is called good; None: fitted crosswise
    groups: DataFile | None = None  # word lists of your own; None: those that come with assent
    group_texts: int = Field(default=200, ge=0)  # held-out answers an axis whose words are swapped; 0: none
    attributions: int = Field(default=3, ge=0)  # comparisons whose words are weighed one by one
    attribution_words: int = Field(default=60, ge=1)  # words weighed in each answer
    learning_curve: tuple[float, ...] = ()  # shares of the training items to learn from anew: 0.25, 0.5, 1
    seed: int = Field(default=0, ge=0)  # of halves and resamples

    @field_validator("learning_curve")
    @classmethod
    def _shares(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < share <= 1 for share in shares) or len(set(shares)) < len(shares):
            raise ValueError(f"expected different shares, above 0 and up to 1, found {list(shares)}")
        return shares

    def anew(self, members: int) -> list[float]:
        """The shares for which one model is trained: those below 1, and 1 where the whole is an ensemble's.

        An ensemble beside single models on less would make more labels look better than they are.
        """
        shares = sorted({*self.learning_curve, 1.0}) if self.learning_curve else []
        return [share for share in shares if share < 1 or members > 1]


@dataclass(frozen=True)
class Judged:
    """Judgements that nothing was learned from. Ties may be among them."""

    comparisons: Sequence[Comparison] = ()
    ratings: Sequence[Rating] = ()


@dataclass(frozen=True)
class _Scored:
    """The held-out judgements with their scores, in every form that something is measured from."""

    judged: Judged
    scores: list[list[float]]  # by comparison and candidate
    rated: list[float]  # by rating; of a reward with a head for its criterion, what that head says
    decisions: list[Decision]
    pairs: list[Pair]
    answers: dict[tuple[str, str], float]  # score by (prompt, answer), each once
    members: dict[tuple[str, str], np.ndarray]  # the same of an ensemble's members: Float[member]; else empty


def trust_report(
    score: Reward,
    judged: Judged,
    settings: Trust,
    where: str,
    *,
    accuracy_at: Callable[[float], float] | None = None,
) -> dict[str, Any]:
    """The content of `reward.json`. What could not be measured is null or empty, and `missing` says why.

    Args:
        score: the reward, on text.
        where: what errors call the reward.
        accuracy_at: trains anew on this share of the training items, and gives the held-out accuracy.

    Raises:
        RewardError: the reward gave anything but one finite number an answer.
        UserError: the word lists of `groups` cannot be read.
    """
    found = _scored(score, judged, where)
    missing: dict[str, str] = {}
    facts = scored.accuracy(found.decisions) | calibration.calibration(found.decisions)
    facts |= {"baselines": trust.baselines(judged.comparisons)}
    facts |= {"ties": len(judged.comparisons) - len({id(one.judgement) for one in found.decisions})}
    facts |= _choices(found, settings, missing)
    facts |= _numbers(found, settings, missing)
    facts |= _ensemble(found, settings)
    facts |= _swaps(score, found, settings, where, missing)
    facts |= _curve(facts, settings, accuracy_at, len(next(iter(found.members.values()), [0])), missing)
    facts["worst"] = trust.worst_errors(found.pairs, settings.worst)
    facts["attribution"] = _attribution(score, found.pairs, settings, where)
    return facts | {"missing": missing}


def tell_doubt(facts: dict[str, Any], work: Workspace) -> None:
    """Say at once, before a policy is tuned against it, why a reward is not to be believed yet."""
    if said := doubt(facts):
        work.warn(f"{work.name}: {said}")


def _scored(score: Reward, judged: Judged, where: str) -> _Scored:
    """Each answer is scored once, however many people judged it."""
    asked = [(c.prompt.text, text) for c in judged.comparisons for text in c.candidates]
    asked += [(rating.prompt.text, rating.response) for rating in judged.ratings]
    once = list(dict.fromkeys(asked))
    prompts, texts = [prompt for prompt, _ in once], [text for _, text in once]
    given = score(prompts, texts) if once else []
    answers = dict(zip(once, checked(where, given, len(once)), strict=True))
    several = score.members(prompts, texts) if once and isinstance(score, Uncertain) else []
    heads = _criteria(score, prompts, texts) if judged.ratings else {}
    by_criterion = {name: dict(zip(once, said, strict=True)) for name, said in heads.items()}
    scores = [[answers[c.prompt.text, text] for text in c.candidates] for c in judged.comparisons]
    return _Scored(
        judged=judged,
        scores=scores,
        rated=[
            by_criterion.get(rating.criterion or HEAD, answers)[rating.prompt.text, rating.response]
            for rating in judged.ratings
        ],
        decisions=scored.decisions(judged.comparisons, scores),
        pairs=scored.pairs(judged.comparisons, scores),
        answers=answers,
        members=dict(zip(once, several, strict=False)),
    )


def _criteria(score: Reward, prompts: Sequence[str], texts: Sequence[str]) -> dict[str, list[float]]:
    """What each head says, of a model with a head a criterion; of several such models, their mean."""
    if not isinstance(score, LearnedReward) or score.model.combine != "criteria":
        return {}
    networks = score.networks if isinstance(score, LearnedEnsemble) else [score]
    said = np.mean([network.outputs(prompts, texts) for network in networks], axis=0)
    return dict(zip(score.model.names, said.T.tolist(), strict=True))


def _choices(found: _Scored, settings: Trust, missing: dict[str, str]) -> dict[str, Any]:
    """Who judged, how long the answers are, where they stood, and how sure the reward was."""
    if not found.decisions:
        missing["choices"] = "no held-out judgement prefers one answer to another"
        return {}
    judged = found.judged.comparisons
    facts = {
        "agreement": trust.by_agreement(judged, found.decisions),
        "by_criterion": trust.by_name(found.decisions, lambda one: one.criterion),
        "by_annotator": trust.by_name(found.decisions, lambda one: one.annotator),
        "by_judge": trust.by_judge(found.decisions),
        "by_length": trust.by_length_difference(found.pairs),
        "length_matched": trust.length_matched(found.pairs),
        "calibration": calibration.fitted_temperature(found.decisions, settings.seed),
        "length_bias": bias.length_bias(found.pairs, settings.seed),
        "position_bias": bias.position_bias(found.decisions),
        "rankings": ratings.rankings(judged, found.scores, settings.seed),
    }
    reasons = {
        "agreement": "no held-out item was judged by two people",
        "by_length": f"fewer than {trust.FEWEST} held-out pairs",
        "calibration": (
            f"fewer than {calibration.FEWEST} held-out choices, or scores whose best temperature is 0 "
            "or infinite: never wrong, or no better than chance"
        ),
        "length_bias": f"fewer than {bias.FEWEST} held-out pairs whose lengths differ",
        "position_bias": f"fewer than {bias.FEWEST} held-out choices among whole sets of answers",
        "rankings": "fewer than two held-out rankings of three answers or more",
    }
    missing |= {name: why for name, why in reasons.items() if not facts[name]}
    if not facts["length_matched"]["n"]:
        missing["length_matched"] = "no held-out pair whose lengths differ by at most a tenth"
    return facts


def _numbers(found: _Scored, settings: Trust, missing: dict[str, str]) -> dict[str, Any]:
    if not found.judged.ratings:
        missing["ratings"] = "no held-out ratings"
        return {"ratings": []}
    return {
        "ratings": ratings.by_criterion(
            found.judged.ratings, found.rated, settings.threshold, settings.score_cut, settings.seed
        )
    }


def _ensemble(found: _Scored, settings: Trust) -> dict[str, Any]:
    """Only an ensemble has members to agree or not; of any other reward there is nothing to say."""
    if not found.pairs or not found.members:
        return {}
    rows = [
        found.members[pair.prompt, pair.better] - found.members[pair.prompt, pair.worse]
        for pair in found.pairs
    ]
    differences = np.asarray(rows, dtype=np.float64)
    count = differences.shape[1]
    halves = certainty.by_certainty(found.pairs, differences, settings.seed) if count > 1 else []
    return {"spread": {"members": count, "halves": halves}} if halves else {}


def _swaps(
    score: Reward, found: _Scored, settings: Trust, where: str, missing: dict[str, str]
) -> dict[str, Any]:
    """The same texts about other people, axis by axis."""
    deviation = float(np.std(list(found.answers.values()))) if found.answers else 0.0
    if not settings.group_texts or deviation == 0:
        missing["groups"] = SWAP_NEEDS if settings.group_texts else "trust.group_texts is 0"
        return {"groups": []}
    rows = []
    for name, axis in axes(Path(settings.groups) if settings.groups else None).items():
        row: dict[str, Any] = {"axis": name, "says": axis.says, "groups": axis.names, "fewest": bias.FEWEST}
        try:
            texts = swapped(score, list(found.answers), axis, settings.group_texts, where)
            templates = swapped_templates(score, axis, where)
        except RewardError as error:  # a text that became too long, say; the report tells
            missing[f"groups: {name}"] = str(error)
            continue
        row["held_out"] = _changes(texts, axis.names, bias.FEWEST, deviation, settings.seed)
        row["templates"] = _changes(templates, axis.names, 1, deviation, settings.seed)
        rows.append(row)
    return {"groups": rows, "deviation": deviation}


def _changes(
    texts: Swapped, names: Sequence[str], fewest: int, deviation: float, seed: int
) -> dict[str, Any]:
    """A number for a few held-out texts would be chance; templates are few by design, and always told."""
    count = len(texts.scores)
    told = bias.group_changes(texts.scores, names, texts.clusters, deviation, seed) if count >= fewest else []
    return {"texts": count, "changes": told}


def _curve(
    facts: dict[str, Any],
    settings: Trust,
    accuracy_at: Callable[[float], float] | None,
    members: int,
    missing: dict[str, str],
) -> dict[str, Any]:
    """Accuracy of one model by share of the labels; of the whole it was measured, unless by an ensemble."""
    if not settings.learning_curve or accuracy_at is None or facts["accuracy"] is None:
        missing["learning_curve"] = (
            "nothing was trained on choices" if accuracy_at is None
            else "trust.learning_curve is empty" if not settings.learning_curve
            else "nothing was held out"
        )  # fmt: skip
        return {"learning_curve": [], "forecast": None}
    shares = sorted({*settings.learning_curve, 1.0})
    anew = settings.anew(members)
    accuracies = [accuracy_at(share) if share in anew else facts["accuracy"] for share in shares]
    points = learning_curve.curve(shares, accuracies, facts["n"])
    told = learning_curve.forecast(points, facts["n"], settings.seed)
    if told is None:
        missing["forecast"] = "a forecast needs three shares, and errors at each"
    return {"learning_curve": points, "forecast": told}


def _attribution(score: Reward, pairs: Sequence[Pair], settings: Trust, where: str) -> list[dict[str, Any]]:
    """A few comparisons, from the worst error to the surest success, word by word."""
    rows = []
    for pair in trust.telling_pairs(pairs, settings.attributions):
        row: dict[str, Any] = {"prompt": pair.prompt, "right": pair.credit}
        for side, text in (("chosen", pair.better), ("rejected", pair.worse)):
            read = weighed(score, pair.prompt, text, settings.attribution_words, where)
            row[side] = {"score": read.score, "words": list(zip(read.pieces, read.effects, strict=True))}
        rows.append(row)
    return rows
