"""`stage: reward`, `kind: classes`: a text classifier with several labels, in the format of transformers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field

from assent.batch import Tokens
from assent.config import DataFile, ModelSource
from assent.data.files.jsonl import write_jsonl
from assent.data.labelled import labelled, labelled_row
from assent.data.stream import Stream, held_out
from assent.errors import UserError
from assent.functional.classification import Balance, label_weights
from assent.models.classifier import Classifier
from assent.models.classifier_files import (
    EncoderShape,
    build_classifier,
    classifier_on,
    save_classifier,
    text_tokenizer,
)
from assent.models.load import LoRA, load_tokenizer
from assent.models.torch_weights import Weights, in_safetensors
from assent.records import Labelled
from assent.stages import forecasting
from assent.stages.classes_report import classes_report
from assent.stages.common import Training, checkpoint, reporter
from assent.stages.workspace import Forecast, Workspace
from assent.training import parallel
from assent.training.checkpoint import seed_of
from assent.training.classes import LabelledBatch, label_logits, train_classifier
from assent.training.learner import Learner

RESULT = "model"


class Config(Training):
    """Settings of `stage: reward`, `kind: classes`."""

    kind: Literal["classes"] = "classes"
    model: EncoderShape | ModelSource = EncoderShape()  # a shape to start from scratch, or a trunk
    weights: Weights = "safetensors"  # torch: the trunk has pytorch_model.bin only, whose tensors may be read
    data: DataFile  # labelled texts
    held_out_data: DataFile | None = None  # only evaluated on; without it, a share `held_out` of the texts is
    lora: LoRA | None = None  # None: all weights learn
    names: dict[str, str] = Field(
        default_factory=dict
    )  # of labels that the file has as something else, e.g. {"0": neutral}
    several: bool | None = None  # a text may have several labels; default: whether any has
    balance: Balance = "none"  # how much more a label's texts count: all of rare labels, or a number for all
    max_tokens: int | None = Field(default=None, ge=2)  # longer texts are cut
    held_out: float = Field(default=0.1, ge=0, lt=1)


@dataclass(frozen=True)
class Split:
    """Labelled texts: no text stands on both sides."""

    train: list[Labelled]
    unseen: list[Labelled]
    labels: tuple[str, ...]
    several: bool


def run(config: Config, work: Workspace) -> None:
    split = split_of(config, work)
    model = _start(config, split, work.folder / "tokenizer").to(parallel.device())
    rows, cut = encoded(config, split.train, model, work.name)
    unseen_rows, _ = encoded(config, split.unseen, model, work.name)
    unseen = list(_in_order(split.unseen, unseen_rows, model, config.micro_batch))
    steps = config.updates(len(rows))
    stream = Stream(len(rows), config.batch, config.seed, parallel.rank(), parallel.ranks())
    learner = Learner({"model": model}, config.learning_rate, config.optimiser, steps, config.micro_batch)
    log = reporter(work, steps, ("loss", "accuracy", "held_out_accuracy"))

    def batch(step: int) -> LabelledBatch:
        chosen = sorted(stream.step(step), key=lambda row: len(rows[row]))  # micro-batches of like length
        return _batch([split.train[row] for row in chosen], [rows[row] for row in chosen], model)

    counts = _targets(split.train, model.labels).sum(dim=0)
    train_classifier(
        model,
        batch,
        learner,
        checkpoint(work, learner),
        steps,
        lambda step, stats: log(step, {**stats, "texts_cut": float(cut)} if cut else stats),
        weights=label_weights(counts, len(rows), split.several, config.balance),
        held_out=unseen,
        evaluate_every=config.evaluate_every,
        seed=config.seed,
    )
    actual = _targets(split.unseen, model.labels).bool()
    logits = label_logits(model, unseen) if unseen else torch.zeros(actual.shape)
    facts = classes_report(logits, actual, model.labels, split.several, counts)
    (work.folder / "reward.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
    write_jsonl(work.folder / "held_out.jsonl", map(labelled_row, split.unseen))
    save_classifier(model, work.folder / RESULT)


def split_of(config: Config, work: Workspace) -> Split:
    """The texts to learn from and those to evaluate on, under their labels' final names.

    Raises:
        UserError: fewer than two labels; a held-out text with a label that is not learned; a text with
            several labels although `several` is false; or a name for a label that no text has.
    """
    rows = _named(labelled(config.data), config.names, f"{work.name}: names")
    if config.held_out_data is not None:
        train, unseen = rows, _named(labelled(config.held_out_data), config.names, None)
        known = {row.text for row in train}
        both = sum(row.text in known for row in unseen)
        if both:
            work.warn(
                f"{work.name}: {both} of the {len(unseen)} texts of {config.held_out_data} are trained on: "
                f"they stand in {config.data} too, and flatter the numbers of reward.json"
            )
    else:
        out = held_out([row.text for row in rows], config.held_out, config.seed)
        train = [row for row, is_out in zip(rows, out, strict=True) if not is_out]
        unseen = [row for row, is_out in zip(rows, out, strict=True) if is_out]
    labels = tuple(sorted({label for row in train for label in row.labels}))
    _check_labels(labels, unseen, work.name)
    many = next((row for row in (*train, *unseen) if len(row.labels) > 1), None)
    if config.several is False and many is not None:
        raise UserError(
            f"{work.name}: several is false, and a text has the labels {', '.join(many.labels)}: "
            f"{many.text[:80]!r}"
        )
    several = many is not None if config.several is None else config.several
    if isinstance(config.balance, float) and (config.balance <= 0 or not several):
        raise UserError(
            f"{work.name}: balance: a number above 0 is for texts with several labels, each a yes or no; "
            f"expected none, root or balanced, found {config.balance:g}"
        )
    return Split(train, unseen, labels, several)


def _named(rows: Sequence[Labelled], names: Mapping[str, str], where: str | None) -> list[Labelled]:
    """The same texts, their labels renamed, two to one if asked; `where`: each name must be used."""
    unused = sorted(names.keys() - {label for row in rows for label in row.labels})
    if unused and where:
        raise UserError(f"{where}: no text has the label {unused[0]!r}")
    # dict.fromkeys: labels that now have one name are one
    return [
        Labelled(row.text, tuple(dict.fromkeys(names.get(label, label) for label in row.labels)))
        for row in rows
    ]


def _check_labels(labels: Sequence[str], unseen: Sequence[Labelled], where: str) -> None:
    if len(labels) < 2:
        raise UserError(f"{where}: data: expected two labels or more, found {', '.join(labels) or 'none'}")
    strange = sorted({label for row in unseen for label in row.labels} - set(labels))
    if strange:
        raise UserError(
            f"{where}: held-out texts have the label {strange[0]!r}, and no text that is trained on has it; "
            f"those have {', '.join(labels)}: give more texts of it, leave them out, or join it to another "
            "label (names)"
        )


def _start(config: Config, split: Split, saved_tokenizer: Path) -> Classifier:
    if isinstance(config.model, ModelSource):
        torch.manual_seed(seed_of(config.seed, "head"))  # it and low-rank adapters begin at random
        trunk = in_safetensors(config.model, config.weights)
        return classifier_on(trunk, split.labels, split.several, config.lora)
    if config.lora is not None:
        raise UserError(
            "lora: adapters need a trunk to adapt; a model from scratch has none yet: leave lora out"
        )
    if not saved_tokenizer.exists():
        unfinished = saved_tokenizer.with_suffix(".partial")  # a kill leaves no half of a tokenizer
        text_tokenizer([row.text for row in split.train], config.model).save_pretrained(unfinished)
        unfinished.rename(saved_tokenizer)
    torch.manual_seed(seed_of(config.seed, "weights"))
    tokenizer = load_tokenizer(str(saved_tokenizer))
    return build_classifier(config.model, tokenizer, split.labels, split.several)


def encoded(
    config: Config, texts: Sequence[Labelled], model: Classifier, where: str
) -> tuple[list[list[int]], int]:
    """(ids of each text, how many were cut to `max_tokens`).

    Raises:
        UserError: a text is longer than the model can read.
    """
    whole = [model.encode(row.text) for row in texts]
    limit, longest = config.max_tokens, max(map(len, whole), default=0)
    if model.context is not None and min(limit or longest, longest) > model.context:
        raise UserError(
            f"{where}: the longest text has {longest} tokens, and the model can read {model.context}: "
            f"set max_tokens to {model.context} or less, or leave the longest texts out"
        )
    if limit is None or longest <= limit:
        return whole, 0
    fitting = [
        ids if len(ids) <= limit else model.beginning(row.text, limit)
        for row, ids in zip(texts, whole, strict=True)
    ]
    return fitting, sum(len(ids) > limit for ids in whole)


def _in_order(
    texts: Sequence[Labelled], ids: Sequence[list[int]], model: Classifier, size: int
) -> Iterator[LabelledBatch]:
    for start in range(0, len(texts), size):
        yield _batch(texts[start : start + size], ids[start : start + size], model)


def _batch(texts: Sequence[Labelled], ids: Sequence[list[int]], model: Classifier) -> LabelledBatch:
    tokens: Tokens = model.tokens(ids)
    return LabelledBatch(tokens, _targets(texts, model.labels))


def _targets(texts: Sequence[Labelled], labels: Sequence[str]) -> torch.Tensor:
    return torch.tensor([[float(label in row.labels) for label in labels] for row in texts]).view(
        -1, len(labels)
    )


def forecast(config: Config, inputs: Mapping[str, Forecast]) -> Forecast:
    share = 0 if config.held_out_data else config.held_out
    rows = round(forecasting.rows(config.data, inputs) * (1 - share))
    shape = config.model
    if isinstance(shape, EncoderShape):
        model = Forecast(parameters=shape.parameters(), layers=shape.depth)
    else:
        model = forecasting.model(shape, inputs)
    tokens = forecasting.tokens_a_row(config.data)
    return forecasting.training(config, rows, tokens, model, learns=0.02 if config.lora else 1.0)
