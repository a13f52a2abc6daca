"""Teach a model to answer: imitate demonstrations, with the loss on the answer only."""

from collections.abc import Mapping, Sequence

import torch
from pydantic import Field

from assent.batch import LanguageBatch
from assent.config import DataFile
from assent.data.batching import Cut, Example, encode_demonstrations, language_batch
from assent.data.sources import demonstrations
from assent.data.stream import Stream, held_out
from assent.errors import UserError
from assent.models.language_model import LanguageModel
from assent.models.load import LoRA, load, save
from assent.models.tokenizer import Tokenizer
from assent.stages import forecasting
from assent.stages.common import Training, checkpoint, reporter
from assent.stages.judgement_facts import tell_repeats
from assent.stages.starting_model import StartingModel
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import seed_of
from assent.training.language import train_language
from assent.training.learner import Learner

VERSION = 1
RESULT = "model"
TRAINS_ON = ("data",)


class Config(StartingModel, Training):
    """Settings of `stage: finetune`."""

    data: DataFile
    lora: LoRA | None = None  # None: all weights learn
    max_response_tokens: int | None = Field(default=None, ge=2)  # longer answers are cut, and lose their end


def run(config: Config, work: Workspace) -> None:
    torch.manual_seed(seed_of(config.seed, "adapters"))  # a low-rank adapter begins at random
    model, tokenizer = load(config.readable, config.lora, config.template)
    model.to(parallel.device())
    rows = demonstrations(config.data)
    tell_repeats(rows, config.data, work.name, work.warn)
    unseen = held_out([row.prompt.text for row in rows], config.held_out, config.seed)
    examples, cut = encode_demonstrations(rows, tokenizer, config.max_response_tokens)
    _check_lengths(examples, model, work.name)
    learned_from = [example for example, out in zip(examples, unseen, strict=True) if not out]
    steps = config.updates(len(learned_from))
    stream = Stream(len(learned_from), config.batch, config.seed, parallel.rank(), parallel.ranks())
    learner = Learner({"model": model}, config.learning_rate, config.optimiser, steps, config.micro_batch)
    log = reporter(work, steps, ("loss", "held_out_loss"))
    train_language(
        model,
        lambda step: language_batch([learned_from[row] for row in stream.step(step)], tokenizer.pad_id),
        learner,
        checkpoint(work, learner),
        steps,
        lambda step, stats: log(step, {**stats, **_told(cut)}),
        held_out=_batches(
            [e for e, out in zip(examples, unseen, strict=True) if out], tokenizer, config.batch
        ),
        evaluate_every=config.evaluate_every,
        seed=config.seed,
    )
    save(model, tokenizer, work.folder / RESULT, kind="policy")


def _told(cut: Cut) -> dict[str, float]:
    """Only what happened: most runs cut nothing."""
    counts = {"prompts_cut": float(cut.prompts), "responses_cut": float(cut.responses)}
    return {name: count for name, count in counts.items() if count}


def _check_lengths(examples: Sequence[Example], model: LanguageModel, where: str) -> None:
    longest = max(len(example.prompt) + len(example.response) for example in examples)
    if model.context is not None and longest > model.context:
        raise UserError(
            f"{where}: the longest demonstration has {longest} tokens, and the model can read "
            f"{model.context}: lower template.max_prompt_tokens or max_response_tokens"
        )


def _batches(examples: Sequence[Example], tokenizer: Tokenizer, rows: int) -> list[LanguageBatch]:
    starts = range(0, len(examples), rows)
    return [language_batch(examples[start : start + rows], tokenizer.pad_id) for start in starts]


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    rows = round(forecasting.rows(config.data, inputs) * (1 - config.held_out))
    tokens = forecasting.tokens_a_row(config.data)
    model = forecasting.model(config.model, inputs)
    return forecasting.training(config, rows, tokens, model, learns=0.02 if config.lora else 1.0)
