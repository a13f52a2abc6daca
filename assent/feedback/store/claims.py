"""Who works on what: a judgement for each slot of an item, and never the same item twice to one person.

A slot is leased to one person at a time. A lease ends by its time alone: then the slot is free for whoever
asks first, and it stays with its holder for as long as nobody does. A lease that ends later than any that is
given now was given while the clock was ahead, and holds nothing. An item is given once to a person
(`Shown`), and stays theirs to answer: late work takes a slot that is still free, or is kept as surplus
(`judging.submit`).
"""

import json
from collections.abc import Sequence

from django.utils.crypto import salted_hmac

from assent.errors import AssentError
from assent.feedback.projects import LONGEST_LEASE_SECONDS, ProjectSettings
from assent.feedback.quality import rotation
from assent.feedback.schema.models import Item, Part, Person, Project, Shown
from assent.feedback.store import clock, shuffle, sql
from assent.feedback.store.projects import settings_of
from assent.feedback.store.writer import writing

MINUTE_SECONDS = 60.0
FRONT = 64  # open slots that are looked at first, whatever was shown before: first items are complete first
END = 2**31  # beyond every position
LARGEST = 2**63 - 1  # number of a row

# A slot is free without a holder, or where the lease of one holds no longer. This walks along the index
# `open_slots`: it costs as many steps as there are open slots before the first that fits.
_FREE = """
SELECT open.id, open.item_id FROM feedback_slot AS open
WHERE project_id = %s AND NOT judged AND position >= %s AND position < %s
AND (holder_id IS NULL OR lease_until < %s OR lease_until > %s)
AND NOT EXISTS (SELECT 1 FROM feedback_shown WHERE person_id = %s AND item_id = open.item_id)
ORDER BY position, number LIMIT 1
"""
_END_OF_FRONT = """
SELECT position FROM feedback_slot WHERE project_id = %s AND NOT judged
ORDER BY position, number LIMIT 1 OFFSET %s
"""
_LAST_POSITION = """
SELECT item.position FROM feedback_shown AS shown JOIN feedback_item AS item ON item.id = shown.item_id
WHERE shown.project_id = %s AND shown.person_id = %s AND item.part = 'real'
ORDER BY shown.id DESC LIMIT 1
"""
# What was shown, neither answered nor skipped, and lost; and is free again.
_FREE_AGAIN = """
SELECT slot.id, slot.item_id FROM feedback_shown AS shown
JOIN feedback_slot AS slot ON slot.item_id = shown.item_id
WHERE shown.project_id = %s AND shown.person_id = %s
AND NOT EXISTS (SELECT 1 FROM feedback_judgement WHERE shown_id = shown.id)
AND NOT EXISTS (SELECT 1 FROM feedback_skip WHERE shown_id = shown.id)
AND NOT slot.judged AND (slot.holder_id IS NULL OR slot.lease_until < %s OR slot.lease_until > %s)
ORDER BY slot.position, slot.number LIMIT 1
"""
_HELD = """
SELECT shown.id FROM feedback_slot AS slot
JOIN feedback_shown AS shown ON shown.person_id = slot.holder_id AND shown.item_id = slot.item_id
WHERE slot.holder_id = %s AND slot.project_id = %s AND NOT slot.judged
AND NOT EXISTS (SELECT 1 FROM feedback_judgement WHERE shown_id = shown.id)
AND NOT EXISTS (SELECT 1 FROM feedback_skip WHERE shown_id = shown.id)
LIMIT 1
"""
# Practice, tests and gold have no lease: the last that was given waits until it is answered.
_WAITING = """
SELECT shown.id FROM feedback_shown AS shown JOIN feedback_item AS item ON item.id = shown.item_id
WHERE shown.id = (SELECT MAX(id) FROM feedback_shown WHERE person_id = %s AND project_id = %s)
AND item.part <> 'real' AND NOT EXISTS (SELECT 1 FROM feedback_judgement WHERE shown_id = shown.id)
AND NOT EXISTS (SELECT 1 FROM feedback_skip WHERE shown_id = shown.id)
"""
_HAS_SPECIAL = """
SELECT 1 FROM feedback_item WHERE project_id = %s AND part IN ('gold', 'practice', 'test') LIMIT 1
"""
_DROP = "DELETE FROM feedback_slot WHERE id = %s"
_TAKE = "UPDATE feedback_slot SET holder_id = %s, lease_until = %s WHERE id = %s"
_KEEP = "UPDATE feedback_slot SET lease_until = %s WHERE item_id = %s AND holder_id = %s AND NOT judged"
_SHOWN = "SELECT id FROM feedback_shown WHERE person_id = %s AND item_id = %s AND attempt = %s"
_OWN = "SELECT project_id, item_id FROM feedback_shown WHERE id = %s AND person_id = %s"
_IS_JUDGED = "SELECT 1 FROM feedback_judgement WHERE shown_id = %s LIMIT 1"


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
    with writing():
        try:
            return _next(person, project, settings_of(project))
        except rotation.NotQualified as error:
            failed = error  # raised outside: that their attempt has ended is written all the same
    raise failed


def current(person: Person, project: Project) -> Shown | None:
    """What was given to this person, is not answered and is not lost to somebody else. Nothing is written."""
    number = leased(person, project) or waiting(person, project)
    return own(person, number) if number else None


def leased(person: Person, project: Project) -> int | None:
    """The number of the Shown that this person holds a slot for."""
    found = sql.first(_HELD, person.pk, project.pk)
    return found[0] if found else None


def waiting(person: Person, project: Project) -> int | None:
    """The number of the last Shown, where that is practice, test or gold and not answered yet."""
    found = sql.first(_WAITING, person.pk, project.pk)
    return found[0] if found else None


def heartbeat(person: Person, shown_id: int, project: Project | None = None) -> bool:
    """Keep the item for as long as a lease lasts from now; False where it was lost to somebody else.

    Raises:
        NotYours: as `own`.
        Busy: the lease is as it was; try again.
    """
    with writing():
        shown = own(person, shown_id, project)
        if shown.item.part != Part.REAL or _lease(shown, settings_of(shown.project)):
            return True
        # Whoever looks again at what they answered has lost nothing.
        return sql.first(_IS_JUDGED, shown.pk) is not None


def own(person: Person, shown_id: int, project: Project | None = None) -> Shown:
    """What was shown to this person under this number, with its item and its project.

    Raises:
        NotYours: it was never shown to them; or not in `project`, where that is given.
    """
    there = 0 < shown_id <= LARGEST  # a browser may send any number, and SQLite takes only its own
    found = sql.first(_OWN, shown_id, person.pk) if there else None
    if found is None or (project is not None and found[0] != project.pk):
        raise NotYours(f"{shown_id}: nothing of that number was shown to {person.name}")
    shown = sql.there(Shown, shown_id)
    shown.project = project or sql.there(Project, found[0])
    shown.item = sql.there(Item, found[1])
    shown.person = person
    return shown


def made_of(shown: Shown) -> str:
    """A word for these texts in this order, given to this person under this number.

    After a backup is put back, numbers are given again, for other items; browsers keep what was typed for the
    first ones. Nothing can be read out of the word: the key is the project's secret.
    """
    item = shown.item
    facts = [shown.pk, shown.person.pk, shown.order, item.name, item.prompt, item.candidates]
    signed = salted_hmac("assent.feedback.made", json.dumps(facts), secret=shown.project.secret)
    return signed.hexdigest()[:16]


def last_position(person: Person, project: Project) -> int:
    """Of the real item that was given to this person last; 0 before the first."""
    found = sql.first(_LAST_POSITION, project.pk, person.pk)
    return found[0] if found else 0


def _next(person: Person, project: Project, settings: ProjectSettings) -> Shown | None:
    held = current(person, project)
    if held is not None:
        _lease(held, settings)
        return held
    if project.closed is not None:
        return None
    if sql.first(_HAS_SPECIAL, project.pk):
        special = rotation.next_special(person, project, settings)
        if special is not None:
            return _show(person, project, *special)
    while (free := _first_free(person, project)) is not None:
        slot_id, item_id = free
        item = sql.there(Item, item_id)
        if item.listed is not False:
            sql.changed(_TAKE, person.pk, _end_of_lease(settings), slot_id)
            return _show(person, project, item, attempt=0)
        sql.changed(_DROP, slot_id)  # whoever had it open when it was retired has let it go
    return None


def _lease(shown: Shown, settings: ProjectSettings) -> bool:
    """Whether there is a slot to keep."""
    return sql.changed(_KEEP, _end_of_lease(settings), shown.item.pk, shown.person.pk) > 0


def _end_of_lease(settings: ProjectSettings) -> float:
    return clock.now() + settings.lease_minutes * MINUTE_SECONDS


def _first_free(person: Person, project: Project) -> Sequence[int] | None:
    """(slot, item) to give: at the front, else after the last one given, else round from the front again.

    Somebody who works alone where each item wants three has answered thousands of open slots: going on from
    the last item passes over each of them once a round, and not once an item.
    """
    free = (now := clock.now(), now + LONGEST_LEASE_SECONDS)
    front = sql.first(_END_OF_FRONT, project.pk, FRONT)
    rounds = [(0, front[0] if front else END)]
    if front:
        last = last_position(person, project)
        rounds += [(last, END), (0, last)]
    for first, end in rounds:
        found = sql.first(_FREE, project.pk, first, end, *free, person.pk)
        if found is not None:
            return found
    return sql.first(_FREE_AGAIN, project.pk, person.pk, *free)


def _show(person: Person, project: Project, item: Item, attempt: int) -> Shown:
    """An item is shown once to a person, and stands in the same order for ever."""
    named = (person.pk, item.pk, attempt)
    known = sql.first(_SHOWN, *named)
    if known is not None:
        return own(person, known[0])
    return Shown.objects.create(
        project=project,
        item=item,
        person=person,
        attempt=attempt,
        order=shuffle.order(project.secret, named, len(item.candidates)),
        created=clock.now(),
    )
