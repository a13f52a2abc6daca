"""Folders for others: how a model is asked, in the words of transformers, and models of the hub saved."""

import json
from pathlib import Path

from transformers import AutoConfig, AutoTokenizer

from assent.models.adapters import base_of, told_of
from assent.models.chat_template import chat_template_of
from assent.models.conversation import CHATS, is_for_chats
from assent.models.load import REPEATED, SETTINGS_FILE, load, save, saved_settings, saved_size, saved_template
from assent.models.reading import readable
from assent.models.tokenizer import Tokenizer


def save_downloaded(source: str, folder: Path) -> None:
    """A model of the hub, saved as a folder. Raises UserError where it cannot be loaded."""
    model, tokenizer = load(source)
    save(model, tokenizer, folder)
    (folder / SETTINGS_FILE).unlink()  # nothing of ours is in it


def teach_to_ask(folder: Path, source: Path, taught_chats: bool) -> bool:
    """Give a folder's tokenizer a chat template that asks as the folder's own template does.

    Args:
        source: where the network's own settings lie; adapters have none.
        folder: is changed: its tokenizer, and in assent.json whether the model was taught conversations.
        taught_chats: where the folder does not tell.

    Returns:
        Whether it has one now; False where none would be faithful.
    """
    with readable(f"model {folder}"):
        inner = AutoTokenizer.from_pretrained(folder)
    settings = saved_settings(str(folder))
    tokenizer = Tokenizer(inner, saved_template(str(folder)), is_encoder_decoder(source))
    told = is_for_chats(str(folder), tokenizer)
    chats = taught_chats if told is None else told
    own = chat_template_of(tokenizer, chats) if not inner.chat_template else None
    if own is not None:
        inner.chat_template = own
        inner.save_pretrained(folder)
    settings = {**settings, CHATS: chats, **({REPEATED: True} if own else {})}
    (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=2, ensure_ascii=False), encoding="utf-8")
    return bool(inner.chat_template)


def is_encoder_decoder(source: Path) -> bool:
    """Whether a model's folder holds an encoder-decoder, or its adapters are for one."""
    if not (source / "config.json").is_file():
        told = told_of(source)
        if told.get("task_type"):
            return told["task_type"] == "SEQ_2_SEQ_LM"
    place = str(source) if (source / "config.json").is_file() else base_of(source)
    with readable(f"model {place}"):
        return bool(AutoConfig.from_pretrained(place).is_encoder_decoder)


def has_tokenizer(folder: Path) -> bool:
    return (folder / "tokenizer_config.json").is_file()


def takes_messages(folder: Path) -> bool:
    """Whether a folder has a tokenizer with a chat template."""
    if not has_tokenizer(folder):
        return False
    with readable(f"model {folder}"):
        return bool(AutoTokenizer.from_pretrained(folder).chat_template)


def shape_of(folder: Path) -> str:
    """`gpt2, 1,234,567 parameters`, read off a folder's files; empty where it has no network of its own."""
    if not (folder / "config.json").is_file():
        return ""
    parameters, _ = saved_size(str(folder))
    kind = AutoConfig.from_pretrained(folder).model_type
    return f"{kind}, about {parameters:,.0f} parameters" if parameters else kind
