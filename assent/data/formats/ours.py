"""This package's own formats. Their rows are translated by leaving them as they are."""

from assent.data.files.containers import Row
from assent.data.formats.chats import conversation, is_chat
from assent.data.formats.dialect import Dialect

JUDGED = ("choice", "ranking", "pairs")
RATED = ("rating", "ratings")


def as_it_is(row: Row, where: str) -> list[Row]:
    """The row; a chat in it may have authors instead of roles."""
    if "messages" not in row:
        return [row]
    messages = row["messages"]
    if is_chat(messages) and "role" not in messages[0]:
        return [{**row, "messages": conversation(messages, f"{where}: messages")}]
    return [row]


def asked(row: Row) -> bool:
    return "input_text" in row or spoken(row)


def spoken(row: Row) -> bool:
    """Has a chat in our own form; an empty or broken one is left for the parser to name."""
    messages = row.get("messages")
    if not isinstance(messages, list):
        return "messages" in row
    return not messages or not isinstance(messages[0], dict) or "role" in messages[0]


def ends_with(row: Row, role: str) -> bool:
    messages = row.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, dict) and last.get("role") == role


def _candidates(row: Row) -> bool:
    return "candidate_0" in row or "candidate_1" in row


def _comparison(row: Row) -> bool:
    return _candidates(row) and ("choice" in row or "ranking" in row or "pairs" in row)


def _rating(row: Row) -> bool:
    return "output_text" in row and ("rating" in row or "ratings" in row or "label" in row) and _asks(row)


def _answered(row: Row) -> bool:
    return "output_text" in row and _asks(row) and not _judged(row)


def _asks(row: Row) -> bool:
    return "input_text" in row or "messages" in row


def _judged(row: Row) -> bool:
    """What is judged is not an answer to imitate, whatever it says."""
    return _candidates(row) or any(key in row for key in (*RATED, "label"))


def _chat(row: Row) -> bool:
    return "output_text" not in row and not _candidates(row) and spoken(row) and ends_with(row, "assistant")


def _without_answer(row: Row, _: str) -> list[Row]:
    """The prompt of a chat that ends with its answer is what stands before."""
    if ends_with(row, "assistant") and len(row["messages"]) > 1:
        return [{**row, "messages": row["messages"][:-1]}]
    return [row]


OURS = (
    Dialect("prompts", "prompts", '{"input_text": "What is a moor?"}', asked, _without_answer),
    Dialect(
        "candidates",
        "candidates",
        '{"input_text": "What is a fen?", "candidate_0": "A wetland.", "candidate_1": "A bird."}',
        _candidates,
        as_it_is,
        near=_asks,
    ),
    Dialect(
        "demonstrations",
        "demonstrations",
        '{"input_text": "What is a fen?", "output_text": "A wetland."}',
        _answered,
        as_it_is,
        near=lambda row: ("output_text" in row or asked(row)) and not _judged(row),
    ),
    Dialect(
        "messages",
        "demonstrations",
        '{"messages": [{"role": "user", "content": "What is a fen?"}, '
        '{"role": "assistant", "content": "A wetland."}]}',
        _chat,
        as_it_is,
    ),
    Dialect(
        "comparisons",
        "comparisons",
        '{"input_text": "What is a fen?", "candidate_0": "A wetland.", "candidate_1": "A bird.", '
        '"choice": 0}',
        _comparison,
        as_it_is,
        near=lambda row: _candidates(row) or (_asks(row) and any(key in row for key in JUDGED)),
    ),
    Dialect(
        "ratings",
        "ratings",
        '{"input_text": "What is a fen?", "output_text": "A wetland.", "rating": 4, "scale": [1, 5]}',
        _rating,
        as_it_is,
        near=lambda row: (
            "output_text" in row or (_asks(row) and any(key in row for key in (*RATED, "label")))
        ),
    ),
    Dialect(
        "labelled",
        "labelled",
        '{"text": "So glad to see you!", "label": "joy"}',
        lambda row: "text" in row and ("label" in row or "labels" in row),
        as_it_is,
        near=lambda row: "text" in row or "labels" in row,
    ),
)
