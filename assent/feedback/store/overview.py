"""How a project gets on, in a handful of queries that read indexes alone: cheap at a million items."""

import time
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet

from assent.feedback.projects import LONGEST_LEASE_SECONDS
from assent.feedback.schema.models import (
    Attempt,
    Audit,
    Flag,
    Item,
    Judgement,
    Membership,
    Part,
    Person,
    Project,
    Role,
    Shown,
    Skip,
    Slot,
    Turn,
)
from assent.feedback.store.projects import settings_of

LAST = 10  # rows of each list on the overview


@dataclass(frozen=True)
class Items:
    """Real items, complete when `overlap` judgements are there; and how many there are of the other parts.

    None of them is retired.
    """

    real: int = 0
    complete: int = 0
    seconded: int = 0  # complete, and in the pool of which further people are asked
    gold: int = 0
    practice: int = 0
    test: int = 0

    @property
    def open(self) -> int:
        return self.real - self.complete

    @property
    def percent(self) -> int:
        """Of the items, complete; 100 only when all are."""
        return 100 * self.complete // self.real if self.real else 0


@dataclass(frozen=True)
class AtWork:
    """What one person has done in a project."""

    name: str
    active: bool
    judged: int  # items, as they see it themselves: gold among them, practice and tests not
    tried: int  # answers to practice and tests, in all attempts
    failed: bool  # the last test, and nobody has let them try again
    skipped: int  # and not judged after all
    last: float | None  # when they were last given an item
    holds: bool  # an item is kept for them now


def items_of(project: Project) -> Items:
    every = Item.objects.filter(project=project)
    there, retired = (_by_part(items) for items in (every, every.filter(listed=False)))
    parts = {part: count - retired.get(part, 0) for part, count in there.items()}
    # A position is one item's: counting positions needs the index of open slots and nothing else. Slots are
    # given out in the order of their numbers: those beyond `overlap` wait for second opinions. Of a retired
    # item only what somebody holds is open, and of those who hold something there are few.
    every_open = Slot.objects.filter(project=project, judged=False)
    held = _of(Slot.objects.filter(holder__gt=0, judged=False, item__listed=False), project, "project")
    needed = Q(number__lt=settings_of(project).overlap)
    waiting = _positions(every_open.filter(needed)) - _positions(held.filter(needed))
    return Items(
        real=parts.get(Part.REAL, 0),
        complete=parts.get(Part.REAL, 0) - waiting,
        seconded=_positions(every_open) - _positions(held) - waiting,
        gold=parts.get(Part.GOLD, 0),
        practice=parts.get(Part.PRACTICE, 0),
        test=parts.get(Part.TEST, 0),
    )


def _by_part(items: QuerySet[Item]) -> dict[str, int]:
    return dict(items.values_list("part").annotate(count=Count("pk")).order_by("part"))


def _positions(slots: QuerySet[Slot]) -> int:
    return slots.order_by("position").values("position").distinct().count()


def people_of(project: Project) -> list[AtWork]:
    """Members, and whoever has done something, the busiest first."""
    shown = Shown.objects.filter(project=project).order_by()
    last = dict(shown.values_list("person").annotate(last=Max("pk")))
    is_answered = Exists(Judgement.objects.filter(shown=OuterRef("pk")))
    answered = shown.filter(is_answered)
    # Practice and tests have attempts from 1; all that counts as work has 0.
    judged = dict(answered.filter(attempt=0).values_list("person").annotate(count=Count("pk")))
    tried = dict(answered.filter(attempt__gt=0).values_list("person").annotate(count=Count("pk")))
    skips = _of(Shown.objects.filter(pk__in=Skip.objects.values("shown")), project, "project").order_by()
    skips = skips.filter(~is_answered, attempt=0)
    skipped = dict(skips.values_list("person").annotate(count=Count("pk")))
    members = set(Membership.objects.filter(project=project).values_list("person", flat=True))
    lasts = {
        one.person.pk: one for one in Shown.objects.filter(pk__in=last.values()).select_related("person")
    }
    passed = dict(Attempt.objects.filter(project=project).order_by("number").values_list("person", "passed"))
    held = _holders([one.item.pk for one in lasts.values()])  # a person holds one at a time, the last given
    rows = [
        AtWork(
            name=person.name,
            active=person.is_active,
            judged=judged.get(person.pk, 0),
            tried=tried.get(person.pk, 0),
            failed=passed.get(person.pk) is False,
            skipped=skipped.get(person.pk, 0),
            last=lasts[person.pk].created if person.pk in lasts else None,
            holds=person.pk in lasts and (lasts[person.pk].item.pk, person.pk) in held,
        )
        for person in Person.objects.filter(pk__in=members | set(last))
    ]
    return sorted(rows, key=lambda row: (-row.judged, row.name))


def last_skips(project: Project) -> list[Skip]:
    found = _of(Skip.objects.select_related("shown__item", "shown__person"), project)
    return list(found.order_by("-pk")[:LAST])


def last_flags(project: Project) -> list[Flag]:
    found = _of(Flag.objects.select_related("shown__item", "shown__person"), project)
    return list(found.order_by("-pk")[:LAST])


def last_audit(project: Project) -> list[Audit]:
    """What was done to the project itself."""
    return list(Audit.objects.filter(detail__project=project.name).order_by("-pk")[:LAST])


def counts(project: Project) -> dict[str, int]:
    """How many skips and flags there are in all."""
    skips, flags = _of(Skip.objects.all(), project), _of(Flag.objects.all(), project)
    return {"skips": skips.count(), "flags": flags.count()}


def begun(project: Project) -> bool:
    """Whether anybody has judged here, or talked."""
    if project.task == "chat":
        return Turn.objects.filter(conversation__project=project).exists()
    judged = Judgement.objects.filter(shown=OuterRef("pk"))
    return Shown.objects.filter(Exists(judged), project=project).exists()


def nobody_else() -> bool:
    """Whether admins are still alone: nobody has followed an invite to annotate."""
    return not Person.objects.exclude(role=Role.ADMIN).filter(is_active=True).exists()


def _of(rows: Any, project: Project, path: str = "shown__project") -> Any:
    """Those of a project, found from the rows themselves, which are few.

    The sum keeps SQLite from starting at the millions of `Shown` of the project: no index knows it.
    """
    return rows.alias(of=F(path) + 0).filter(of=project.pk)


def _holders(items: list[int]) -> set[tuple[int, int]]:
    """(item, person) of those that are kept for somebody now."""
    slots = Slot.objects.filter(item__in=items).values_list("item", "holder", "lease_until", "judged")
    now = time.time()
    held = [one for one in slots if not one[3] and now <= (one[2] or 0) <= now + LONGEST_LEASE_SECONDS]
    return {(item, holder) for item, holder, _, _ in held}
