"""`stage: policy` with `algorithm: dpo`: learn from judgements directly, with no reward model between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field

from assent.batch import PreferenceBatch
from assent.config import DataFile, ModelSource
from assent.data.batching import Item, preference_batch
from assent.data.sources import comparisons
from assent.data.stream import Stream
from assent.errors import UserError
from assent.models.language_model import LanguageModel
from assent.models.load import LoRA, load, reference_of, save
from assent.models.tokenizer import Tokenizer
from assent.records import Comparison
from assent.stages import forecasting
from assent.stages.common import Training, checkpoint, reporter
from assent.stages.reward import one_vote, split_by_prompt
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import seed_of
from assent.training.dpo import DPOConfig, train_dpo
from assent.training.learner import Learner

RESULT = "model"


class Direct(Training, DPOConfig):
    """Settings of `stage: policy` with `algorithm: dpo`. The defaults are those of arXiv:2305.18290."""

    algorithm: Literal["dpo"] = "dpo"
    model: ModelSource
    preferences: DataFile
    lora: LoRA | None = None  # None: all weights learn, and the reference is a frozen copy
    max_response_tokens: int | None = Field(default=None, ge=2)  # longer answers are cut, and lose their end
    held_out: float = Field(default=0.15, ge=0, lt=1)  # share of the prompts
    batch: int = Field(default=64, ge=1)  # items an update, over all ranks
    learning_rate: float = Field(default=1e-6, gt=0)  # for all weights; adapters and small models want more
    gradient_checkpointing: bool = False  # less memory for activations, for a third more arithmetic


def run(config: Direct, work: Workspace) -> None:
    """Make `work.folder / RESULT`: a policy that finds likelier what people chose.

    Raises:
        UserError: items differ in their number of candidates, or are longer than the model can read.
    """
    torch.manual_seed(seed_of(config.seed, "adapters"))  # a low-rank adapter begins at random
    model, tokenizer = load(config.model, config.lora)
    model.to(parallel.device()).eval()
    if config.gradient_checkpointing:
        model.recompute()
    judged = comparisons(config.preferences)
    cut = _check(judged, config, model, tokenizer, work.name)
    split = split_by_prompt(judged, config.held_out, config.seed)
    steps = config.updates(len(split.train))
    learner = Learner({"policy": model}, config.learning_rate, config.optimiser, steps, config.micro_batch)
    log = reporter(work, steps, ("loss", "accuracy", "held_out_accuracy"))
    train_dpo(
        model,
        reference_of(model),
        _batches(config, split.train, tokenizer),
        learner,
        checkpoint(work, learner),
        config,
        lambda step, stats: log(step, {**stats, **cut}),
        steps=steps,
        held_out=_chunks([one_vote(c) for c in split.unseen if c.choice is not None], tokenizer, config),
        evaluate_every=config.evaluate_every,
    )
    save(model, tokenizer, work.folder / RESULT, kind="policy")


def _check(
    judged: Sequence[Comparison], config: Direct, model: LanguageModel, tokenizer: Tokenizer, where: str
) -> dict[str, float]:
    """What had to be cut, told only where it happened."""
    counts = sorted({len(comparison.candidates) for comparison in judged})
    if len(counts) != 1:
        raise UserError(f"{where}: items have {counts} candidates; give one number of candidates a file")
    longest, prompts_cut, responses_cut = 0, 0, 0
    for comparison in judged:
        prompt, prompt_cut = tokenizer.prompt_ids(comparison.prompt)
        answers = [tokenizer.response_ids(text, config.max_response_tokens) for text in comparison.candidates]
        longest = max(longest, len(prompt) + max(len(ids) for ids, _ in answers))
        prompts_cut += prompt_cut
        responses_cut += sum(was_cut for _, was_cut in answers)
    if model.context is not None and longest > model.context:
        raise UserError(
            f"{where}: the longest prompt and answer of {config.preferences} have {longest} tokens, and the "
            f"model can read {model.context}: lower max_response_tokens, or leave the longest items out"
        )
    told = {"prompts_cut": float(prompts_cut), "responses_cut": float(responses_cut)}
    return {name: count for name, count in told.items() if count}


def _batches(config: Direct, items: Sequence[Item], tokenizer: Tokenizer) -> Callable[[int], PreferenceBatch]:
    stream = Stream(len(items), config.batch, config.seed, parallel.rank(), parallel.ranks())

    def batch(step: int) -> PreferenceBatch:
        rows = [items[row] for row in stream.step(step)]
        return preference_batch(rows, tokenizer, config.max_response_tokens)

    return batch


def _chunks(items: Sequence[Item], tokenizer: Tokenizer, config: Direct) -> list[PreferenceBatch]:
    starts = range(0, len(items), config.micro_batch)
    return [
        preference_batch(items[start : start + config.micro_batch], tokenizer, config.max_response_tokens)
        for start in starts
    ]


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
