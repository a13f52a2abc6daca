"""Answers of all policies to one prompt, with the words that changed and the best scores marked."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assent.evaluation.numbers import finite
from assent.records import UNSPACED

Piece = tuple[str, bool]  # text, and whether it differs
PROMPTS = 20
TOO_LONG = 1500  # words; difflib takes quadratic time
TOO_DIFFERENT = 0.25  # below this similarity nearly every word would be marked, which tells nothing
# Han and kana stand alone, since Chinese and Japanese do not put spaces between words.
WORDS = re.compile(rf"\s+|[{UNSPACED}]|[^\W{UNSPACED}]+|[^\w\s]")


@dataclass(frozen=True)
class Score:
    judge: str
    value: float | None
    best: bool


@dataclass(frozen=True)
class Answer:
    policy: str
    role: str  # before | after | ""
    pieces: list[Piece]
    scores: list[Score]
    length: int | None
    ended: bool


@dataclass(frozen=True)
class Card:
    prompt: str
    answers: list[Answer]
    written: list[str]  # by people, where the evaluation has references


def differing(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces, those that the other lacks marked; nothing is marked between unlike texts."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    plain = [(before, False)], [(after, False)]
    if not old or not new or max(len(old), len(new)) > TOO_LONG:
        return plain
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if _similarity(matcher, old, new) < TOO_DIFFERENT:
        return plain
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        _append(left, "".join(old[old_start:old_end]), tag)
        _append(right, "".join(new[new_start:new_end]), tag)
    return left, right


def _similarity(matcher: difflib.SequenceMatcher[str], old: Sequence[str], new: Sequence[str]) -> float:
    """The share of words that both texts have in the same order; spaces, which all share, do not count."""
    equal = (old[block.a + i] for block in matcher.get_matching_blocks() for i in range(block.size))
    shared, words = (sum(not text.isspace() for text in texts) for texts in (equal, (*old, *new)))
    return 2 * shared / words if words else 0.0


def _append(pieces: list[Piece], text: str, tag: str) -> None:
    differs = tag != "equal" or not text.strip()  # one mark, not two, around a space that both have
    if text and pieces and pieces[-1][1] == differs:
        pieces[-1] = (pieces[-1][0] + text, differs)
    elif text:
        pieces.append((text, differs))


def cards(rows: Sequence[Mapping[str, Any]], before: str | None, after: str | None) -> list[Card]:
    """The first prompts, in the order of the file: nobody picked them."""
    return [_card(row, before, after) for row in rows[:PROMPTS]]


def _card(row: Mapping[str, Any], before: str | None, after: str | None) -> Card:
    given: Mapping[str, Any] = row.get("answers") or {}
    names = sorted(given, key=lambda name: (name != before, name != after))
    texts = {name: str((given[name] or {}).get("text", "")) for name in names}
    pieces = {name: [(text, False)] for name, text in texts.items()}
    if before in texts and after in texts:
        pieces[before], pieces[after] = differing(texts[before], texts[after])
    best = _best(given)
    roles = {before: "before", after: "after"}
    answers = [_answer(name, roles.get(name, ""), pieces[name], given[name] or {}, best) for name in names]
    return Card(str(row.get("prompt", "")), answers, [str(text) for text in row.get("references") or []])


def _answer(
    name: str, role: str, pieces: list[Piece], row: Mapping[str, Any], best: Mapping[str, float]
) -> Answer:
    values = {judge: finite(value) for judge, value in (row.get("scores") or {}).items()}
    scores = [
        Score(judge, value, value is not None and value == best.get(judge)) for judge, value in values.items()
    ]
    length = finite(row.get("length"))
    return Answer(
        name, role, pieces, scores, None if length is None else int(length), row.get("ended") is not False
    )


def _best(given: Mapping[str, Any]) -> dict[str, float]:
    """The highest score by judge; a judge who gives all the same marks none."""
    values: dict[str, list[float]] = {}
    for row in given.values():
        for judge, value in ((row or {}).get("scores") or {}).items():
            if (real := finite(value)) is not None:
                values.setdefault(judge, []).append(real)
    return {judge: max(found) for judge, found in values.items() if max(found) > min(found)}
