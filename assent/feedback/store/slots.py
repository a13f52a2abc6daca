"""Room for judgements: how many an item has, and how it comes to more."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice

from django.db.models import Count, Max, QuerySet

from assent.feedback.projects import ProjectSettings
from assent.feedback.schema.models import Item, Part, Project, Slot
from assent.feedback.store import sql
from assent.feedback.store.writer import writing

HELD = 500  # items whose room is made together
# Who judged an item when it had no room for that, the first come first, and has no room still.
_LATE = """
SELECT shown.item_id, shown.person_id FROM feedback_shown AS shown
CROSS JOIN feedback_judgement AS judgement ON judgement.shown_id = shown.id
WHERE shown.attempt = 0 AND shown.item_id IN ({items}) AND judgement.surplus AND NOT EXISTS (
    SELECT 1 FROM feedback_slot WHERE item_id = shown.item_id AND holder_id = shown.person_id AND judged)
ORDER BY judgement.id
"""

Few = tuple[int, int, int, int]  # (item, position, number of the next slot, slots that it lacks)


def wanted(settings: ProjectSettings, name: str) -> int:
    """Judgements of an item. Its name says whether it is in the shared pool: the same in every project."""
    shared = settings.shared
    if not shared.share:
        return settings.overlap
    drawn = hashlib.sha256(name.encode()).digest()
    if int.from_bytes(drawn[:8], "big") < shared.share * 2**64:
        return max(settings.overlap, shared.overlap)
    return settings.overlap


def add_missing(project: Project, settings: ProjectSettings, among: QuerySet[Item] | None = None) -> None:
    """Make room for what is wanted of these items, or of all. Of fewer nothing is taken back.

    Late work takes it first: its people are not asked again, so somebody else would be waited for.
    """
    items = Item.objects.all() if among is None else among
    items = items.filter(project=project, part=Part.REAL).exclude(listed=False)
    found = items.annotate(slots=Count("slot"), last=Max("slot__number"))
    rows = found.values_list("pk", "name", "position", "slots", "last").iterator()
    few = (
        (item, position, 0 if last is None else last + 1, wanted(settings, name) - slots)
        for item, name, position, slots, last in rows
        if slots < wanted(settings, name)
    )
    with writing():
        while some := list(islice(few, HELD)):
            Slot.objects.bulk_create(_slots(project, some))


def _slots(project: Project, few: Sequence[Few]) -> Iterator[Slot]:
    late: dict[int, dict[int, None]] = {}
    for item, person in sql.rows(_LATE.format(items=", ".join(["%s"] * len(few))), *(one[0] for one in few)):
        late.setdefault(item, {})[person] = None
    for item, position, first, lacking in few:
        filled = list(late.get(item, ()))[:lacking]
        for number, person in enumerate([*filled, *[None] * (lacking - len(filled))], start=first):
            yield Slot(
                project=project,
                item_id=item,
                number=number,
                position=position,
                holder_id=person,
                judged=person is not None,
            )
