"""Learn what people prefer: a scalar head on a language model, fitted to their choices."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from pydantic import Field

from assent.batch import PreferenceBatch
from assent.config import DataFile, ModelSource
from assent.data.batching import Item, merge_votes, preference_batch
from assent.data.jsonl import write_jsonl
from assent.data.sources import comparison_row, comparisons
from assent.data.stream import Stream, held_out
from assent.errors import UserError
from assent.functional.preference import credit_of_prediction, expected_calibration_error, winner_probability
from assent.functional.statistics import wilson_interval
from assent.models.heads import RewardModel
from assent.models.load import LoRA, load, save_reward
from assent.models.tokenizer import Tokenizer
from assent.records import Comparison
from assent.stages import forecasting
from assent.stages.common import Training, checkpoint, reporter
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import seed_of
from assent.training.learner import Learner, evaluated
from assent.training.reward import candidate_scores, reward_terms, train_reward

VERSION = 1
RESULT = "model"
TRAINS_ON = ("preferences",)


class Config(Training):
    """Settings of `stage: reward`."""

    model: ModelSource
    preferences: DataFile
    lora: LoRA | None = None  # None: all weights learn
    max_response_tokens: int | None = Field(default=None, ge=2)
    held_out: float = Field(default=0.15, ge=0, lt=1)  # share of the prompts


@dataclass(frozen=True)
class Split:
    """Judgements, split by prompt: no prompt stands on both sides."""

    train: list[Item]
    unseen: list[Comparison]


def run(config: Config, work: Workspace) -> None:
    torch.manual_seed(seed_of(config.seed, "adapters"))  # a low-rank adapter begins at random
    body, tokenizer = load(config.model, config.lora)
    torch.manual_seed(seed_of(config.seed, "head"))
    model = RewardModel(body).to(parallel.device())
    judged = comparisons(config.preferences)
    split = split_by_prompt(judged, config.held_out, config.seed)
    counts = sorted({len(comparison.candidates) for comparison in judged})
    if len(counts) != 1:
        raise UserError(f"{work.name}: items have {counts} candidates; give one number of candidates a file")
    batches = _batches(config, split.train, tokenizer)
    steps = config.updates(len(split.train))
    learner = Learner({"model": model}, config.learning_rate, config.optimiser, steps, config.micro_batch)
    unseen = _chunks([one_vote(c) for c in split.unseen if c.choice is not None], tokenizer, config)
    train_reward(
        model,
        batches,
        learner,
        checkpoint(work, learner),
        steps,
        reporter(work, steps, ("loss", "accuracy", "held_out_accuracy")),
        held_out=unseen,
        evaluate_every=config.evaluate_every,
        seed=config.seed,
    )
    write_jsonl(work.folder / "held_out.jsonl", (comparison_row(comparison) for comparison in split.unseen))
    facts = trusted(model.eval(), unseen) | {"baselines": baselines(split.unseen)}
    (work.folder / "reward.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
    save_reward(model, tokenizer, work.folder / RESULT)


def split_by_prompt(judged: Sequence[Comparison], share: float, seed: int) -> Split:
    out = held_out([comparison.prompt.text for comparison in judged], share, seed)
    train = [comparison for comparison, is_out in zip(judged, out, strict=True) if not is_out]
    return Split(merge_votes(train), [c for c, is_out in zip(judged, out, strict=True) if is_out])


def _batches(config: Config, items: Sequence[Item], tokenizer: Tokenizer) -> Callable[[int], PreferenceBatch]:
    stream = Stream(len(items), config.batch, config.seed, parallel.rank(), parallel.ranks())

    def batch(step: int) -> PreferenceBatch:
        return preference_batch(
            [items[row] for row in stream.step(step)], tokenizer, config.max_response_tokens
        )

    return batch


def one_vote(comparison: Comparison) -> Item:
    """One person's judgement as an item of its own; a tie gives everyone an equal share."""
    count = len(comparison.candidates)
    tie = comparison.choice is None
    votes = tuple(1 / count if tie else float(k == comparison.choice) for k in range(count))
    return Item(comparison.prompt, comparison.candidates, votes, 1)


def _chunks(items: Sequence[Item], tokenizer: Tokenizer, config: Config) -> list[PreferenceBatch]:
    starts = range(0, len(items), config.micro_batch)
    chunks = [items[start : start + config.micro_batch] for start in starts]
    return [preference_batch(chunk, tokenizer, config.max_response_tokens) for chunk in chunks]


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
