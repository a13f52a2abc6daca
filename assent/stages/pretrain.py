"""Teach a model language: train a tokenizer and a network on plain text, or go on from a folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pydantic import Field

from assent.batch import LanguageBatch
from assent.config import ModelSource
from assent.data.sources import documents
from assent.data.stream import Stream, held_out
from assent.models.build import Architecture, build
from assent.models.language_model import LanguageModel
from assent.models.load import load, load_tokenizer, save
from assent.models.tokenizer import Template, Tokenizer, train_bpe
from assent.models.torch_weights import Weights, in_safetensors
from assent.stages import forecasting
from assent.stages.common import Training, checkpoint, reporter
from assent.stages.corpus import CONTEXT_WITHOUT_LIMIT, Corpus, batch_of, check_objective, context_of, rows_of
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import seed_of
from assent.training.language import train_language
from assent.training.learner import Learner

VERSION = 1
RESULT = "model"
MOST_HELD_OUT_ROWS = 256  # enough for a steady loss, and cheap


class Config(Training, Corpus):
    """Settings of `stage: pretrain`."""

    model: Architecture | ModelSource = (
        Architecture()
    )  # a shape to start from scratch, or weights to go on from
    weights: Weights = "safetensors"  # torch: those are in a pytorch_model.bin, whose tensors may be read
    learning_rate: float = Field(default=1e-3, gt=0)
    held_out: float = Field(default=0.01, ge=0, lt=1)


def run(config: Config, work: Workspace) -> None:
    texts = list(documents(config.data, config.separator))
    unseen = held_out(texts, config.held_out, config.seed)
    learned_from = [text for text, out in zip(texts, unseen, strict=True) if not out]
    model, tokenizer = _start(config, learned_from, work.folder / "tokenizer")
    shape = None if isinstance(config.model, ModelSource) else config.model.context
    context = context_of(config, model, work.name, otherwise=shape)
    check_objective(config, tokenizer, context, work.name)
    rows, cut = rows_of(config, learned_from, tokenizer, context, config.seed)
    steps = config.updates(len(rows))
    stream = Stream(len(rows), config.batch, config.seed, parallel.rank(), parallel.ranks())
    log = reporter(work, steps, ("loss", "held_out_loss"))
    learner = Learner({"model": model}, config.learning_rate, config.optimiser, steps, config.micro_batch)
    train_language(
        model,
        lambda step: batch_of(rows, stream.step(step), step, tokenizer),
        learner,
        checkpoint(work, learner),
        steps,
        lambda step, stats: log(step, {**stats, "documents_cut": float(cut)} if cut else stats),
        held_out=_unseen_batches(config, texts, unseen, tokenizer, context),
        evaluate_every=config.evaluate_every,
        seed=config.seed,
    )
    save(model, tokenizer, work.folder / RESULT, kind="policy")


def _start(config: Config, texts: Sequence[str], saved_tokenizer: Path) -> tuple[LanguageModel, Tokenizer]:
    if isinstance(config.model, ModelSource):
        model, tokenizer = load(in_safetensors(config.model, config.weights))
    else:
        if not saved_tokenizer.exists():
            unfinished = saved_tokenizer.with_suffix(".partial")  # a kill leaves no half of a tokenizer
            bpe = train_bpe(texts, config.model.vocabulary, config.model.is_encoder_decoder)
            bpe.save_pretrained(unfinished)
            unfinished.rename(saved_tokenizer)
        torch.manual_seed(seed_of(config.seed, "weights"))
        model, tokenizer = build(config.model, load_tokenizer(str(saved_tokenizer)), Template())
    return model.to(parallel.device()), tokenizer


def _unseen_batches(
    config: Config, texts: Sequence[str], unseen: Sequence[bool], tokenizer: Tokenizer, context: int
) -> list[LanguageBatch]:
    kept = [text for text, out in zip(texts, unseen, strict=True) if out]
    if not kept:
        return []
    rows, _ = rows_of(config, kept, tokenizer, context, config.seed)
    count = min(len(rows), MOST_HELD_OUT_ROWS)
    return list(batch_of(rows, range(count), 0, tokenizer).split(config.batch))


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    """Steps are exact once the tokenizer exists; before, from the size of the text."""
    stacks = 1  # of layers; each token is read by one of them
    if isinstance(config.model, ModelSource):
        model = forecasting.model(config.model, inputs)
        context = config.context or CONTEXT_WITHOUT_LIMIT
    else:
        model = Forecast(parameters=config.model.parameters(), layers=config.model.layers)
        context = config.context or config.model.context
        stacks = 2 if config.model.is_encoder_decoder else 1
    size = forecasting.text_bytes(config.data)
    rows = max(1, round(size * (1 - config.held_out) / forecasting.BYTES_A_TOKEN / context))
    return forecasting.training(config, rows, context / stacks, model, learns=1.0)
