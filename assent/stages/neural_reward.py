"""`stage: reward`, `kind: neural`: heads on a text model, fitted to what people said of answers."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from pydantic import Field, model_validator

from assent.config import DataFile, Settings
from assent.data.files.jsonl import write_jsonl
from assent.data.ratings import rating_row, ratings
from assent.data.sources import comparison_row, comparisons
from assent.errors import UserError
from assent.evaluation import scored
from assent.models.heads import RewardModel
from assent.models.load import (
    load_members,
    load_reward,
    load_trunk,
    save_members,
    save_reward,
    saved_settings,
)
from assent.models.tokenizer import Tokenizer
from assent.records import Comparison, Rating
from assent.rewards.learned import LearnedReward, learned
from assent.rewards.reward import Ensemble, Reward, checked
from assent.stages import forecasting
from assent.stages.common import checkpoint, reporter
from assent.stages.judgement_facts import facts_of_comparisons, facts_of_ratings, tell
from assent.stages.judgements import OnJudgements, check_lengths
from assent.stages.lessons import Lessons, ObjectiveName, preference_lessons, rating_lessons, texts_of
from assent.stages.parts_of_work import part_of, unseen_part
from assent.stages.trust import HEAD, Judged, Trust, tell_doubt, trust_report
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import seed_of
from assent.training.learner import Learner
from assent.training.reward import train_reward

RESULT = "model"
OF_RATINGS = ("ratings", "labels")


class Members(Settings):
    """An ensemble: several judgements of an answer, whose spread tells how sure they are."""

    members: int = Field(default=1, ge=1)
    of: Literal["heads", "seeds"] = (
        "heads"  # heads on one trunk, each with its own bootstrap; or whole models
    )


class Config(OnJudgements):
    """Settings of `stage: reward`, `kind: neural`."""

    kind: Literal["neural"] = "neural"
    preferences: DataFile | None = None  # choices, rankings, pairs
    ratings: DataFile | None = None  # numbers, or good and bad
    objective: ObjectiveName | None = None  # None: by what the file holds
    margin_coef: float = Field(default=0.0, ge=0)  # how much wider a gap of scores a strength of 1 asks for
    ensemble: Members = Members()
    trust: Trust = Trust()

    @model_validator(mode="after")
    def _one_kind_of_judgement(self) -> "Config":
        if (self.preferences is None) == (self.ratings is None):
            raise ValueError("give preferences or ratings, one of them")
        rated = self.ratings is not None
        if self.objective and (self.objective in OF_RATINGS) != rated:
            given = "ratings" if rated else "preferences"
            raise ValueError(f"objective {self.objective} does not learn from {given}")
        if self.margin_coef and (rated or self.objective not in (None, "pairs")):
            raise ValueError("margin_coef goes with preferences and objective: pairs")
        return self

    @property
    def source(self) -> DataFile:
        source = self.preferences or self.ratings
        assert source is not None  # _one_kind_of_judgement
        return source

    @property
    def heads(self) -> int:
        """Members on one trunk."""
        return self.ensemble.members if self.ensemble.of == "heads" else 1

    @property
    def trunks(self) -> int:
        return self.ensemble.members if self.ensemble.of == "seeds" else 1


@dataclass(frozen=True)
class Given:
    """A file of judgements, read and split."""

    said: Sequence[Comparison] | Sequence[Rating]
    lessons: Lessons
    unseen: Judged
    facts: dict[str, Any]


def run(config: Config, work: Workspace) -> None:
    given = read(config, work)
    tell(given.facts, config.source, work.name, work.warn)
    write_unseen(given.unseen, work)
    folder = work.folder / RESULT
    if config.trunks == 1:
        save_reward(*fitted(config, given, work), folder)
    else:
        save_members(each_trunk(config, given, work), folder)
    score = as_reward(load_members(str(folder)), config, work.name)
    accuracy = accuracy_at(config, given, work) if given.unseen.comparisons else None
    facts = trust_report(score, given.unseen, config.trust, work.name, accuracy_at=accuracy)
    facts |= {"objective": given.lessons.objective, "judgements": given.facts}
    (work.folder / "reward.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
    tell_doubt(facts, work)


def read(config: Config, work: Workspace) -> Given:
    if config.preferences is not None:
        judged = comparisons(config.preferences)
        lessons, held = preference_lessons(judged, config, config.objective, config.margin_coef, work.name)
        return Given(judged, lessons, Judged(comparisons=held), facts_of_comparisons(judged))
    rated = ratings(config.source)
    lessons, unseen = rating_lessons(rated, config, config.objective, work.name)
    if len(lessons.criteria) > 1 and config.heads > 1:
        raise UserError(
            f"{work.name}: {config.source} holds {len(lessons.criteria)} criteria, each with a head of its "
            "own: an ensemble over them has of: seeds"
        )
    return Given(rated, lessons, Judged(ratings=unseen), facts_of_ratings(rated))


def write_unseen(unseen: Judged, work: Workspace) -> None:
    rows = [*map(comparison_row, unseen.comparisons), *map(rating_row, unseen.ratings)]
    write_jsonl(work.folder / "held_out.jsonl", rows)


def fitted(config: Config, given: Given, work: Workspace, member: int = 0) -> tuple[RewardModel, Tokenizer]:
    """One trunk with its heads, trained; or, where that is done already, as it was left."""
    model, tokenizer = begun(config, given.lessons, work.name, member)
    texts = texts_of(given.said)
    cut = check_lengths(texts, config.source, config, model.body, tokenizer, work.name)
    batches = given.lessons.batches(config, tokenizer, config.heads)
    steps = given.lessons.updates(config)
    learner = Learner({"model": model}, config.learning_rate, config.optimiser, steps, config.micro_batch)
    log = reporter(work, steps, ("loss", "accuracy", "held_out_accuracy", "held_out_error"))
    train_reward(
        model,
        batches,
        learner,
        checkpoint(work, learner),
        steps,
        lambda step, stats: log(step, {**stats, **cut}),
        objective=given.lessons.terms,
        held_out=given.lessons.unseen_batches(config, tokenizer),
        evaluate_every=config.evaluate_every,
        seed=config.seed,
    )
    if config.preferences is not None and config.ensemble.members > 1:
        # Comparisons leave each member's zero open, and two zeros would look like two opinions.
        asked = [(prompt.text, answer) for prompt, answers in texts for answer in answers]
        LearnedReward(model.eval(), tokenizer, longer="cut").centre(*zip(*asked, strict=True))
    return model.eval(), tokenizer


def begun(config: Config, lessons: Lessons, where: str, member: int) -> tuple[RewardModel, Tokenizer]:
    """A trunk with heads that begin at random, or as the reward that the trunk is taken from left them.

    Heads go on when there are as many, of the same names and kind; the trunk goes on in any case.
    """
    source = _member_of(config, member, where)
    torch.manual_seed(seed_of(config.seed, "adapters"))  # a low-rank adapter begins at random
    body, tokenizer = load_trunk(source, config.lora, config.template)
    torch.manual_seed(seed_of(config.seed, "head"))
    model = RewardModel(body, **_outputs(config, lessons))
    if saved_settings(source).get("kind") == "reward":
        before, _ = load_reward(source)
        if (before.names, before.combine) == (model.names, model.combine):
            model.head.load_state_dict(before.head.state_dict())
            model.head.weights.copy_(before.head.weights)
    return model.to(parallel.device()), tokenizer


def _member_of(config: Config, member: int, where: str) -> str:
    """Where a trunk comes from: each network of an earlier ensemble goes on as itself."""
    earlier = saved_settings(config.model).get("members")
    if earlier is None:
        return config.readable
    if earlier != config.trunks:
        raise UserError(
            f"{where}: {config.model} is an ensemble of {earlier} networks: going on from it needs "
            f"ensemble: {{members: {earlier}, of: seeds}}"
        )
    return f"{config.model}/members/{member}"


def _outputs(config: Config, lessons: Lessons) -> dict[str, Any]:
    if config.heads > 1:
        return {"names": [f"member {number}" for number in range(config.heads)], "combine": "members"}
    if lessons.criteria:
        return {"names": [name or HEAD for name in lessons.criteria], "combine": "criteria"}
    return {"names": ("score",), "combine": "members"}


def each_trunk(config: Config, given: Given, work: Workspace) -> Iterator[tuple[RewardModel, Tokenizer]]:
    """The networks of an ensemble, one after another: other heads, another order of the rows.

    Deep ensembles, arXiv:1612.01474. Each has checkpoints of its own, and every row of the log says whose.
    """
    for member in range(config.trunks):
        seed = seed_of(config.seed, "member", member) if member else config.seed
        own = config.model_copy(update={"seed": seed})
        steps = given.lessons.updates(own)
        yield fitted(own, given, part_of(work, member, config.trunks, steps), member)


def as_reward(networks: Sequence[tuple[RewardModel, Tokenizer]], config: Config, name: str) -> Reward:
    """What was made, as `policy` will use it; texts longer than the model reads were cut in training too."""
    longer = "cut" if config.max_response_tokens else "refuse"
    return learned(
        [
            LearnedReward(model.to(parallel.device()), tokenizer, longer=longer, name=name)
            for model, tokenizer in networks
        ],
        Ensemble(),
    )


def accuracy_at(config: Config, given: Given, work: Workspace) -> Callable[[float], float]:
    """Trains one trunk anew on a share of the items, in a place of its own, for as many passes over them.

    It begins as the first network of an ensemble does, and is judged alone.
    """
    alone = {"model": _member_of(config, 0, work.name), "ensemble": Members()}

    def accuracy(share: float) -> float:
        fewer = replace(given, lessons=given.lessons.share(share, config.seed))
        steps = max(1, round(share * config.steps)) if config.steps else None
        shorter = config.model_copy(update={"steps": steps, **alone})
        score = as_reward([fitted(shorter, fewer, unseen_part(work, f"share-{share:g}"))], config, work.name)
        return _accuracy(score, given.unseen.comparisons, work.name)

    return accuracy


def _accuracy(score: Reward, judged: Sequence[Comparison], where: str) -> float:
    rows = [
        checked(where, score([c.prompt.text] * len(c.candidates), c.candidates), len(c.candidates))
        for c in judged
    ]
    return scored.accuracy(scored.decisions(judged, rows))["accuracy"]


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    source = config.source
    rows = round(forecasting.rows(source, inputs) * (1 - config.held_out))
    model = forecasting.model(config.model, inputs)
    tokens = (1 if config.preferences is None else 2) * forecasting.tokens_a_row(source)
    once = forecasting.training(config, rows, tokens, model, learns=0.02 if config.lora else 1.0)
    runs = config.trunks + sum(config.trust.anew(config.ensemble.members))
    return replace(
        once, flops=once.flops * runs, calls=once.calls * runs, disk_bytes=once.disk_bytes * config.trunks
    )
