"""Text classifiers on disk and from scratch: load, adapt, build, save. Safetensors only."""

import copy
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from peft import LoraConfig, get_peft_model
from pydantic import Field, model_validator
from tokenizers import normalizers
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    ModernBertConfig,
    PreTrainedTokenizerFast,
)

from assent.config import Settings
from assent.errors import UserError
from assent.models.classifier import Classifier
from assent.models.load import SETTINGS_FILE, LoRA
from assent.models.reading import quiet, readable
from assent.models.tokenizer import train_bpe

OF_CLASSIFIERS = ", of a family that has text classifiers"
HEAD = "ForSequenceClassification"  # how transformers calls a network with this head, in config.json


class EncoderShape(Settings):
    """The shape of a classifier from scratch: an encoder that reads a text both ways, then its mean state."""

    family: Literal["modernbert"] = "modernbert"  # arXiv:2412.13663
    width: int = Field(default=128, ge=8)
    depth: int = Field(default=1, ge=1)  # layers
    heads: int = Field(default=2, ge=1)
    context: int = Field(default=128, ge=8)  # tokens
    vocabulary: int = Field(default=8000, ge=257)  # of the byte-level BPE that is trained on the texts
    lowercase: bool = True  # with few texts, a word and its capitalised form are better one
    dropout: float = Field(default=0.3, ge=0, lt=1)

    @model_validator(mode="after")
    def _whole_heads(self) -> "EncoderShape":
        if self.width % (2 * self.heads):  # rotary positions turn pairs
            raise ValueError(f"width {self.width} is not an even multiple of heads {self.heads}")
        return self

    def parameters(self) -> float:
        """Weights in the blocks and embeddings, without biases and norms."""
        return self.depth * 10 * self.width**2 + self.vocabulary * self.width


def load_classifier(source: str) -> Classifier:
    """A text-classification folder or hub id, ready to judge.

    Raises:
        UserError: nothing there that transformers and safetensors can read, or a model without such a head.
    """
    network, missing = _network(source, _config(source))
    if missing:
        raise UserError(
            f"model {source}: it has no classification head: {len(missing)} weights are missing, first "
            f"{sorted(missing)[0]}. Expected a text-classification folder, such as a `reward` stage with "
            "`kind: classes` makes"
        )
    return Classifier(network, _tokenizer(source)).requires_grad_(False).eval()


def classifier_on(source: str, labels: Sequence[str], several: bool, lora: LoRA | None = None) -> Classifier:
    """A trunk from a folder or hub id with a head for `labels`, to be trained.

    A classifier of the same labels keeps its head, whatever their order; other heads begin at random, by
    torch's state.

    Args:
        several: a text may have more than one label.
        lora: train adapters on the trunk and the whole head; None: train all weights.

    Raises:
        UserError: nothing there that can be read, or no trunk.
    """
    config = _config(source)
    judged_before = any(name.endswith(HEAD) for name in config.architectures or ())
    keeps = judged_before and set(config.id2label.values()) == set(labels)
    _name_labels(config, list(config.id2label.values()) if keeps else labels, several)
    network, missing = _network(source, config)
    lost = sorted(name for name in missing if name.startswith(f"{network.base_model_prefix}."))
    if any("pooler" not in name for name in lost):  # which language models are saved without
        raise UserError(
            f"model {source}: {len(lost)} trunk weights are missing or of another shape: {lost[0]}..."
        )
    head = {name for name, _ in network.named_parameters() if not _in_trunk(network, name)}
    if judged_before and not keeps:
        _renew(network, head)
    model = Classifier(network, _tokenizer(source))
    return model if lora is None else _adapted(model, lora, head | set(missing))


def build_classifier(
    shape: EncoderShape, tokenizer: PreTrainedTokenizerFast, labels: Sequence[str], several: bool
) -> Classifier:
    """A classifier with random weights, by torch's state."""
    roles = ("bos", "eos", "cls", "sep", "pad")
    ids: dict[str, Any] = dict.fromkeys((f"{role}_token_id" for role in roles), tokenizer.pad_token_id)
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        intermediate_size=2 * shape.width,
        num_hidden_layers=shape.depth,
        num_attention_heads=shape.heads,
        max_position_embeddings=shape.context,
        layer_types=["full_attention"] * shape.depth,  # its windows save time with long texts only
        embedding_dropout=shape.dropout,
        mlp_dropout=shape.dropout,
        attention_dropout=min(0.1, shape.dropout),
        classifier_dropout=shape.dropout,
        classifier_pooling="mean",
        initializer_range=shape.width**-0.5,  # its own, 0.02, fits greater widths: see build.py
        **ids,
    )
    _name_labels(config, labels, several)
    with quiet():
        return Classifier(AutoModelForSequenceClassification.from_config(config), tokenizer)


def text_tokenizer(texts: Sequence[str], shape: EncoderShape) -> PreTrainedTokenizerFast:
    """A byte-level BPE of the texts that a classifier from scratch is trained on."""
    cased = (text.lower() for text in texts) if shape.lowercase else texts
    trained = train_bpe(cased, shape.vocabulary)
    inner = trained.backend_tokenizer
    if shape.lowercase:
        inner.normalizer = normalizers.Lowercase()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_max_length=shape.context,
        **{f"{role}_token": trained.pad_token for role in ("bos", "eos", "pad")},
    )


def save_classifier(model: Classifier, folder: Path) -> None:
    """Write a folder that AutoModelForSequenceClassification loads; adapters are merged into it."""
    network: Any = model.network
    if model.adapters is not None:
        network = copy.deepcopy(model.adapters).merge_and_unload()
    with quiet():
        network.save_pretrained(folder)
    model.inner.save_pretrained(folder)
    (folder / SETTINGS_FILE).write_text(json.dumps({"kind": "classes"}, indent=2), encoding="utf-8")


def _config(source: str) -> Any:
    with readable(f"model {source}", OF_CLASSIFIERS):
        return AutoConfig.from_pretrained(source)


def _tokenizer(source: str) -> Any:
    with readable(f"model {source}", OF_CLASSIFIERS):
        return AutoTokenizer.from_pretrained(source)


def _network(source: str, config: Any) -> tuple[Any, list[str]]:
    """(the network, the names of weights that its folder does not hold, or not in this shape)."""
    with quiet(), readable(f"model {source}", OF_CLASSIFIERS):
        network, told = AutoModelForSequenceClassification.from_pretrained(
            source,
            config=config,
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # a head for other labels, which begins anew
            output_loading_info=True,
        )
    return network, sorted({*told["missing_keys"], *(name for name, *_ in told["mismatched_keys"])})


def _name_labels(config: Any, labels: Sequence[str], several: bool) -> None:
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.problem_type = f"{'multi' if several else 'single'}_label_classification"


def _in_trunk(network: Any, name: str) -> bool:
    return name.startswith(f"{network.base_model_prefix}.")


def _renew(network: Any, head: set[str]) -> None:
    """Give the head fresh weights: those it has are of other labels."""
    fresh = dict(AutoModelForSequenceClassification.from_config(network.config).named_parameters())
    for name, parameter in network.named_parameters():
        if name in head:
            parameter.data = fresh[name].data


def _adapted(model: Classifier, lora: LoRA, whole: set[str]) -> Classifier:
    """The same classifier with fresh adapters on the trunk's linear layers; they and `whole` learn."""
    heads = sorted({name.rpartition(".")[0] for name in whole})
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=2 * lora.rank if lora.alpha is None else lora.alpha,  # pyright: ignore[reportArgumentType]
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        exclude_modules=[name for name in heads if isinstance(model.network.get_submodule(name), nn.Linear)],
        fan_in_fan_out=model.config.model_type == "gpt2",  # its Conv1D stores the transpose
    )
    with warnings.catch_warnings():  # peft asks transformers by the old name
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*deprecated", FutureWarning)
        adapters: Any = get_peft_model(model.network, config)
    for name, parameter in model.network.named_parameters():
        if name in whole:
            parameter.requires_grad_(True)
    return Classifier(model.network, model.inner, adapters)
