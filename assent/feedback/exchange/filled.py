"""Which of a project's files would be empty: a look that is short, however many have judged."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from assent.feedback.exchange.export import PARTS, STYLES, UNDECIDED, exported, kinds_of, reading, styled
from assent.feedback.exchange.other_rows import FACTS

MANY = 5000  # of what was given to people: where there is more, anything may be among the rest
MANY_CHATS = 200

# What was said last of real items, and whether it counts. CROSS JOIN: from what was given, which an index
# knows by project.
_SAID = """
SELECT DISTINCT judgement.surplus AND NOT EXISTS (
    SELECT 1 FROM feedback_slot
    WHERE item_id = judgement.item_id AND holder_id = judgement.person_id AND judged
), CASE json_type(answer, '$.choice') WHEN 'text' THEN json_extract(answer, '$.choice') END
FROM (SELECT id, item_id FROM feedback_shown WHERE project_id = ? LIMIT ?) AS given
CROSS JOIN feedback_item AS item ON item.id = given.item_id
CROSS JOIN feedback_judgement AS judgement ON judgement.shown_id = given.id
WHERE item.part = 'real' AND NOT EXISTS (
    SELECT 1 FROM feedback_judgement AS later
    WHERE later.shown_id = judgement.shown_id AND later.revision > judgement.revision
)
"""
# Items whose answer is known are few.
_KNOWN = """
SELECT 1 FROM feedback_item AS item
CROSS JOIN feedback_shown AS shown ON shown.item_id = item.id
CROSS JOIN feedback_judgement AS judgement ON judgement.shown_id = shown.id
WHERE item.project_id = ? AND item.part IN (?, ?) LIMIT 1
"""
_MORE = "SELECT 1 FROM feedback_shown WHERE project_id = ? LIMIT 1 OFFSET ?"
_MORE_CHATS = "SELECT 1 FROM feedback_conversation WHERE project_id = ? LIMIT 1 OFFSET ?"


def empty_kinds(database: Path, name: str, task: str) -> set[str]:
    """The kinds of exports, and the forms of other programs, that have no row yet, as far as it is seen."""
    with reading(database) as connection:
        [number] = connection.execute("SELECT id FROM feedback_project WHERE name = ?", (name,)).fetchone()
        every = {*kinds_of(task), *STYLES.get(task, {})}
        facts = {kind for kind in every & FACTS.keys() if any(True for _ in exported(connection, name, kind))}
        look = _of_chats if task == "chat" else _of_items
        return every - facts - look(connection, number, name, task)


def _of_items(connection: sqlite3.Connection, number: int, _name: str, task: str) -> set[str]:
    judged = {*kinds_of(task), *STYLES.get(task, {})} - FACTS.keys() - PARTS.keys()
    filled = {
        kind
        for kind, parts in PARTS.items()
        if connection.execute(_KNOWN, (number, parts[0], parts[-1])).fetchone()
    }
    if connection.execute(_MORE, (number, MANY)).fetchone():
        return filled | judged
    said = connection.execute(_SAID, (number, MANY)).fetchall()
    counted = {choice for surplus, choice in said if not surplus}  # None: a decision
    apart = {kind for kind, choice in UNDECIDED.items() if choice in counted}
    if any(surplus for surplus, _ in said):
        apart.add("surplus")
    if "tie" in counted:
        apart.add("votes")
    return filled | apart | (judged - UNDECIDED.keys() - {"surplus"} if None in counted else set())


def _of_chats(connection: sqlite3.Connection, number: int, name: str, task: str) -> set[str]:
    kinds = {*kinds_of(task)} - FACTS.keys()
    if connection.execute(_MORE_CHATS, (number, MANY_CHATS)).fetchone():
        return kinds | STYLES[task].keys()
    rows: dict[str, Iterator[object]] = {kind: exported(connection, name, kind) for kind in kinds}
    rows |= {kind: styled(connection, name, kind, lambda row: {"row": row}) for kind in STYLES[task]}
    return {kind for kind, found in rows.items() if any(True for _ in found)}
