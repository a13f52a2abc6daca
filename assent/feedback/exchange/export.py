"""What people said, as rows for files. No Django: stages read a database through this, read-only.

Decided judgements, ties, both bad and cannot judge stand in files of their own, so that whoever trains never
takes one for another. Each holds last words only, in the order in which they came.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from assent.config import check
from assent.errors import UserError
from assent.feedback.exchange.chat_rows import CHATS, thumbs
from assent.feedback.exchange.other_rows import FACTS
from assent.feedback.exchange.rows import Row, Said, edit_row, good_and_bad, record_of, rows_of
from assent.feedback.exchange.votes import votes
from assent.feedback.projects import Criterion, ProjectSettings

UNDECIDED = {"ties": "tie", "both_bad": "both_bad", "cannot_judge": "cannot_judge"}  # kind -> stored choice
PARTS = {"gold": ("gold",), "qualification": ("practice", "test")}  # kind -> parts of items
# task -> kind -> the format of others, as `Services.rows` names it
_ANSWERS = {"trl": "prompt-completion", "messages": "messages"}
STYLES: Mapping[str, Mapping[str, str]] = {
    "pairwise": {"trl": "prompt-chosen-rejected", "hh": "hh", "kto": "good-bad"},
    "ranking": {"k-way": "k-way"},
    "demonstration": _ANSWERS,
    "edit": _ANSWERS,
    "chat": {"kto": "good-bad"},
}
# Why a task has no such file, where another program's form is asked for, and what to do instead.
_NO_STYLE: Mapping[str, str] = {
    "ranking": "it holds all answers of a row: take k-way, or the judgements and assent convert",
    "rating": "nobody compared answers, and from which number on one is good only you can say: take the "
    "judgements and assent convert FILE OUT --to good-bad --threshold 4",
    "demonstration": "there is one answer, and no worse one: take trl, or the judgements and assent convert",
    "edit": "an answer alone is trl; the mended one against the original is edits, which assent convert "
    "writes as prompt-chosen-rejected or hh",
    "chat": "thumbs are kto; pairs are thumb_pairs, which assent convert writes as prompt-chosen-rejected "
    "or hh",
    "pairwise": "there are two answers a row: take trl, hh or kto, or the judgements and assent convert",
}
FACTS_OF_ALL = ("skips", "flags", "guidelines")
BUSY_SECONDS = 5.0
SAME = 64  # answers, orders and hidden facts that are remembered

_SAID = """
SELECT i.name, i.prompt, i.candidates, i.hidden, s."order", j.answer, p.name, j.uuid, j.revision, j.guideline,
       j.seconds, j.created, i.part, i.expected, s.attempt
FROM feedback_judgement j
CROSS JOIN feedback_item i ON i.id = j.item_id
CROSS JOIN feedback_shown s ON s.id = j.shown_id
CROSS JOIN feedback_person p ON p.id = j.person_id
WHERE i.project_id = ? AND i.part IN (?, ?) AND (j.surplus AND NOT EXISTS (
    SELECT 1 FROM feedback_slot WHERE item_id = j.item_id AND holder_id = j.person_id AND judged
)) = ? AND NOT EXISTS (
    SELECT 1 FROM feedback_judgement later WHERE later.shown_id = j.shown_id AND later.revision > j.revision
)
ORDER BY j.id
"""  # CROSS JOIN: in this order, which is that of the answer; nothing has to be sorted, however much there is
# Late work is surplus as long as no slot of the item is its person's: `Slot.holder`.

_decode = json.JSONDecoder().raw_decode  # what Django or we wrote: nothing stands around it


@lru_cache(SAME)
def _short(text: str) -> Any:
    """Of JSON that many rows have in common. Nobody changes what comes out."""
    return _decode(text)[0]


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection that sees the database as it is now, until the end of the block.

    Raises:
        UserError: there is no such database, or it is none of the app's.
    """
    if not database.is_file():
        raise UserError(f"{database}: there is no feedback yet: open the app with assent annotate")
    address = f"{database.resolve().as_uri()}?mode=ro"
    with closing(
        sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    ) as connection:
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM feedback_judgement LIMIT 1")  # the snapshot begins here
        except sqlite3.DatabaseError as error:
            raise UserError(f"{database}: not a feedback database that can be read: {error}") from None
        yield connection


def kinds_of(task: str) -> tuple[str, ...]:
    """The kinds of files that a project of this task has."""
    if task == "chat":
        return ("implicit", *CHATS, "guidelines")
    judged = ("judgements", "surplus", "gold", "qualification")
    more = {
        "pairwise": (*UNDECIDED, "votes"),
        "ranking": ("votes",),
        "edit": ("edits",),
    }
    return (*judged, *more.get(task, ()), *FACTS_OF_ALL)


def exported(connection: sqlite3.Connection, project: str, kind: str = "judgements") -> Iterator[Row]:
    """The rows of a kind of file, in the order in which they were said.

    Raises:
        UserError: there is no such project, or its task has no such kind.
    """
    found = _Project.named(connection, project)
    if kind not in kinds_of(found.task):
        raise _refused(found, project, kind)
    if kind in FACTS:
        return FACTS[kind](connection, found.id)
    if kind in CHATS:
        return CHATS[kind](connection, found.id)
    if kind == "votes":
        return votes(connection, found.id)
    said = _said(connection, found, kind)
    if kind == "edits":
        return (edit_row(one) for one in said)
    return (row for one in said for row in rows_of(found.task, one, found.scales))


def styled(
    connection: sqlite3.Connection, project: str, kind: str, write: Callable[[Any], Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """The judgements as other programs read them; `write` makes a row of a record: `Services.rows`.

    For KTO each pair is two answers: the better one is good, the other bad; of a chat it is the thumbs.

    Raises:
        UserError: there is no such project, or its task has no such form; with what to take instead.
    """
    found = _Project.named(connection, project)
    if kind not in STYLES.get(found.task, {}):
        raise _refused(found, project, kind)
    return map(write, _records(connection, found, kind))


def _records(connection: sqlite3.Connection, project: "_Project", kind: str) -> Iterator[Any]:
    if project.task == "chat":
        yield from thumbs(connection, project.id)
        return
    for said in _said(connection, project, "judgements"):
        yield from good_and_bad(said) if kind == "kto" else (record_of(project.task, said),)


def _refused(project: "_Project", name: str, kind: str) -> UserError:
    there = ", ".join((*kinds_of(project.task), *STYLES.get(project.task, {})))
    known = any(kind in styles for styles in STYLES.values())
    why = f": {_NO_STYLE[project.task]}" if known else ""
    return UserError(f"project {name}: no export {kind!r}{why}: a project of task {project.task} has {there}")


class _Project:
    """What an export must know of a project."""

    def __init__(self, number: int, task: str, settings: str):
        self.id, self.task = number, task
        self.scales: tuple[Criterion, ...] = ()
        if task == "rating":
            self.scales = check(ProjectSettings, json.loads(settings), "project").scales

    @classmethod
    def named(cls, connection: sqlite3.Connection, name: str) -> "_Project":
        row = connection.execute(
            "SELECT id, task, settings FROM feedback_project WHERE name = ?", (name,)
        ).fetchone()
        if row is None:
            known = [one for (one,) in connection.execute("SELECT name FROM feedback_project ORDER BY name")]
            raise UserError(f"no project {name!r} there; there are: {', '.join(known) or 'none'}")
        return cls(*row)


def _said(connection: sqlite3.Connection, project: _Project, kind: str) -> Iterator[Said]:
    parts = PARTS.get(kind, ("real",))
    choice = UNDECIDED.get(kind)
    apart = project.task == "pairwise" and kind not in (*PARTS, "surplus")  # by what was chosen
    for row in connection.execute(_SAID, (project.id, parts[0], parts[-1], kind == "surplus")):
        answer = _short(row[5])
        chosen = answer["choice"] if apart else None
        if apart and (chosen != choice if choice else type(chosen) is not int):
            continue
        yield Said(
            item=row[0],
            prompt=_decode(row[1])[0],
            candidates=_decode(row[2])[0],
            hidden=_short(row[3]),
            order=_short(row[4]),
            answer=answer,
            annotator=row[6],
            uuid=row[7],
            revision=row[8],
            guideline=row[9],
            seconds=row[10],
            created=row[11],
            more=_known(row) if kind in PARTS else {"surplus": True} if kind == "surplus" else {},
        )


def _known(row: tuple[Any, ...]) -> Row:
    """Of an item whose right answer is known."""
    part, expected, attempt = row[12:15]
    told = {"part": part, "expected": json.loads(expected) if expected else None}
    return told | ({"attempt": attempt} if attempt else {})
