"""What people say, on disk before they are told so.

A browser makes the UUID of a judgement, and sends it again until it hears an answer: the same UUID is the
same judgement, however often it comes. Rows are only added, and the last revision counts.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from assent.errors import AssentError
from assent.feedback.projects import LONGEST_LEASE_SECONDS
from assent.feedback.quality import rotation
from assent.feedback.schema.models import Flag, Judgement, Part, Person, Project, Shown, Skip
from assent.feedback.store import clock, sql
from assent.feedback.store.answers import LONGEST_COMMENT, Answer, AnswerError, check_changed, stored, words
from assent.feedback.store.claims import NotYours, own
from assent.feedback.store.history import (
    Mine,
    Progress,
    answer_of,
    is_done,
    is_skipped,
    last,
    mine,
    progress,
    skipped,
)
from assent.feedback.store.projects import settings_of, version_of
from assent.feedback.store.writer import writing

__all__ = [
    "AnswerError",
    "Conflict",
    "Mine",
    "NotYours",
    "Outcome",
    "Progress",
    "Submission",
    "answer_of",
    "flag",
    "is_done",
    "is_skipped",
    "last",
    "mine",
    "progress",
    "skip",
    "skipped",
    "submit",
]

_KNOWN = "SELECT 1 FROM feedback_judgement WHERE uuid = %s"
# With the slot that late work has come to since.
_LAST = """
SELECT coalesce(judgement.slot_id, late.id), judgement.surplus AND late.id IS NULL, judgement.revision
FROM feedback_judgement AS judgement
LEFT JOIN feedback_slot AS late ON judgement.surplus AND late.item_id = judgement.item_id
    AND late.holder_id = judgement.person_id AND late.judged
WHERE judgement.shown_id = %s ORDER BY judgement.revision DESC LIMIT 1
"""
# Where a judgement goes: to the slot that its person holds, else to the first that is free.
_FREE = """
SELECT id FROM feedback_slot
WHERE item_id = %s AND NOT judged AND (holder_id = %s OR holder_id IS NULL
    OR lease_until < %s OR lease_until > %s)
ORDER BY holder_id IS %s DESC, number LIMIT 1
"""
_FILL = "UPDATE feedback_slot SET judged = TRUE, holder_id = NULL, lease_until = NULL WHERE id = %s"
_GIVE_BACK = """
UPDATE feedback_slot SET holder_id = NULL, lease_until = NULL
WHERE holder_id = %s AND item_id = %s AND NOT judged
"""
_GIVE_UP = "DELETE FROM feedback_slot WHERE holder_id = %s AND item_id = %s AND NOT judged"


class Conflict(AssentError):
    """It cannot be stored beside what is there. Sending it again does not help.

    The page says `code` in the reader's language. Codes: judged, number, revision, once.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Submission:
    """What a browser sent."""

    uuid: UUID
    shown: int
    answer: dict[str, Any]  # in positions: `answers.stored`
    revision: int = 1  # 1: the first word; then one more each time
    seconds: float | None = None  # from page shown to click
    guideline: int | None = None  # the version that its author knew; None: the one that holds now

    @property
    def payload_sha256(self) -> str:
        """What may not change under one UUID. Seconds may, and the guideline's version:
        a page that was reloaded counts anew, and is told of the one that holds then."""
        said = {"shown": self.shown, "revision": self.revision, "answer": self.answer}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """A judgement that is on disk."""

    judgement: Judgement
    same: bool  # it was there before

    @property
    def surplus(self) -> bool:
        return self.judgement.surplus


def submit(person: Person, submission: Submission, project: Project | None = None) -> Outcome:
    """Store a judgement, once.

    It fills the slot its person holds, else one that is free; where others hold or filled them all it is
    surplus.

    Raises:
        NotYours: the item was never shown to this person; or not in `project`, where that is given.
        Conflict: this UUID came with other content; this is not the revision after the last;
            practice and tests are answered once.
        AnswerError: it is not an answer to what was asked.
        Busy: nothing was stored; try again.
    """
    with writing():
        if sql.first(_KNOWN, submission.uuid.hex):
            return _again(person, submission, project)
        shown = own(person, submission.shown, project)
        judgement = _added(shown, submission, _answer(shown, submission))
        if shown.item.part != Part.REAL:
            rotation.answered(judgement)
    return Outcome(judgement, same=False)


def skip(person: Person, shown_id: int, reason: str, project: Project | None = None) -> Skip:
    """This person would rather not: the item goes to others, if it is not retired. Said again, the first
    reason stays.

    Raises:
        NotYours: as `submit`.
        Conflict: they have judged it.
        AnswerError: the reason is too long, or no text.
        Busy: nothing was stored; try again.
    """
    reason = words(reason, LONGEST_COMMENT)
    with writing():
        shown = own(person, shown_id, project)
        known = Skip.objects.filter(shown=shown).first()
        if known is not None:
            return known
        if Judgement.objects.filter(shown=shown).exists():
            raise Conflict("judged", "this item is judged: a skip would not take that back")
        sql.changed(_GIVE_UP if shown.item.listed is False else _GIVE_BACK, person.pk, shown.item.pk)
        return Skip.objects.create(shown=shown, reason=reason, created=clock.now())


def flag(person: Person, uuid: UUID, shown_id: int, text: str, project: Project | None = None) -> Flag:
    """Something is wrong with an item. The same UUID is the same flag.

    Raises:
        NotYours: as `submit`.
        Conflict: this UUID came with other content.
        AnswerError: the text is empty, too long, or none.
        Busy: nothing was stored; try again.
    """
    if not words(text, LONGEST_COMMENT).strip():
        raise AnswerError("empty", "say what is wrong")
    with writing():
        shown = own(person, shown_id, project)
        known = Flag.objects.filter(uuid=uuid).first()
        if known is None:
            return Flag.objects.create(uuid=uuid, shown=shown, text=text, created=clock.now())
        if (known.shown, known.text) != (shown, text):
            raise Conflict("number", f"{uuid}: another flag has this number")
        return known


def _again(person: Person, submission: Submission, project: Project | None) -> Outcome:
    rows = Judgement.objects.select_related("shown__item", "shown__project", "person")
    known = rows.get(uuid=submission.uuid)
    if project is not None and known.shown.project != project:
        raise NotYours(f"{submission.uuid}: not of {project.name}")
    if known.person != person or known.payload_sha256 != submission.payload_sha256:
        raise Conflict("number", f"{submission.uuid}: another judgement has this number")
    return Outcome(known, same=True)


def _answer(shown: Shown, submission: Submission) -> Answer:
    seconds = submission.seconds
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise AnswerError("seconds", "seconds: expected a number that is not negative")
    candidates = shown.item.candidates
    answer = stored(settings_of(shown.project), len(candidates), shown.order, submission.answer)
    check_changed(candidates, answer)
    return answer


def _added(shown: Shown, submission: Submission, answer: Answer) -> Judgement:
    slot_id, surplus = _place(shown, submission.revision)
    return Judgement.objects.create(
        uuid=submission.uuid,
        shown=shown,
        item=shown.item,
        person=shown.person,
        slot_id=slot_id,
        revision=submission.revision,
        surplus=surplus,
        answer=answer,
        payload_sha256=submission.payload_sha256,
        guideline=_version(shown.project, submission.guideline),
        seconds=submission.seconds,
        created=clock.now(),
    )


def _version(project: Project, sent: int | None) -> int:
    """Of the guideline, one that there is: what an author knew may be older than what holds, never newer."""
    now = version_of(project)
    return now if sent is None else max(0, min(sent, now))


def _place(shown: Shown, revision: int) -> tuple[int | None, bool]:
    """(slot, whether it is surplus). A later revision stays where the one before it is.

    Of an imported judgement the last revision may be all there is.

    Raises:
        Conflict: it is not the next revision, or there may be no other.
    """
    before = sql.first(_LAST, shown.pk)
    following = before[2] + 1 if before else 1
    if revision != following:
        raise Conflict("revision", f"revision {revision}: the next one is {following}")
    part = shown.item.part
    if before and part in (Part.PRACTICE, Part.TEST):
        raise Conflict("once", "practice and tests are answered once")
    if before:
        return before[0], bool(before[1])
    return _slot(shown) if part == Part.REAL else (None, False)


def _slot(shown: Shown) -> tuple[int | None, bool]:
    person, now = shown.person.pk, clock.now()
    free = sql.first(_FREE, shown.item.pk, person, now, now + LONGEST_LEASE_SECONDS, person)
    if free is None:
        return None, True
    sql.changed(_FILL, free[0])
    return free[0], False
