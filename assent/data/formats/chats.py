"""Conversations as others write them -> lists of {role, content}: chat messages, and HH transcripts."""

import re
from typing import Any, TypeGuard

from assent.data.files.containers import Row
from assent.errors import UserError

Messages = list[dict[str, str]]

SHAPES = (("role", "content"), ("author", "content"), ("from", "value"))  # who, what
ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "bot", "model", "gpt", "ai"), "assistant"),
    **dict.fromkeys(("system", "context"), "system"),
}
SPEAKERS = {"Human": "user", "Assistant": "assistant"}
BLANK = " \t\r\n"  # a full-width space begins paragraphs in Chinese, and stays
TURN = re.compile(r"\n\n(Human|Assistant):")  # "Human:" inside a line or a paragraph is text like other text


def is_chat(value: Any) -> TypeGuard[list[Any]]:
    """A list whose first message has one of the known shapes."""
    return isinstance(value, list) and bool(value) and _shape(value[0]) is not None


def conversation(value: Any, what: str) -> Messages:
    """The messages of a chat in any of the known shapes; errors begin with `what`."""
    if not isinstance(value, list) or not value:
        raise UserError(f"{what}: expected a list of messages, found {value!r}")
    return [_message(message, f"{what}[{index}]") for index, message in enumerate(value)]


def transcript(text: str, what: str) -> Messages:
    """The turns of `\\n\\nHuman: ...\\n\\nAssistant: ...`; text before the first has no speaker."""
    lines = text if text.startswith("\n\n") else "\n\n" + text.lstrip("\n")
    before, *turns = TURN.split(lines)
    if before.strip() or not turns:
        raise UserError(
            f"{what}: expected a transcript of turns '\\n\\nHuman: ...' and '\\n\\nAssistant: ...', "
            f"found {text[:60]!r}"
        )
    spoken = zip(turns[::2], turns[1::2], strict=True)
    return [{"role": SPEAKERS[speaker], "content": said.strip(BLANK)} for speaker, said in spoken]


def ended(messages: Messages, what: str) -> tuple[Messages, str]:
    """(the conversation before, the assistant's answer that ends it)."""
    if len(messages) < 2 or messages[-1]["role"] != "assistant":
        raise UserError(f"{what}: expected a conversation that ends with an answer of the assistant")
    return messages[:-1], messages[-1]["content"]


def asked(row: Row, key: str, where: str) -> Row:
    """The keys of the prompt in our own rows; a `system` text beside it makes it a chat."""
    prompt, system = row[key], row.get("system") or row.get("system_prompt")
    first = [{"role": "system", "content": system}] if isinstance(system, str) and system.strip() else []
    if isinstance(prompt, str):
        spoken = [*first, {"role": "user", "content": prompt}]
        return {"messages": spoken} if first else {"input_text": prompt}
    said = conversation(prompt, f"{where}: {key}")
    return {"messages": said if said[0]["role"] == "system" else first + said}


def answer(value: Any, what: str) -> str:
    """A text, or the one message of an assistant in a list."""
    if isinstance(value, str):
        return value
    said = conversation(value, what)
    if len(said) != 1 or said[0]["role"] != "assistant":
        raise UserError(f"{what}: expected one answer of the assistant, found {len(said)} messages")
    return said[0]["content"]


def _shape(message: Any) -> tuple[str, str] | None:
    if not isinstance(message, dict):
        return None
    return next(((who, said) for who, said in SHAPES if who in message and said in message), None)


def _message(message: Any, what: str) -> dict[str, str]:
    shape = _shape(message)
    who, said = (message[shape[0]], message[shape[1]]) if shape else (None, None)
    role = ROLES.get(who.lower()) if isinstance(who, str) else None
    if role is None or not isinstance(said, str):
        raise UserError(
            f"{what}: expected {{role, content}}, {{author, content}} or {{from, value}} with a text by one "
            f"of {', '.join(ROLES)}; found {message!r}"
        )
    return {"role": role, "content": said}
