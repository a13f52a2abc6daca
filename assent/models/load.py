"""Load, adapt, save. Weights are safetensors only; no code from a model's folder is ever run."""

import copy
import hashlib
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

from assent.batch import Tokens
from assent.config import Settings
from assent.errors import UserError
from assent.models.heads import RewardModel
from assent.models.language_model import LanguageModel, Unadapted
from assent.models.tokenizer import Template, Tokenizer

SETTINGS_FILE = "assent.json"  # what a model's folder holds beside what transformers wants
HEAD_FILE = "score_head.safetensors"


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
    network, inner = _from_pretrained(source)
    tokenizer = Tokenizer(inner, template or saved_template(source), network.config.is_encoder_decoder)
    model = LanguageModel(network)
    _verify_head(model, source)
    if lora is not None:
        model = adapted(model, lora)
    return model, tokenizer


def _from_pretrained(source: str) -> tuple[PreTrainedModel, Any]:
    disable_progress_bar()  # ours tells of whole stages
    logging.getLogger("transformers.modeling_utils").addFilter(_is_not_of_tying)
    try:
        config = AutoConfig.from_pretrained(source)
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        network = auto.from_pretrained(source, use_safetensors=True, dtype=torch.float32)
        head: Any = network.get_output_embeddings()
        # transformers 5 goes by the weights, and says "true" of every T5; peft and others go by what is said.
        network.config.tie_word_embeddings = head.weight is network.get_input_embeddings().weight
        return network, AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"model {source}: cannot be loaded: {reason}. Expected a folder with config.json, "
            "*.safetensors and a tokenizer, or a hub id that this machine can reach."
        ) from error


def _is_not_of_tying(record: logging.LogRecord) -> bool:
    """transformers warns of every T5 that has two matrices, which is as it was published."""
    return "we will NOT tie them" not in record.getMessage()


def adapted(model: LanguageModel, lora: LoRA) -> LanguageModel:
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
    return LanguageModel(model.network, adapters)


def reference_of(model: LanguageModel) -> Unadapted | LanguageModel:
    """The model as it is now, frozen: adapters off where there are adapters, a copy where there are none."""
    return Unadapted(model) if model.adapters is not None else frozen_copy(model)


def frozen_copy(model: LanguageModel) -> LanguageModel:
    return LanguageModel(copy.deepcopy(model.network)).requires_grad_(False).eval()


@torch.no_grad()
def _verify_head(model: LanguageModel, source: str) -> None:
    """Compare our reading of three tokens with the network's own; families differ after their last layer."""
    model.eval()
    tokens = Tokens(*(torch.ones(1, 3, dtype=kind) for kind in (torch.long, torch.bool)))
    ours = model.logits(model.states(tokens, tokens))[:, 1:]
    if model.network.config.is_encoder_decoder:
        start = torch.full((1, 1), model.network.config.decoder_start_token_id)
        decoder_ids = torch.cat([start, tokens.ids], dim=1)
        theirs = model.network(input_ids=tokens.ids, decoder_input_ids=decoder_ids).logits[:, 1:]
    else:
        theirs = model.network(input_ids=tokens.ids.repeat(1, 2)).logits[:, 3:]
    if not torch.allclose(ours, theirs, rtol=1e-3, atol=1e-3):
        raise UserError(
            f"model {source}: the family {model.network.config.model_type} computes its logits in a way "
            f"that is not known here (off by {(ours - theirs).abs().max():.3g}): training it would be wrong"
        )


def load_tokenizer(source: str) -> PreTrainedTokenizerFast:
    """The tokenizer in a folder."""
    return AutoTokenizer.from_pretrained(source)


def saved_size(source: str) -> tuple[float, int]:
    """(parameters, layers) of a model's folder, read off its files without loading the weights."""
    config = AutoConfig.from_pretrained(source)
    weights = sum(path.stat().st_size for path in Path(source).glob("*.safetensors"))
    kind = config.dtype if isinstance(config.dtype, torch.dtype) else torch.float32
    # T5 and BART call the decoder's layers each in their way, and `num_hidden_layers` the encoder's.
    decoder = getattr(config, "num_decoder_layers", None) or getattr(config, "decoder_layers", 0)
    return weights / kind.itemsize, config.num_hidden_layers + decoder


def weights_hash(model: LanguageModel) -> str:
    """SHA-256 over all weights, to tell which model wrote an answer."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def saved_settings(source: str) -> dict[str, Any]:
    """What assent kept in a model's folder; empty for a folder or hub id that it did not write."""
    path = Path(source) / SETTINGS_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def saved_template(source: str) -> Template:
    return Template(**saved_settings(source).get("template", {}))


def save(model: LanguageModel, tokenizer: Tokenizer, folder: Path, **extra: Any) -> None:
    """Write a folder that `from_pretrained` loads; adapters are merged into the weights they adapt."""
    network: Any = model.network
    if model.adapters is not None:
        network = copy.deepcopy(model.adapters).merge_and_unload()  # pyright: ignore[reportCallIssue]
    disable_progress_bar()
    network.save_pretrained(folder)
    tokenizer.inner.save_pretrained(folder)
    settings = {"template": tokenizer.template.model_dump(), **extra}
    (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=2, ensure_ascii=False), encoding="utf-8")


def save_reward(model: RewardModel, tokenizer: Tokenizer, folder: Path) -> None:
    """A reward model is a language model's folder with one more file, its head."""
    save(model.body, tokenizer, folder, kind="reward")
    save_file(model.head.state_dict(), folder / HEAD_FILE)


def load_reward(source: str) -> tuple[RewardModel, Tokenizer]:
    """A reward model that `save_reward` wrote, ready to judge.

    Raises:
        UserError: the folder holds no score head.
    """
    path = Path(source) / HEAD_FILE
    if not path.is_file():
        raise UserError(f"model {source}: no {HEAD_FILE} there: expected the model of a `reward` stage")
    body, tokenizer = load(source)
    model = RewardModel(body)
    model.head.load_state_dict(load_file(path))
    return model.requires_grad_(False).eval(), tokenizer
