"""What people do with answers in chats: thumbs always, the rest only where they agreed to it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from assent.feedback.schema.models import Consent, Conversation, Implicit, Person, Project, Turn
from assent.feedback.store.chat_errors import ChatConflict, ChatError, NotYours
from assent.feedback.store.projects import settings_of
from assent.feedback.store.writer import writing

MOST_SECONDS = 86_400.0  # of one look at an answer
THUMBS = ("thumb_up", "thumb_down", "thumb_none")
QUIET_KINDS = ("copy", "click", "dwell")  # sent by the browser, kept with consent alone


@dataclass(frozen=True)
class Event:
    """Something a person did with an answer, as the browser sends it."""

    uuid: UUID
    turn: UUID
    kind: str
    seconds: float | None = None


def consent_of(person: Person, project: Project) -> Consent | None:
    """The last word of somebody on what a chat keeps, in the wording of now; None: they were not asked."""
    last = Consent.objects.filter(person=person, project=project).order_by("-id").first()
    if last is None or (last.given and last.text != settings_of(project).implicit.consent):
        return None
    return last


def consent(person: Person, project: Project, wording: str, *, given: bool) -> None:
    """Agree to what a chat keeps, refuse or withdraw. The same again adds nothing.

    Raises:
        ChatConflict: the wording they saw is not that of now (`wording`).
        ChatError: this project keeps nothing that needs consent.
    """
    implicit = settings_of(project).implicit
    if not implicit.enabled and given:
        raise ChatError("off", "this project keeps nothing that needs consent")
    if given and wording != wording_of(implicit.consent):
        raise ChatConflict("wording", "the text has changed: reload the page and read it again")
    with writing():
        last = consent_of(person, project)
        if last is None or last.given != given:
            Consent.objects.create(person=person, project=project, text=implicit.consent, given=given)


def wording_of(text: str) -> str:
    """A short name of a text of consent: what the browser says that it has shown."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def may_keep(person: Person, project: Project) -> bool:
    """Whether more than words and thumbs may be kept: it is switched on, and agreed to as it reads now."""
    if not settings_of(project).implicit.enabled:
        return False
    last = consent_of(person, project)
    return last is not None and last.given


def keep(person: Person, project: Project, events: Sequence[Event]) -> int:
    """Store what somebody did with answers, each once; how many were left out for want of consent.

    Thumbs are said on purpose and always kept.

    Raises:
        ChatError: a kind that is not known, or seconds that cannot be.
        NotYours: an answer of somebody else's chat.
    """
    for event in events:
        _check_event(event)
    with writing():
        allowed = may_keep(person, project)
        wanted = [event for event in events if allowed or event.kind in THUMBS]
        uuids = {event.turn for event in events}
        mine = Turn.objects.filter(
            conversation__person=person, conversation__project=project, role="assistant"
        )
        turns = {turn.uuid: turn for turn in mine.filter(uuid__in=uuids)}
        if set(turns) != uuids:
            raise NotYours
        for event in wanted:
            keep_one(event, turns[event.turn])
    return len(events) - len(wanted)


def thumbs_of(conversation: Conversation) -> dict[int, str]:
    """The last thumb of each turn, by its key."""
    rows = Implicit.objects.filter(turn__conversation=conversation, kind__in=THUMBS).order_by("id")
    return dict(rows.values_list("turn_id", "kind"))


def _check_event(event: Event) -> None:
    if event.kind not in (*THUMBS, *QUIET_KINDS):
        raise ChatError("kind", f"{event.kind!r} is not one of {', '.join((*THUMBS, *QUIET_KINDS))}")
    if (event.seconds is not None) != (event.kind == "dwell"):
        raise ChatError("seconds", "seconds belong to dwell, and dwell needs them")
    if event.seconds is not None and not 0 < event.seconds <= MOST_SECONDS:
        raise ChatError(
            "seconds", f"expected 0 < seconds <= {MOST_SECONDS:g}, and these are {event.seconds:g}"
        )


def keep_one(event: Event, turn: Turn) -> None:
    """`position` is the place of the answer on the page: 0 is the first answer of the chat."""
    made = {
        "turn": turn,
        "kind": event.kind,
        "position": turn.number // 2,
        "seconds": event.seconds,
    }
    there, new = Implicit.objects.get_or_create(uuid=event.uuid, defaults=made)
    if not new and (there.turn, there.kind) != (turn, event.kind):
        raise ChatConflict("other", "something else came first under this number: reload the page")
