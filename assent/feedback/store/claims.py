"""Who works on what: exactly `Item.slots` judgements an item, and never the same item twice to one person.

A slot is leased to one person at a time. A lease ends by its time alone: then the slot is free for whoever
asks first, and it stays with its holder for as long as nobody does. An item is given once to a person
(`Shown`), and stays theirs to answer: late work takes a slot that is still free, or is kept as surplus
(`judging.submit`).
"""

from django.db import connection
from django.db.models import Q, QuerySet

from assent.errors import AssentError
from assent.feedback.projects import ProjectSettings
from assent.feedback.quality import rotation
from assent.feedback.schema.models import Item, Judgement, Part, Person, Project, Shown, Slot
from assent.feedback.store import clock, shuffle
from assent.feedback.store.projects import settings_of
from assent.feedback.store.writer import writing

MINUTE_SECONDS = 60.0
FRONT = 64  # open slots that are looked at first, whatever was shown before: first items are complete first
END = 2**31  # beyond every position

# A slot is free without a holder, or after the lease of one. This walks along the index `open_slots`: it
# costs as many steps as there are open slots before the first that fits.
_FREE = """
SELECT open.id, open.item_id FROM feedback_slot AS open
WHERE project_id = %s AND NOT judged AND position >= %s AND position < %s
AND (holder_id IS NULL OR lease_until < %s)
AND NOT EXISTS (SELECT 1 FROM feedback_shown WHERE person_id = %s AND item_id = open.item_id)
ORDER BY position, number LIMIT 1
"""
_END_OF_FRONT = """
SELECT position FROM feedback_slot WHERE project_id = %s AND NOT judged
ORDER BY position, number LIMIT 1 OFFSET %s
"""
# What was shown, neither answered nor skipped, and lost; and is free again.
_FREE_AGAIN = """
SELECT slot.id, slot.item_id FROM feedback_shown AS shown
JOIN feedback_slot AS slot ON slot.item_id = shown.item_id
WHERE shown.project_id = %s AND shown.person_id = %s
AND NOT slot.judged AND (slot.holder_id IS NULL OR slot.lease_until < %s)
AND NOT EXISTS (SELECT 1 FROM feedback_judgement WHERE shown_id = shown.id)
AND NOT EXISTS (SELECT 1 FROM feedback_skip WHERE shown_id = shown.id)
ORDER BY slot.position, slot.number LIMIT 1
"""


class NotYours(AssentError):
    """No such item was shown to this person."""


def claim(person: Person, project: Project) -> Shown | None:
    """What this person works on next, leased to them; None where nothing is left for them.

    What they hold already comes first: a reload shows the same again. Then what their qualification asks or a
    gold item that is due, then a real item with a free slot. A closed project gives nothing new.

    Raises:
        NotQualified: they have not passed the qualification of this project.
        Busy: nothing was claimed; try again.
    """
    settings = settings_of(project)
    with writing():
        try:
            return _next(person, project, settings)
        except rotation.NotQualified as error:
            failed = error  # raised outside: that their attempt has ended is written all the same
    raise failed


def current(person: Person, project: Project) -> Shown | None:
    """What was given to this person, is not answered and is not lost to somebody else. Nothing is written."""
    unanswered = _showings().filter(person=person, project=project, skip=None, judgement=None)
    held = list(
        Slot.objects.filter(holder=person, project=project, judged=False).values_list("item_id", flat=True)
    )
    real = unanswered.filter(item__in=held).first() if held else None
    if real is not None:
        return real
    # Practice, tests and gold have no lease: the last that was given waits until it is answered.
    last = Shown.objects.filter(person=person, project=project).order_by("-id").values("id")[:1]
    return unanswered.filter(id__in=last).exclude(item__part=Part.REAL).first()


def heartbeat(person: Person, shown_id: int) -> bool:
    """Keep the item for as long as a lease lasts from now; False where it was lost to somebody else.

    Raises:
        NotYours: it was never shown to this person.
    """
    with writing():
        shown = own(person, shown_id)
        if shown.item.part != Part.REAL or _lease(shown, settings_of(shown.project)):
            return True
        return Judgement.objects.filter(
            shown=shown
        ).exists()  # whoever looks again at what they answered has lost nothing


def own(person: Person, shown_id: int) -> Shown:
    """What was shown to this person under this number, with its item and its project.

    Raises:
        NotYours: it was never shown to them.
    """
    found = _showings().filter(pk=shown_id, person=person).first()
    if found is None:
        raise NotYours(f"{shown_id}: nothing of that number was shown to {person.name}")
    return found


def free_slot(shown: Shown) -> Slot | None:
    """Where a judgement of this item goes: the slot its person holds, else any that is free."""
    slots = Slot.objects.filter(item=shown.item, judged=False).order_by("number")
    free = Q(holder=None) | Q(lease_until__lt=clock.now())
    return slots.filter(holder=shown.person).first() or slots.filter(free).first()


def last_position(person: Person, project: Project) -> int:
    """Of the real item that was given to this person last; 0 before the first."""
    given = Shown.objects.filter(person=person, project=project, item__part=Part.REAL).order_by("-id")
    return given.values_list("item__position", flat=True).first() or 0


def _showings() -> QuerySet[Shown]:
    return Shown.objects.select_related("item", "project", "person")


def _next(person: Person, project: Project, settings: ProjectSettings) -> Shown | None:
    held = current(person, project)
    if held is not None:
        _lease(held, settings)
        return held
    if project.closed is not None:
        return None
    special = rotation.next_special(person, project, settings)
    if special is not None:
        return _show(person, project, *special)
    slot = _first_free(person, project)
    if slot is None:
        return None
    slot_id, item_id = slot
    Slot.objects.filter(pk=slot_id).update(holder=person, lease_until=_end_of_lease(settings))
    return _show(person, project, Item.objects.get(pk=item_id), attempt=0)


def _lease(shown: Shown, settings: ProjectSettings) -> bool:
    """Whether there is a slot to keep."""
    held = Slot.objects.filter(holder=shown.person, item=shown.item, judged=False)
    return held.update(lease_until=_end_of_lease(settings)) > 0


def _end_of_lease(settings: ProjectSettings) -> float:
    return clock.now() + settings.lease_minutes * MINUTE_SECONDS


def _first_free(person: Person, project: Project) -> tuple[int, int] | None:
    """(slot, item) to give: at the front, else after the last one given, else round from the front again.

    Somebody who works alone where each item wants three has answered thousands of open slots: going on from
    the last item passes over each of them once a round, and not once an item.
    """
    now, last = clock.now(), last_position(person, project)
    with connection.cursor() as cursor:
        cursor.execute(_END_OF_FRONT, [project.pk, FRONT])
        front = cursor.fetchone()
        rounds = ((0, front[0]), (last, END), (0, last)) if front else ((0, END),)
        for first, end in rounds:
            cursor.execute(_FREE, [project.pk, first, end, now, person.pk])
            found = cursor.fetchone()
            if found is not None:
                return found
        cursor.execute(_FREE_AGAIN, [project.pk, person.pk, now])
        return cursor.fetchone()


def _show(person: Person, project: Project, item: Item, attempt: int) -> Shown:
    """An item is shown once to a person, and stands in the same order for ever."""
    named = (person.pk, item.pk, attempt)
    shown = _showings().filter(person=person, item=item, attempt=attempt).first()
    return shown or Shown.objects.create(
        project=project,
        item=item,
        person=person,
        attempt=attempt,
        order=shuffle.order(project.secret, named, len(item.candidates)),
        created=clock.now(),
    )
