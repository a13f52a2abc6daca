"""How much is done and left, told so that nobody can tell gold by it.

Gold is not counted among the open items: were those the number on the page, it would stand still after gold
and so name them all. So the gold still to come is counted in, by how often it comes.
"""

from typing import Any

from django.db.models import Q

from assent.feedback.projects import ProjectSettings
from assent.feedback.schema.models import Item, Part, Person, Project, Shown
from assent.feedback.store import judging

ROUND = 100  # where not all open items were counted: "more than 400"


def progress_of(person: Person, project: Project, settings: ProjectSettings) -> dict[str, Any]:
    """`mine` judged, `left` to judge; `more`: there are more than `left`."""
    counted = judging.progress(person, project)
    left = counted.left
    if counted.more:
        left = left // ROUND * ROUND or left
    elif settings.gold is not None:
        left = _with_gold(person, project, counted.left, counted.mine, settings.gold.every)
    return {"mine": counted.mine, "left": left, "more": counted.more}


def _with_gold(person: Person, project: Project, left: int, mine: int, every: int) -> int:
    """One less after each item, whether that was gold or not, judged or skipped."""
    gold = Item.objects.filter(project=project, part=Part.GOLD)
    shown = Shown.objects.filter(person=person, item__in=gold)
    judged = shown.filter(judgement__isnull=False).distinct().count()
    over = shown.filter(Q(judgement__isnull=False) | Q(skip__isnull=False)).distinct().count()
    real = mine - judged
    return max(0, left + min(gold.count(), (left + real) // (every - 1)) - over)
