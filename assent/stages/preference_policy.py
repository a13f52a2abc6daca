"""`stage: policy` with `algorithm: dpo`: learn from judgements directly, with no reward model between."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field

from assent.data.sources import comparisons
from assent.models.load import load, reference_of, save
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
from assent.training.dpo import DPOConfig, train_dpo
from assent.training.learner import Learner

RESULT = "model"


class Direct(FromJudgements, DPOConfig):
    """Settings of `stage: policy` with `algorithm: dpo`. The defaults are those of arXiv:2305.18290."""

    algorithm: Literal["dpo"] = "dpo"
    batch: int = Field(default=64, ge=1)  # items an update, over all ranks
    learning_rate: float = Field(default=1e-6, gt=0)  # for all weights; adapters and small models want more
    gradient_checkpointing: bool = False  # less memory for activations, for a third more arithmetic


def run(config: Direct, work: Workspace) -> None:
    """Make `work.folder / RESULT`: a policy that finds likelier what people chose.

    Raises:
        UserError: items differ in their number of candidates, or are longer than the model can read.
    """
    torch.manual_seed(seed_of(config.seed, "adapters"))  # a low-rank adapter begins at random
    model, tokenizer = load(config.readable, config.lora, config.template)
    model.to(parallel.device()).eval()
    if config.gradient_checkpointing:
        model.recompute()
    judged = comparisons(config.preferences)
    cut = check_judgements(judged, config, model, tokenizer, work.name)
    split = split_by_prompt(judged, config.held_out, config.seed)
    steps = config.updates(len(split.train))
    learner = Learner({"policy": model}, config.learning_rate, config.optimiser, steps, config.micro_batch)
    log = reporter(work, steps, ("loss", "accuracy", "held_out_accuracy"))
    train_dpo(
        model,
        reference_of(model),
        batches_of(config, split.train, tokenizer),
        learner,
        checkpoint(work, learner),
        config,
        lambda step, stats: log(step, {**stats, **cut}),
        steps=steps,
        held_out=unseen_batches(config, split.unseen, tokenizer),
        evaluate_every=config.evaluate_every,
    )
    save(model, tokenizer, work.folder / RESULT, kind="policy")


def forecast(config: Direct, inputs: Mapping[str, Forecast]) -> Forecast:
    rows = round(forecasting.rows(config.preferences, inputs) * (1 - config.held_out))
    model = forecasting.model(config.model, inputs)
    tokens = 2 * forecasting.tokens_a_row(config.preferences)
    work = forecasting.training(config, rows, tokens, model, learns=0.02 if config.lora else 1.0)
    copy = 0.0 if config.lora else 4 * (model.parameters or 0.0)
    # the reference reads everything too: one forward beside the three that an update costs
    return replace(
        work, flops=work.flops * 4 / 3, calls=work.calls * 4 / 3, memory_bytes=work.memory_bytes + copy
    )
