"""Low-rank adapters as files, in peft's own format: kept beside merged weights, and merged where asked."""

import copy
import json
import warnings
from pathlib import Path
from typing import Any

from peft import PeftModel, TaskType, get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from assent.errors import UserError
from assent.models.reading import readable

ADAPTERS = "adapters"  # the folder inside a model's folder
CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"


def save_adapters(adapters: PeftModel, folder: Path) -> None:
    """What `PeftModel.from_pretrained` loads on the model that the adapters were trained on.

    peft's own `save_pretrained` would write the same and a model card about nothing, and may ask the hub how
    many words the base model has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = get_peft_model_state_dict(adapters, save_embedding_layers=False)
    held: dict[str, Any] = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    save_file(held, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    network: Any = adapters.get_base_model()
    config = copy.copy(adapters.peft_config["default"])
    config.inference_mode = True
    if network.can_generate():
        seq2seq = network.config.is_encoder_decoder
        config.task_type = TaskType.SEQ_2_SEQ_LM if seq2seq else TaskType.CAUSAL_LM
    config.save_pretrained(str(folder))


def told_of(adapters: Path) -> dict[str, Any]:
    """What adapters' own file says of them. Raises UserError where it is not there, or damaged."""
    path = adapters / CONFIG_FILE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(told, dict):
        raise UserError(f"{path}: expected an object {{...}}, found {type(told).__name__}")
    return told


def base_of(adapters: Path) -> str:
    """The name of the model that adapters were trained on; "" where their file does not tell it."""
    return told_of(adapters).get("base_model_name_or_path") or ""


def merge(adapters: Path, out: Path) -> None:
    """Write the model that adapters make of their base model, in the base's own precision.

    Raises:
        UserError: the adapters, or the base that they name, cannot be loaded.
    """
    base = base_of(adapters)
    if not base:
        raise UserError(
            f"adapters {adapters}: {CONFIG_FILE} names no base_model_name_or_path to merge them into"
        )
    with readable(f"adapters {adapters} on {base}"):
        seq2seq = AutoConfig.from_pretrained(base).is_encoder_decoder
        auto = AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM
        network = auto.from_pretrained(base, use_safetensors=True, dtype="auto")
        with warnings.catch_warnings():  # peft asks transformers by the old name
            warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*deprecated", FutureWarning)
            merged: Any = PeftModel.from_pretrained(network, str(adapters))
        own = (adapters / "tokenizer_config.json").exists()
        tokenizer = AutoTokenizer.from_pretrained(str(adapters) if own else base)
    merged.merge_and_unload().save_pretrained(out)
    tokenizer.save_pretrained(out)
