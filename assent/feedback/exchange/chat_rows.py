"""Chats as rows: whole ones, thumbs, and which answer people put before another. No Django.

Three different things, and no file mixes them. A thumb is said on purpose. Two thumbs on two answers to the
same words make a pair: that is said as well. That somebody had an answer made again and went on from another
is only what they did: it makes a pair in a file of its own, and only where they had agreed to its being kept
(the event `regenerate` is stored with consent alone).
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid5

from assent.feedback.exchange.not_for_import import AGAIN, THUMBS
from assent.feedback.exchange.rows import Row, dashed, moment, prompt_of
from assent.records import Rating

# By conversation, then as they were said: one conversation is in memory at a time, and nothing is sorted but
# the few turns of it. The last thumb counts, as `store/implicit.py` has it.
_TURNS = """
SELECT c.id, c.uuid, c.policy, p.name, c.created, t.uuid, t.number, t.role, t.text, m.kind, m.created
FROM feedback_conversation c
CROSS JOIN feedback_person p ON p.id = c.person_id
CROSS JOIN feedback_turn t ON t.conversation_id = c.id
LEFT JOIN feedback_implicit m ON m.id = (
    SELECT max(id) FROM feedback_implicit
    WHERE turn_id = t.id AND kind IN ('thumb_up', 'thumb_down', 'thumb_none')
)
WHERE c.project_id = ? ORDER BY c.id, t.number, t.attempt, t.id
"""
_ASKED_AGAIN = """
SELECT m.uuid FROM feedback_turn t CROSS JOIN feedback_implicit m ON m.turn_id = t.id
WHERE t.conversation_id = ? AND m.kind = 'regenerate'
"""
_THUMBS = {"thumb_up": "up", "thumb_down": "down"}


@dataclass(frozen=True)
class _Answer:
    """All attempts of the same words, as people see them: the first names it."""

    uuid: str  # 32 digits
    text: str
    thumb: str | None  # "up", "down"
    at: float | None  # of the thumb
    asked_again: bool  # it was made since somebody asked for another, and had agreed to that being kept


@dataclass(frozen=True)
class _Exchange:
    """What was said before, and the answers to it in the order in which they were made."""

    before: tuple[Row, ...]
    answers: tuple[_Answer, ...]
    chosen: int  # of the answers: the one that the chat went on with, or may
    went_on: bool
    again: int  # how often another answer was asked for, as far as that may be kept


@dataclass(frozen=True)
class _Chat:
    uuid: str
    policy: str
    annotator: str
    created: float
    exchanges: tuple[_Exchange, ...]  # those that have an answer

    def meta(self, **more: Any) -> Row:
        told = {"annotator": self.annotator, "policy": self.policy, "conversation": dashed(self.uuid)}
        return {**told, **more}


def chats(connection: sqlite3.Connection, project: int) -> Iterator[Row]:
    """Whole chats, up to the last answer; `thumbs` and `again` of each answer stand in `meta`."""
    for chat in _chats(connection, project):
        if not chat.exchanges:
            continue
        last = chat.exchanges[-1]
        answers = [one.answers[one.chosen] for one in chat.exchanges]
        thumbs, again = [one.thumb for one in answers], [one.again for one in chat.exchanges]
        messages = [*last.before, {"role": "assistant", "content": answers[-1].text}]
        meta = chat.meta(at=moment(chat.created), thumbs=thumbs, again=again)
        yield {"messages": messages, "meta": meta}


def thumbs(connection: sqlite3.Connection, project: int) -> Iterator[Rating]:
    """Each answer with a thumb up (1) or down (0), of 0 to 1; a thumb that was taken back is none."""
    for chat, exchange in _exchanged(connection, project):
        for answer in exchange.answers:
            if answer.thumb is None or answer.at is None:
                continue
            told = {"turn": dashed(answer.uuid), "from": THUMBS, "at": moment(answer.at)}
            prompt = prompt_of(list(exchange.before), chat.meta(**told))
            good = float(answer.thumb == "up")
            yield Rating(prompt, answer.text, good, (0.0, 1.0), annotator=chat.annotator)


def thumb_pairs(connection: sqlite3.Connection, project: int) -> Iterator[Row]:
    """Two answers to the same words, one with a thumb up and one with a thumb down."""
    for chat, exchange in _exchanged(connection, project):
        for pair in combinations(exchange.answers, 2):
            given = [one.thumb for one in pair]
            if sorted(one or "" for one in given) == ["down", "up"]:
                yield _pair(chat, exchange, pair, given.index("up"), THUMBS)


def implicit_pairs(connection: sqlite3.Connection, project: int) -> Iterator[Row]:
    """The answer that somebody went on from, against each that they had made again or passed by for it.

    Left out: where the later of the two was not made with consent; where a thumb says otherwise, or both have
    one that decides: those stand in `thumb_pairs`.
    """
    for chat, exchange in _exchanged(connection, project):
        chosen = exchange.answers[exchange.chosen]
        for pair in combinations(exchange.answers, 2) if exchange.went_on else ():
            if chosen not in pair or not pair[1].asked_again:
                continue
            other = pair[1] if pair[0] is chosen else pair[0]
            decided = (chosen.thumb, other.thumb) == ("up", "down")
            if not decided and chosen.thumb != "down" and other.thumb != "up":
                yield _pair(chat, exchange, pair, pair.index(chosen), AGAIN)


def _pair(chat: _Chat, exchange: _Exchange, pair: Sequence[_Answer], choice: int, said_by: str) -> Row:
    """In the order in which the answers were made: the better one stands in no place of its own."""
    texts = {f"candidate_{index}": answer.text for index, answer in enumerate(pair)}
    item = ":".join(dashed(answer.uuid) for answer in pair)
    meta = chat.meta(item=item, **{"from": said_by})
    return {"messages": list(exchange.before), **texts, "choice": choice, "meta": meta}


def _exchanged(connection: sqlite3.Connection, project: int) -> Iterator[tuple[_Chat, _Exchange]]:
    return ((chat, exchange) for chat in _chats(connection, project) for exchange in chat.exchanges)


def _chats(connection: sqlite3.Connection, project: int) -> Iterator[_Chat]:
    for number, rows in groupby(connection.execute(_TURNS, (project,)), key=itemgetter(0)):
        turns = list(rows)
        _, uuid, policy, annotator, created = turns[0][:5]
        asked_again = {one for (one,) in connection.execute(_ASKED_AGAIN, (number,))}
        by_number = [list(some) for _, some in groupby((turn[5:] for turn in turns), key=itemgetter(1))]
        yield _Chat(uuid, policy, annotator, created, tuple(_exchanges(by_number, asked_again)))


def _exchanges(numbers: Sequence[Sequence[Any]], asked_again: set[str]) -> Iterator[_Exchange]:
    """Of the turns by number, of which the last attempt is what the chat went on with."""
    said: list[Row] = []
    for place, attempts in enumerate(numbers):
        role, text = attempts[-1][2:4]
        if role == "assistant":
            answers = _answers(attempts, asked_again)
            chosen = next(index for index, one in enumerate(answers) if one.text == text)
            again = sum(_again(attempt[0]) in asked_again for attempt in attempts)
            yield _Exchange(tuple(said), answers, chosen, place + 1 < len(numbers), again)
        said.append({"role": role, "content": text})


def _answers(attempts: Sequence[Any], asked_again: set[str]) -> tuple[_Answer, ...]:
    found: dict[str, _Answer] = {}
    for uuid, _number, _role, text, kind, at in attempts:
        if text not in found:
            found[text] = _Answer(uuid, text, _THUMBS.get(kind), at, _again(uuid) in asked_again)
    return tuple(found.values())


def _again(answer: str) -> str:
    """The number of the event that an answer was asked for: `store/chats.py` makes it of the answer's own."""
    return uuid5(UUID(answer), "regenerate").hex


CHATS: Mapping[str, Any] = {
    "thumb_pairs": thumb_pairs,
    "implicit_pairs": implicit_pairs,
    "chats": chats,
}
