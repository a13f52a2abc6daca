"""Conversations: {author, content}, ShareGPT's {from, value}, and HH transcripts."""

from assent.data.files.containers import Row
from assent.data.formats.chats import ROLES, conversation, ended, is_chat, transcript
from assent.data.formats.dialect import Dialect, beside, text
from assent.errors import UserError

CHATS = ("messages", "conversations", "conversation")
TRANSCRIPTS = ("transcript", "text")


def _foreign_chat(row: Row) -> str | None:
    """The key of a chat that is not in our own form."""
    key = next((key for key in CHATS if is_chat(row.get(key))), None)
    own = key == "messages" and "role" in row[key][0]
    return None if own else key


def _speaker(row: Row) -> str | None:
    """Whose the last message of such a chat is."""
    key = _foreign_chat(row)
    last = row[key][-1] if key else None
    who = (last.get("role") or last.get("author") or last.get("from")) if isinstance(last, dict) else None
    return ROLES.get(who.lower()) if isinstance(who, str) else None


def _judged(row: Row) -> bool:
    return any(key in row for key in ("candidate_0", "output_text", "chosen", "responses"))


def _said(row: Row, where: str) -> list[Row]:
    key = _foreign_chat(row) or next(key for key in CHATS if key in row)
    context = row.get("context") or row.get("system")
    first = [{"role": "system", "content": text(context, f"{where}: context")}] if context else []
    return [{"messages": first + conversation(row[key], f"{where}: {key}"), **beside(row)}]


def _asked(row: Row, where: str) -> list[Row]:
    """A prompt is what stands before the answer."""
    [said] = _said(row, where)
    messages = said["messages"]
    answered = len(messages) > 1 and messages[-1]["role"] == "assistant"
    return [said | {"messages": messages[:-1] if answered else messages}]


def _hh_demonstration(row: Row, where: str) -> list[Row]:
    key = next(key for key in TRANSCRIPTS if key in row)
    return [{"messages": transcript(text(row[key], f"{where}: {key}"), f"{where}: {key}"), **beside(row)}]


def _hh(row: Row, where: str) -> list[Row]:
    """Two transcripts that differ in their last answer alone.

    Where they part earlier, what was judged is not two answers to one question, and the row is refused.
    """
    chosen, answer = ended(transcript(row["chosen"], f"{where}: chosen"), f"{where}: chosen")
    rejected, other = ended(transcript(row["rejected"], f"{where}: rejected"), f"{where}: rejected")
    if chosen != rejected:
        raise UserError(
            f"{where}: chosen and rejected are not two answers to the same conversation: they part before "
            "their last turn. Leave the row out, or set such rows aside: assent convert FILE OUT "
            "--to comparisons --quarantine ODD"
        )
    return [{"messages": chosen, "candidate_0": answer, "candidate_1": other, "choice": 0, **beside(row)}]


CHAT = (
    Dialect(
        "author-content",
        "demonstrations",
        '{"messages": [{"author": "user", "content": "What is a fen?"}, '
        '{"author": "bot", "content": "A wetland."}]}',
        lambda row: _speaker(row) == "assistant" and not _judged(row),
        _said,
        near=lambda row: _foreign_chat(row) is not None and not _judged(row),
    ),
    Dialect(
        "author-content-prompts",
        "prompts",
        '{"messages": [{"author": "user", "content": "What is a moor?"}]}',
        lambda row: _foreign_chat(row) is not None and not ("input_text" in row or "prompt" in row),
        _asked,
    ),
    Dialect(
        "hh-demonstrations",
        "demonstrations",
        '{"transcript": "\\n\\nHuman: What is a fen?\\n\\nAssistant: A wetland."}',
        lambda row: isinstance(row.get("transcript"), str),
        _hh_demonstration,
        near=lambda row: isinstance(row.get("text"), str) and "label" not in row and "labels" not in row,
    ),
    Dialect(
        "hh",
        "comparisons",
        '{"chosen": "\\n\\nHuman: What is a fen?\\n\\nAssistant: A wetland.", '
        '"rejected": "\\n\\nHuman: What is a fen?\\n\\nAssistant: A bird."}',
        lambda row: (
            isinstance(row.get("chosen"), str)
            and isinstance(row.get("rejected"), str)
            and not any(
                isinstance(row.get(key), (str, list))
                for key in ("prompt", "question", "query", "instruction")
            )
        ),
        _hh,
    ),
)
