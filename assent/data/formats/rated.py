"""Ratings as public data sets have them: scores on a declared scale, and good or bad."""

import re
from typing import Any

from assent.data.files.containers import Row
from assent.data.formats.chats import answer, asked, is_chat
from assent.data.formats.dialect import Dialect, beside, first, required, text
from assent.data.formats.texts import ANSWER
from assent.errors import UserError

QUESTION = ("prompt", "question", "query", "instruction")
RESPONSES = ("responses", "completions", "answers", "outputs", "generations", "candidates")
SCORE = ("score", "rating")
GOOD = ("good", "true", "1", "yes", "thumbs_up", "desirable")
BAD = ("bad", "false", "0", "no", "thumbs_down", "undesirable")
SCALE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:-|\.\.|to)\s*(-?\d+(?:\.\d+)?)\s*")
SAID = ("text", "response", "answer", "content", "completion")


def listed(row: Row) -> str | None:
    """The key of a list of answers."""
    return next((key for key in RESPONSES if isinstance(row.get(key), list)), None)


def response_of(one: Any, what: str) -> str:
    """The text of one answer in a list: a text, {text, ...}, or a chat of one message."""
    if isinstance(one, dict):
        one = next((one[key] for key in SAID if key in one), one)
    return answer(one, what) if is_chat(one) else text(one, what)


def _scored(row: Row) -> bool:
    return first(row, QUESTION) is not None and _one(row) and any(key in row for key in (*SCORE, "ratings"))


def _one(row: Row) -> bool:
    return first(row, (*ANSWER, "output")) is not None


def _answered(row: Row, where: str) -> Row:
    question, response = required(row, QUESTION, where), required(row, (*ANSWER, "output"), where)
    return asked(row, question, where) | {
        "output_text": answer(row[response], f"{where}: {response}"),
        **beside(row),
    }


def _score(row: Row, where: str) -> list[Row]:
    key = next(key for key in (*SCORE, "ratings") if key in row)
    if row.get("scale") is None:
        raise UserError(
            f'{where}: scale is missing: say from where to where the {key} goes, with "scale": [1, 5] in '
            "each row, or for all of them: assent convert FILE OUT --to ratings --scale 1-5"
        )
    named = {"criterion": row["criterion"]} if row.get("criterion") is not None else {}
    value = {"ratings" if key == "ratings" else "rating": row[key]}
    return [_answered(row, where) | named | value | {"scale": scale_of(row["scale"], where)}]


def scale_of(scale: Any, where: str) -> Any:
    """[lowest, highest], of such a list or of a text such as 1-5."""
    if not isinstance(scale, str):
        return scale  # the parser of our own rows checks lists
    found = SCALE.fullmatch(scale)
    if found is None:
        raise UserError(f"{where}: scale: expected [lowest, highest] or text such as 1-5, found {scale!r}")
    return [float(end) if "." in end else int(end) for end in found.groups()]


def _scores(row: Row, where: str) -> list[Row]:
    """K answers with a score each: K ratings."""
    responses = listed(row) or "responses"
    answers, scores = row[responses], row["scores"]
    if len(answers) != len(scores):
        raise UserError(f"{where}: {len(answers)} {responses} and {len(scores)} scores")
    rows = []
    for index, (one, score) in enumerate(zip(answers, scores, strict=True)):
        said = response_of(one, f"{where}: {responses}[{index}]")
        rows += _score({**row, "response": said, "completion": said, "score": score}, where)
    return rows


def _labelled_good(row: Row) -> bool:
    return first(row, QUESTION) is not None and _one(row) and "label" in row and not _scored(row)


def _label(row: Row, where: str) -> list[Row]:
    label = row["label"]
    name = str(label).strip().lower()
    if not isinstance(label, (bool, int, str)) or name not in GOOD + BAD:
        raise UserError(f"{where}: label: expected one of {', '.join(GOOD + BAD)}, found {label!r}")
    return [_answered(row, where) | {"label": name in GOOD}]


RATINGS = (
    Dialect(
        "prompt-response-score",
        "ratings",
        '{"prompt": "What is a fen?", "response": "A wetland.", "score": 4, "scale": "1-5"}',
        _scored,
        _score,
    ),
    Dialect(
        "k-way-scores",
        "ratings",
        '{"prompt": "What is a fen?", "responses": ["A bird.", "A wetland."], "scores": [1, 5], '
        '"scale": "1-5"}',
        lambda row: (
            first(row, QUESTION) is not None
            and listed(row) is not None
            and isinstance(row.get("scores"), list)
        ),
        _scores,
    ),
    Dialect(
        "good-bad",
        "ratings",
        '{"prompt": "What is a fen?", "completion": "A wetland.", "label": true}',
        _labelled_good,
        _label,
    ),
)
