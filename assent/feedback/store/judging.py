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
from assent.feedback.quality import rotation
from assent.feedback.schema.models import Flag, Guideline, Judgement, Part, Person, Shown, Skip, Slot
from assent.feedback.store import clock
from assent.feedback.store.answers import LONGEST_COMMENT, Answer, AnswerError, check_changed, stored, words
from assent.feedback.store.claims import NotYours, free_slot, own
from assent.feedback.store.history import Mine, Progress, answer_of, last, mine, progress
from assent.feedback.store.projects import settings_of
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
    "last",
    "mine",
    "progress",
    "skip",
    "submit",
]


class Conflict(AssentError):
    """It cannot be stored beside what is there. Sending it again does not help."""


@dataclass(frozen=True)
class Submission:
    """What a browser sent."""

    uuid: UUID
    shown: int
    answer: dict[str, Any]  # in positions: `answers.stored`
    revision: int = 1  # 1: the first word; then one more each time
    seconds: float | None = None  # from page shown to click

    @property
    def payload_sha256(self) -> str:
        """What may not change under one UUID. Seconds may: a page that was reloaded counts them anew."""
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


def submit(person: Person, submission: Submission) -> Outcome:
    """Store a judgement, once.

    It fills the slot its person holds, else one that is free; where others hold or filled them all it is
    surplus.

    Raises:
        NotYours: the item was never shown to this person.
        Conflict: this UUID came with other content; this revision is there, or those before it are not;
            practice and tests are answered once.
        AnswerError: it is not an answer to what was asked.
        Busy: nothing was stored; try again.
    """
    with writing():
        known = Judgement.objects.filter(uuid=submission.uuid).select_related("shown__item", "person").first()
        if known is not None:
            return _again(known, person, submission)
        shown = own(person, submission.shown)
        judgement = _added(shown, submission, _answer(shown, submission))
        if shown.item.part != Part.REAL:
            rotation.answered(judgement)
    return Outcome(judgement, same=False)


def skip(person: Person, shown_id: int, reason: str) -> Skip:
    """This person would rather not: the item goes to others. Said again, the first reason stays.

    Raises:
        NotYours: it was never shown to this person.
        Conflict: they have judged it.
        AnswerError: the reason is too long, or no text.
        Busy: nothing was stored; try again.
    """
    reason = words(reason, LONGEST_COMMENT)
    with writing():
        shown = own(person, shown_id)
        known = Skip.objects.filter(shown=shown).first()
        if known is not None:
            return known
        if Judgement.objects.filter(shown=shown).exists():
            raise Conflict("this item is judged: a skip would not take that back")
        Slot.objects.filter(holder=person, item=shown.item, judged=False).update(
            holder=None, lease_until=None
        )
        return Skip.objects.create(shown=shown, reason=reason, created=clock.now())


def flag(person: Person, uuid: UUID, shown_id: int, text: str) -> Flag:
    """Something is wrong with an item. The same UUID is the same flag.

    Raises:
        NotYours: it was never shown to this person.
        Conflict: this UUID came with other content.
        AnswerError: the text is empty, too long, or none.
        Busy: nothing was stored; try again.
    """
    if not words(text, LONGEST_COMMENT).strip():
        raise AnswerError("empty", "say what is wrong")
    with writing():
        shown = own(person, shown_id)
        known = Flag.objects.filter(uuid=uuid).first()
        if known is None:
            return Flag.objects.create(uuid=uuid, shown=shown, text=text, created=clock.now())
        if (known.shown, known.text) != (shown, text):
            raise Conflict(f"{uuid}: another flag has this number")
        return known


def _again(known: Judgement, person: Person, submission: Submission) -> Outcome:
    if known.person != person or known.payload_sha256 != submission.payload_sha256:
        raise Conflict(f"{submission.uuid}: another judgement has this number")
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
    first = _first_word(shown, submission.revision)
    if first is not None:
        slot, surplus = first.slot, first.surplus
    elif shown.item.part == Part.REAL:
        slot = _filled(shown)
        surplus = slot is None
    else:
        slot, surplus = None, False
    return Judgement.objects.create(
        uuid=submission.uuid,
        shown=shown,
        item=shown.item,
        person=shown.person,
        slot=slot,
        revision=submission.revision,
        surplus=surplus,
        answer=answer,
        payload_sha256=submission.payload_sha256,
        guideline=_guideline_version(shown),
        seconds=submission.seconds,
        created=clock.now(),
    )


def _first_word(shown: Shown, revision: int) -> Judgement | None:
    """Revision 1, where this is a later one: it stays in the slot of the first.

    Raises:
        Conflict: it is not the next revision.
    """
    there = list(Judgement.objects.filter(shown=shown).order_by("revision"))
    if revision != len(there) + 1:
        raise Conflict(f"revision {revision}: the next one is {len(there) + 1}")
    if there and shown.item.part in (Part.PRACTICE, Part.TEST):
        raise Conflict("practice and tests are answered once")
    return there[0] if there else None


def _filled(shown: Shown) -> Slot | None:
    slot = free_slot(shown)
    if slot is not None:
        slot.holder, slot.lease_until, slot.judged = None, None, True
        slot.save(update_fields=["holder", "lease_until", "judged"])
    return slot


def _guideline_version(shown: Shown) -> int:
    versions = Guideline.objects.filter(project=shown.project).order_by("-version")
    return versions.values_list("version", flat=True).first() or 0
