"""Load, adapt, save. Weights are safetensors only; no code from a model's folder is ever run."""

import copy
import hashlib
import json
import logging
import shutil
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import torch
from peft import LoraConfig, get_peft_model
from pydantic import Field
from safetensors.torch import load_file, save_file
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

from assent.config import Settings
from assent.errors import UserError
from assent.models.adapters import ADAPTERS, CONFIG_FILE, save_adapters
from assent.models.encoder import TextEncoder
from assent.models.heads import RewardModel, Trunk
from assent.models.language_model import LanguageModel, Unadapted
from assent.models.reading import headless, readable
from assent.models.tokenizer import Template, Tokenizer
from assent.models.verification import verify_head, verify_pairs

SETTINGS_FILE = "assent.json"  # what a model's folder holds beside what transformers wants
HEAD_FILE = "score_head.safetensors"
REPEATED = "chat_template_repeats_template"  # in assent.json: `assent export` wrote it, for others

T = TypeVar("T", bound=LanguageModel | TextEncoder)


class LoRA(Settings):
    """Low-rank adapters on every linear layer: arXiv:2106.09685."""

    rank: int = Field(default=16, ge=1)
    alpha: float | None = None  # default: twice the rank
    dropout: float = Field(default=0.0, ge=0, lt=1)


def load(
    source: str, lora: LoRA | None = None, template: Template | None = None
) -> tuple[LanguageModel, Tokenizer]:
    """A model and its tokenizer from a folder or a hub id.

    Args:
        lora: train adapters on frozen weights, begun with torch's random state; None: train all weights.
        template: replaces the one that the folder keeps.

    Raises:
        UserError: nothing there that transformers and safetensors can read, or a network whose states this
            package reads otherwise than the network itself does.
    """
    model, tokenizer = load_trunk(source, lora, template)
    if isinstance(model, TextEncoder):
        raise UserError(
            f"model {source}: {model.network.config.model_type} is an encoder: an encoder has a score head "
            "only. It can be a reward (`stage: reward`), not a policy"
        )
    if saved_settings(source).get("kind") == "reward":
        raise UserError(f"model {source}: it is a reward model: expected the model whose answers it judges")
    return model, tokenizer


def load_trunk(
    source: str, lora: LoRA | None = None, template: Template | None = None
) -> tuple[Trunk, Tokenizer]:
    """What a reward model may stand on: as `load`, and encoders as well."""
    network, inner = _from_pretrained(source)
    encoder, around = _is_encoder(network.config), template or saved_template(source)
    tokenizer = Tokenizer(inner, around, network.config.is_encoder_decoder, pairs=encoder)
    if encoder:
        model = TextEncoder(network)
        verify_pairs(model, tokenizer, source)
    else:
        model = LanguageModel(network)
        verify_head(model, source)
    return model if lora is None else adapted(model, lora), tokenizer


def _is_encoder(config: PreTrainedConfig) -> bool:
    """Trained to fill gaps, and to read in both directions."""
    reads_forward = config.is_encoder_decoder or getattr(config, "is_decoder", False)
    return type(config) in MODEL_FOR_MASKED_LM_MAPPING and not reads_forward


def _from_pretrained(source: str) -> tuple[PreTrainedModel, Any]:
    _refuse_adapters(source)
    logging.getLogger("transformers.modeling_utils").addFilter(_is_of_use)
    disable_progress_bar()  # ours tells of whole stages
    with readable(f"model {source}"):
        config = AutoConfig.from_pretrained(source)
        network = headless(source) if _is_encoder(config) else _language_model(source, config)
        return network, load_tokenizer(source)


def _refuse_adapters(source: str) -> None:
    if (Path(source) / CONFIG_FILE).is_file() and not (Path(source) / "config.json").is_file():
        raise UserError(
            f"model {source}: adapters alone: `assent export {source} OUT --merge` makes them a whole model"
        )


def _language_model(source: str, config: PreTrainedConfig) -> PreTrainedModel:
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    network = auto.from_pretrained(source, use_safetensors=True, dtype=torch.float32)
    head: Any = network.get_output_embeddings()
    # transformers 5 goes by the weights, and says "true" of every T5; peft and others go by what is said.
    network.config.tie_word_embeddings = head.weight is network.get_input_embeddings().weight
    return network


def _is_of_use(record: logging.LogRecord) -> bool:
    """transformers warns of every T5 that has two matrices, which is as it was published."""
    return "we will NOT tie them" not in record.getMessage()


def adapted(model: T, lora: LoRA) -> T:
    """The same network with fresh adapters on its linear layers; only they learn."""
    alpha = 2 * lora.rank if lora.alpha is None else lora.alpha
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=alpha,  # pyright: ignore[reportArgumentType] - peft takes a float as well
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        fan_in_fan_out=model.network.config.model_type == "gpt2",  # its Conv1D stores the transpose
    )
    with warnings.catch_warnings():  # peft asks transformers by the old name
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*deprecated", FutureWarning)
        adapters: Any = get_peft_model(model.network, config)
    return type(model)(model.network, adapters)


def reference_of(model: LanguageModel) -> Unadapted | LanguageModel:
    """The model as it is now, frozen: adapters off where there are adapters, a copy where there are none."""
    return Unadapted(model) if model.adapters is not None else frozen_copy(model)


def frozen_copy(model: LanguageModel) -> LanguageModel:
    return LanguageModel(copy.deepcopy(model.network)).requires_grad_(False).eval()


def load_tokenizer(source: str) -> PreTrainedTokenizerFast:
    """The tokenizer in a folder. A chat template that only repeats our own, for others, is not for us."""
    inner = AutoTokenizer.from_pretrained(source)
    if saved_settings(source).get(REPEATED):
        inner.chat_template = None
    return inner


def saved_size(source: str) -> tuple[float, int]:
    """(parameters, layers) of a model's folder, read off its files without loading the weights.

    Of an ensemble's, they are those of one of its networks.

    Raises:
        UserError: it holds no model, or adapters alone.
    """
    _refuse_adapters(source)
    folder = _member(Path(source), 0) if "members" in saved_settings(source) else Path(source)
    with readable(f"model {source}"):
        config = AutoConfig.from_pretrained(folder)
    paths = [*folder.glob("*.safetensors")] or folder.glob("pytorch_model*.bin")
    weights = sum(path.stat().st_size for path in paths)
    kind = config.dtype if isinstance(config.dtype, torch.dtype) else torch.float32
    # T5 and BART call the decoder's layers each in their way, and `num_hidden_layers` the encoder's.
    decoder = getattr(config, "num_decoder_layers", None) or getattr(config, "decoder_layers", 0)
    return weights / kind.itemsize, config.num_hidden_layers + decoder


def weights_hash(model: Trunk) -> str:
    """SHA-256 over all weights, to tell which model wrote an answer."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def saved_settings(source: str) -> dict[str, Any]:
    """What assent kept in a model's folder; empty for a folder or hub id that it did not write.

    Raises:
        UserError: the file is damaged.
    """
    path = Path(source) / SETTINGS_FILE
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON: {error}") from None


def saved_template(source: str) -> Template:
    return Template(**saved_settings(source).get("template", {}))


def save(model: Trunk, tokenizer: Tokenizer, folder: Path, **extra: Any) -> None:
    """Write a folder that `from_pretrained` loads; adapters are merged into the weights they adapt.

    They are kept beside as well, for those who want to load them on the model that they were trained on.
    """
    network: Any = model.network
    shutil.rmtree(folder / ADAPTERS, ignore_errors=True)  # of a model that lay here before
    if model.adapters is not None:
        save_adapters(model.adapters, folder / ADAPTERS)
        network = copy.deepcopy(model.adapters).merge_and_unload()  # pyright: ignore[reportCallIssue]
    disable_progress_bar()
    network.save_pretrained(folder)
    tokenizer.inner.save_pretrained(folder)
    settings = {"template": tokenizer.template.model_dump(), **extra}
    (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=2, ensure_ascii=False), encoding="utf-8")


def save_reward(model: RewardModel, tokenizer: Tokenizer, folder: Path) -> None:
    """A reward model is its trunk's folder with one more file, its head; assent.json tells what it says."""
    what = {"names": model.names, "combine": model.combine, "weights": model.weights}
    save(model.body, tokenizer, folder, kind="reward", **what)
    save_file(model.head.state_dict(), folder / HEAD_FILE)


def load_reward(source: str) -> tuple[RewardModel, Tokenizer]:
    """A reward model that `save_reward` wrote, ready to judge.

    Raises:
        UserError: the folder holds no score head, or it holds several models.
    """
    path, settings = Path(source) / HEAD_FILE, saved_settings(source)
    if "members" in settings:
        raise UserError(
            f"model {source}: expected one network, and it is an ensemble of {settings['members']}"
        )
    if not path.is_file():
        raise UserError(f"model {source}: no {HEAD_FILE} there: expected the model of a `reward` stage")
    body, tokenizer = load_trunk(source)
    model = RewardModel(
        body,
        names=settings.get("names", ("score",)),  # earlier versions had one head, and no name for it
        combine=settings.get("combine", "members"),
        weights=settings.get("weights"),
    )
    model.head.load_state_dict(load_file(path))
    return model.requires_grad_(False).eval(), tokenizer


def save_members(members: Iterable[tuple[RewardModel, Tokenizer]], folder: Path) -> None:
    """Reward models of several networks, one folder each; taken one by one, so one need be in memory."""
    count = 0
    for count, (model, tokenizer) in enumerate(members, start=1):
        save_reward(model, tokenizer, _member(folder, count - 1))
    (folder / SETTINGS_FILE).write_text(json.dumps({"kind": "reward", "members": count}), encoding="utf-8")


def load_members(source: str) -> list[tuple[RewardModel, Tokenizer]]:
    """All that `save_members` wrote, or the one model that `save_reward` wrote."""
    count = saved_settings(source).get("members")
    folders = [Path(source)] if count is None else [_member(Path(source), at) for at in range(count)]
    return [load_reward(str(folder)) for folder in folders]


def _member(folder: Path, at: int) -> Path:
    return folder / "members" / str(at)
