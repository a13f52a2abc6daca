"""Teach a model language: train a tokenizer and a network on plain text, or go on from a folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pydantic import Field

from assent.batch import LanguageBatch
from assent.config import DataFile, ModelSource
from assent.data.batching import Documents, Windows, one_a_row, pack
from assent.data.sources import documents, files
from assent.data.stream import Stream, held_out
from assent.errors import UserError
from assent.models.language_model import LanguageModel
from assent.models.load import Architecture, build, load, load_tokenizer, save
from assent.models.tokenizer import END_OF_TEXT, Template, Tokenizer, train_bpe
from assent.stages import forecasting
from assent.stages.common import Training, checkpoint, reporter
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import seed_of
from assent.training.language import train_language
from assent.training.learner import Learner

VERSION = 1
RESULT = "model"
MOST_HELD_OUT_ROWS = 256  # enough for a steady loss, and cheap


class Config(Training):
    """Settings of `stage: pretrain`."""

    data: DataFile
    model: Architecture | ModelSource = (
        Architecture()
    )  # a shape to start from scratch, or weights to go on from
    separator: str = END_OF_TEXT  # between documents of one file; "" makes each file one document
    pack: bool = True  # documents end to end in full windows; false: one a row, for corpora of short texts
    context: int | None = Field(default=None, ge=8)  # tokens a window; by default all that the model can read
    learning_rate: float = Field(default=1e-3, gt=0)
    held_out: float = Field(default=0.01, ge=0, lt=1)


def run(config: Config, work: Workspace) -> None:
    texts = list(documents(config.data, config.separator))
    unseen = held_out(texts, config.held_out, config.seed)
    learned_from = [text for text, out in zip(texts, unseen, strict=True) if not out]
    model, tokenizer = _start(config, learned_from, work.folder / "tokenizer")
    context = config.context or model.context or 512
    if model.context is not None and context > model.context:
        raise UserError(
            f"{work.name}: context {context} is more than the {model.context} tokens the model can read"
        )
    rows, cut = _rows(config, learned_from, tokenizer, context)
    steps = config.updates(len(rows))
    stream = Stream(len(rows), config.batch, config.seed, parallel.rank(), parallel.ranks())
    log = reporter(work, steps, ("loss", "held_out_loss"))
    learner = Learner({"model": model}, config.learning_rate, config.optimiser, steps, config.micro_batch)
    train_language(
        model,
        lambda step: rows.batch(stream.step(step), tokenizer.pad_id),
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
        model, tokenizer = load(config.model)
    else:
        if not saved_tokenizer.exists():
            unfinished = saved_tokenizer.with_suffix(".partial")  # a kill leaves no half of a tokenizer
            train_bpe(texts, config.model.vocabulary).save_pretrained(unfinished)
            unfinished.rename(saved_tokenizer)
        torch.manual_seed(seed_of(config.seed, "weights"))
        model, tokenizer = build(config.model, load_tokenizer(str(saved_tokenizer)), Template())
    return model.to(parallel.device()), tokenizer


def _rows(
    config: Config, texts: Sequence[str], tokenizer: Tokenizer, context: int
) -> tuple[Windows | Documents, int]:
    return (pack(texts, tokenizer, context), 0) if config.pack else one_a_row(texts, tokenizer, context)


def _unseen_batches(
    config: Config, texts: Sequence[str], unseen: Sequence[bool], tokenizer: Tokenizer, context: int
) -> list[LanguageBatch]:
    kept = [text for text, out in zip(texts, unseen, strict=True) if out]
    if not kept:
        return []
    rows, _ = _rows(config, kept, tokenizer, context)
    count = min(len(rows), MOST_HELD_OUT_ROWS)
    return list(rows.batch(range(count), tokenizer.pad_id).split(config.batch))


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    """Steps are exact once the tokenizer exists; before, from the size of the text."""
    if isinstance(config.model, ModelSource):
        model = forecasting.model(config.model, inputs)
        context = config.context or 512
    else:
        model = Forecast(parameters=config.model.parameters(), layers=config.model.depth)
        context = config.context or config.model.context
    size = sum(path.stat().st_size for path in files(config.data))
    rows = max(1, round(size * (1 - config.held_out) / forecasting.BYTES_A_TOKEN / context))
    return forecasting.training(config, rows, context, model, learns=1.0)
