"""What every reader of judgements and texts checks, with file, line and key in each error."""

import sys
from collections.abc import Mapping
from typing import Any

from assent.errors import UserError
from assent.records import Message, Prompt

ROLES = ("system", "user", "assistant")


def prompt_of(row: Mapping[str, Any], where: str) -> Prompt:
    identity = {"id": str(row.get("id", "")), "meta": meta_of(row, where)}
    if "messages" in row:
        messages = messages_of(row["messages"], where)
        asked = [message["content"] for message in messages if message["role"] == "user"]
        return Prompt(asked[-1] if asked else messages[-1]["content"], messages, **identity)
    return Prompt(text_of(row, "input_text", where), **identity)


def prompt_row(prompt: Prompt) -> dict[str, Any]:
    """The keys that `prompt_of` reads the question from."""
    return {"messages": list(prompt.messages)} if prompt.messages else {"input_text": prompt.text}


def meta_of(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    meta = row.get("meta", {})
    if not isinstance(meta, dict):
        raise UserError(f"{where}: meta: expected an object, found {meta!r}")
    return meta


def text_of(row: Mapping[str, Any], key: str, where: str) -> str:
    if key not in row:
        raise UserError(f"{where}: {key} is missing; found the keys {', '.join(row) or 'none'}")
    if not isinstance(row[key], str):
        raise UserError(f"{where}: {key}: expected text, found {row[key]!r}")
    return row[key]


def number_of(row: Mapping[str, Any], key: str, where: str) -> float | None:
    value = row.get(key)
    if value is not None and not is_number(value):
        raise UserError(f"{where}: {key}: expected a number, found {value!r}")
    return value


def is_number(value: Any) -> bool:
    """A number that a float can hold: JSON's 1e999 is read as infinity, and whole numbers have no end."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def indices_of(row: Mapping[str, Any], key: str, where: str) -> tuple[int, ...]:
    value = row.get(key) or []
    if not isinstance(value, list) or not all(type(index) is int for index in value):
        raise UserError(f"{where}: {key}: expected a list of candidates' numbers, found {value!r}")
    return tuple(value)


def messages_of(value: Any, where: str) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise UserError(f"{where}: messages: expected a list of {{role, content}}, found {value!r}")
    for index, message in enumerate(value):
        good = (
            isinstance(message, dict)
            and message.get("role") in ROLES
            and isinstance(message.get("content"), str)
        )
        if not good:
            raise UserError(
                f"{where}: messages[{index}]: expected {{role: system|user|assistant, content: text}}, "
                f"found {message!r}"
            )
    return tuple({"role": message["role"], "content": message["content"]} for message in value)
