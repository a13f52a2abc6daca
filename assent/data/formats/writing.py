"""What the functions that write formats share: prompts and answers as texts, chats and transcripts."""

from typing import NamedTuple

from assent.data.files.streams import Row
from assent.data.formats.chats import SPEAKERS, TURN
from assent.data.sources import comparison_row
from assent.errors import UserError
from assent.records import Comparison, Prompt

NAMES = {role: speaker for speaker, role in SPEAKERS.items()}  # in a transcript
SIDES = "the side on which each answer was shown"
SPACES = "spaces around what was said"
Messages = list[dict[str, str]]


class Written(NamedTuple):
    """A row, and what it could not take along, each by its name."""

    row: Row
    left_out: tuple[str, ...] = ()


def beside(prompt: Prompt, /, **told: object) -> Row:
    """`id` and `meta`, where there is any."""
    known = {key: value for key, value in told.items() if value not in (None, "", [])}
    meta = {**prompt.meta, **known}
    return ({"id": prompt.id} if prompt.id else {}) | ({"meta": meta} if meta else {})


def of_the_judgement(judged: Comparison) -> Row:
    """`id` and `meta` of a comparison."""
    row = comparison_row(judged)
    return {key: row[key] for key in ("id", "meta") if key in row}


def plain(prompt: Prompt) -> str:
    """The text of a prompt that is a text, or one question in the form of a chat.

    Raises:
        UserError: a chat of several messages.
    """
    if prompt.messages and [message["role"] for message in prompt.messages] != ["user"]:
        raise UserError(
            f"the prompt is a chat of {len(prompt.messages)} messages, and this format holds one text: "
            "choose one that holds chats"
        )
    return prompt.text


def chat(prompt: Prompt, response: str | None = None) -> Messages:
    """Prompt and answer as messages; a text is what the user says."""
    said = prompt.messages or ({"role": "user", "content": prompt.text},)
    answer = [] if response is None else [{"role": "assistant", "content": response}]
    return [*map(dict, said), *answer]


def asked(prompt: Prompt) -> str | Messages:
    """A text, or a chat as messages."""
    return chat(prompt) if prompt.messages else prompt.text


def answered(prompt: Prompt, response: str) -> str | Messages:
    """A text, or where the prompt is a chat, the message that follows it."""
    return chat(prompt, response)[-1:] if prompt.messages else response


def transcript(messages: Messages) -> Written:
    """`\\n\\nHuman: ...\\n\\nAssistant: ...`, under the key `transcript`.

    Raises:
        UserError: a system message; a text that would be read as several turns.
    """
    for message in messages:
        if message["role"] not in NAMES:
            raise UserError(f"a message by {message['role']}: a transcript is between Human and Assistant")
        if TURN.search(message["content"].strip()):
            raise UserError("a text that holds '\\n\\nHuman:' or '\\n\\nAssistant:' would be read as turns")
    turns = [f"\n\n{NAMES[message['role']]}: {message['content'].strip()}" for message in messages]
    bare = all(message["content"] == message["content"].strip() for message in messages)
    return Written({"transcript": "".join(turns)}, () if bare else (SPACES,))


def two(judged: Comparison) -> tuple[int, int]:
    """(index of the chosen answer, of the rejected).

    Raises:
        UserError: a tie, or more than two answers.
    """
    if len(judged.candidates) != 2:
        raise UserError(f"{len(judged.candidates)} answers, and this format holds two: choose k-way")
    if len(judged.best) != 1:
        raise UserError("a tie, and this format holds a chosen and a rejected answer: choose comparisons")
    return judged.best[0], 1 - judged.best[0]


def reordered(judged: Comparison, order: tuple[int, ...]) -> Row:
    """`id` and `meta` of a comparison whose candidates are put in another order."""
    row = of_the_judgement(judged)
    if len(judged.shown_order) == len(order):
        row["meta"] = {**row["meta"], "shown_order": [judged.shown_order[k] for k in order]}
    return row
