"""Items as admins look for them, some at a time: each page begins after the last item of the one before."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, QuerySet

from assent.feedback.schema.models import Flag, Item, Judgement, Project, Shown, Skip
from assent.feedback.store import sql

A_PAGE = 50
FLAGGED, SKIPPED = "flagged", "skipped"
# Skips and flags are few, what was given is not: from them to it, and to the items in their order.
_FEW = """
SELECT DISTINCT shown.item_id
FROM {table} AS few CROSS JOIN feedback_shown AS shown ON shown.id = few.shown_id
WHERE shown.project_id = %s AND shown.item_id > %s ORDER BY shown.item_id LIMIT %s
"""
_FEW_OF = {FLAGGED: _FEW.format(table="feedback_flag"), SKIPPED: _FEW.format(table="feedback_skip")}


@dataclass(frozen=True)
class Listed:
    """An item, and what has become of it so far."""

    item: Item
    judged: int  # people who have judged it
    skipped: int
    flagged: int


@dataclass(frozen=True)
class Page:
    rows: list[Listed]
    after: int | None  # where the next page begins; None: this is the last


def page_of(project: Project, which: str, after: int | None) -> Page:
    """Items of a part, in the order in which they are given out, or those that are flagged or skipped.

    Args:
        which: a `Part`, `FLAGGED` or `SKIPPED`.
        after: as the page before has it; None: from the first.
    """
    if which in _FEW_OF:
        few = sql.rows(_FEW_OF[which], project.pk, after or 0, A_PAGE + 1)
        items = list(Item.objects.filter(pk__in=[number for (number,) in few]).order_by("pk"))
    else:
        every = Item.objects.filter(project=project, part=which).order_by("position")
        items = list((every if after is None else every.filter(position__gt=after))[: A_PAGE + 1])
    rows, more = items[:A_PAGE], len(items) > A_PAGE
    last = (rows[-1].pk if which in _FEW_OF else rows[-1].position) if more else None
    return Page(with_counts(rows), last)


def with_counts(items: Iterable[Item]) -> list[Listed]:
    items = list(items)
    shown = Shown.objects.filter(item__in=items).order_by()
    judged, skipped, flagged = (
        _by_item(shown.filter(Exists(rows.objects.filter(shown=OuterRef("pk")))))
        for rows in (Judgement, Skip, Flag)
    )
    return [
        Listed(one, judged.get(one.pk, 0), skipped.get(one.pk, 0), flagged.get(one.pk, 0)) for one in items
    ]


def skips_of(item: Item) -> list[Skip]:
    """The last first."""
    return list(Skip.objects.filter(shown__item=item).select_related("shown__person").order_by("-pk"))


def flags_of(item: Item) -> list[Flag]:
    return list(Flag.objects.filter(shown__item=item).select_related("shown__person").order_by("-pk"))


def _by_item(shown: QuerySet[Shown]) -> dict[int, int]:
    return dict(shown.values_list("item").annotate(count=Count("pk")))
