"""`stage: reward`, `kind: neural`: a scalar head on a text model, fitted to what people preferred."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch

from assent.batch import PreferenceBatch
from assent.data.jsonl import write_jsonl
from assent.data.sources import comparison_row, comparisons
from assent.functional.preference import credit_of_prediction, expected_calibration_error, winner_probability
from assent.functional.statistics import wilson_interval
from assent.models.heads import RewardModel
from assent.models.load import load, save_reward
from assent.records import Comparison
from assent.stages import forecasting
from assent.stages.common import checkpoint, reporter
from assent.stages.judgements import (
    FromJudgements,
    batches_of,
    check_judgements,
    split_by_prompt,
    unseen_batches,
)
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import seed_of
from assent.training.learner import Learner, evaluated
from assent.training.reward import candidate_scores, reward_terms, train_reward

RESULT = "model"


class Config(FromJudgements):
    """Settings of `stage: reward`, `kind: neural`."""

    kind: Literal["neural"] = "neural"


def run(config: Config, work: Workspace) -> None:
    torch.manual_seed(seed_of(config.seed, "adapters"))  # a low-rank adapter begins at random
    body, tokenizer = load(config.model, config.lora)
    torch.manual_seed(seed_of(config.seed, "head"))
    model = RewardModel(body).to(parallel.device())
    judged = comparisons(config.preferences)
    cut = check_judgements(judged, config, body, tokenizer, work.name)
    split = split_by_prompt(judged, config.held_out, config.seed)
    steps = config.updates(len(split.train))
    learner = Learner({"model": model}, config.learning_rate, config.optimiser, steps, config.micro_batch)
    unseen = unseen_batches(config, split.unseen, tokenizer)
    log = reporter(work, steps, ("loss", "accuracy", "held_out_accuracy"))
    train_reward(
        model,
        batches_of(config, split.train, tokenizer),
        learner,
        checkpoint(work, learner),
        steps,
        lambda step, stats: log(step, {**stats, **cut}),
        held_out=unseen,
        evaluate_every=config.evaluate_every,
        seed=config.seed,
    )
    write_jsonl(work.folder / "held_out.jsonl", (comparison_row(comparison) for comparison in split.unseen))
    facts = trusted(model.eval(), unseen) | {"baselines": baselines(split.unseen)}
    (work.folder / "reward.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
    save_reward(model, tokenizer, work.folder / RESULT)


def trusted(model: RewardModel, unseen: Sequence[PreferenceBatch]) -> dict[str, object]:
    """How often the model agrees with single judgements on prompts that it never saw, and how sure it was.

    Ties are left out. With nothing held out every number is null.
    """
    if not unseen:
        return dict.fromkeys(("accuracy", "ci_low", "ci_high", "ece", "loss")) | {"n": 0, "reliability": []}
    with torch.no_grad():
        scores = torch.cat([candidate_scores(model, batch.to(model.body.device)) for batch in unseen]).cpu()
    votes = torch.cat([batch.votes for batch in unseen])
    correct = credit_of_prediction(scores, votes)
    low, high = wilson_interval(correct.sum().item(), len(correct))
    error, curve = expected_calibration_error(winner_probability(scores), correct)
    loss = evaluated((b.to(model.body.device) for b in unseen), lambda batch: reward_terms(model, batch))[
        "loss"
    ]
    return {
        "accuracy": correct.mean().item(),
        "ci_low": low,
        "ci_high": high,
        "ece": error,
        "loss": loss,
        "n": len(correct),
        "reliability": curve,
    }


def baselines(judged: Sequence[Comparison]) -> dict[str, float | None]:
    """How far three rules without a model get on the same judgements, ties left out."""
    clear = [c for c in judged if c.choice is not None]
    if not clear:
        return dict.fromkeys(("always_left", "longer_wins", "shorter_wins"))

    def right(rule: Callable[[Comparison], int]) -> float:
        return sum(rule(c) == c.choice for c in clear) / len(clear)

    return {
        "always_left": right(lambda _: 0),
        "longer_wins": right(lambda c: max(range(len(c.candidates)), key=lambda k: len(c.candidates[k]))),
        "shorter_wins": right(lambda c: min(range(len(c.candidates)), key=lambda k: len(c.candidates[k]))),
    }


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    rows = round(forecasting.rows(config.preferences, inputs) * (1 - config.held_out))
    model = forecasting.model(config.model, inputs)
    tokens = 2 * forecasting.tokens_a_row(config.preferences)
    return forecasting.training(config, rows, tokens, model, learns=0.02 if config.lora else 1.0)
