"""What people did besides judging, as rows: skips, flags, implicit feedback; and guidelines. No Django."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping

from assent.feedback.exchange.rows import Row, dashed, moment

_SKIPS = """
SELECT i.name, p.name, k.reason, k.created FROM feedback_skip k
CROSS JOIN feedback_shown s ON s.id = k.shown_id
CROSS JOIN feedback_item i ON i.id = s.item_id
CROSS JOIN feedback_person p ON p.id = s.person_id
WHERE s.project_id = ? ORDER BY k.id
"""
_FLAGS = """
SELECT i.name, p.name, f.text, f.uuid, f.created FROM feedback_flag f
CROSS JOIN feedback_shown s ON s.id = f.shown_id
CROSS JOIN feedback_item i ON i.id = s.item_id
CROSS JOIN feedback_person p ON p.id = s.person_id
WHERE s.project_id = ? ORDER BY f.id
"""
_IMPLICIT = """
SELECT m.uuid, c.uuid, p.name, c.policy, t.uuid, t.number, t.attempt, t.text, m.kind, m.position, m.seconds,
       m.created
FROM feedback_implicit m
CROSS JOIN feedback_turn t ON t.id = m.turn_id
CROSS JOIN feedback_conversation c ON c.id = t.conversation_id
CROSS JOIN feedback_person p ON p.id = c.person_id
WHERE c.project_id = ? ORDER BY m.id
"""
_GUIDELINES = """
SELECT version, text, created_by, created FROM feedback_guideline WHERE project_id = ? ORDER BY version
"""


def _skips(connection: sqlite3.Connection, project: int) -> Iterator[Row]:
    for item, annotator, reason, at in connection.execute(_SKIPS, (project,)):
        yield {"item": item, "annotator": annotator, "reason": reason, "at": moment(at)}


def _flags(connection: sqlite3.Connection, project: int) -> Iterator[Row]:
    for item, annotator, text, uuid, at in connection.execute(_FLAGS, (project,)):
        yield {
            "item": item,
            "annotator": annotator,
            "text": text,
            "flag": dashed(uuid),
            "at": moment(at),
        }


def _implicit(connection: sqlite3.Connection, project: int) -> Iterator[Row]:
    names = ("annotator", "policy", "turn", "number", "attempt", "text", "kind", "position", "seconds")
    for uuid, chat, *told, at in connection.execute(_IMPLICIT, (project,)):
        row = dict(zip(names, told, strict=True)) | {"at": moment(at)}
        row["turn"] = dashed(row["turn"])
        yield {"implicit": dashed(uuid), "conversation": dashed(chat)} | row


def _guidelines(connection: sqlite3.Connection, project: int) -> Iterator[Row]:
    for version, text, by, at in connection.execute(_GUIDELINES, (project,)):
        yield {"version": version, "text": text, "by": by, "at": moment(at)}


FACTS: Mapping[str, Callable[[sqlite3.Connection, int], Iterator[Row]]] = {
    "skips": _skips,
    "flags": _flags,
    "implicit": _implicit,
    "guidelines": _guidelines,
}
