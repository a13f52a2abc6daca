"""Gold: items whose right answer is known, among real ones, at places nobody can foresee.

Of each `gold.every` items that somebody is given, one is gold. Which one, and which gold, comes from a keyed
hash of the project's secret: the same on each run, and no help to whoever knows all but the secret. Nobody
gets the same gold twice; when somebody has seen them all, there is none any more, and nothing tells.
"""

import hashlib
import hmac

from django.db.models import Q

from assent.feedback.projects import ProjectSettings
from assent.feedback.quality.grading import GRADED
from assent.feedback.schema.models import Item, Judgement, Part, Person, Project, Shown, Skip


def next_gold(person: Person, project: Project, settings: ProjectSettings) -> Item | None:
    """The gold to give somebody now: one they have not answered yet, or a new one where it is due."""
    if settings.gold is None or settings.task not in GRADED:
        return None
    gold = Item.objects.filter(project=project, part=Part.GOLD, expected__isnull=False).exclude(listed=False)
    waiting = _unanswered(person, project)
    if waiting is not None:
        return waiting
    if not is_due(project, person, _given(person, project), settings.gold.every):
        return None
    seen = Shown.objects.filter(person=person, item__in=gold.values("pk")).values("item_id")
    unseen = gold.exclude(pk__in=seen).values_list("pk", flat=True)
    drawn = min(unseen, key=lambda item: keyed(project, "gold", person.pk, item), default=None)
    return Item.objects.get(pk=drawn) if drawn is not None else None


def is_due(project: Project, person: Person, given: int, every: int) -> bool:
    """Whether the next item is gold for somebody who has been given so many: once in each `every`."""
    block, place = divmod(given, every)
    return place == int.from_bytes(keyed(project, "place", person.pk, block)[:8]) % every


def keyed(project: Project, *what: object) -> bytes:
    """32 bytes that only the project's secret can foretell."""
    message = "/".join(map(str, what)).encode()
    return hmac.new(bytes.fromhex(project.secret), message, hashlib.sha256).digest()


def _unanswered(person: Person, project: Project) -> Item | None:
    """Gold that was given last and is not answered yet: it stays what it is, however often one asks."""
    last = Shown.objects.filter(person=person, project=project).select_related("item").order_by("-id").first()
    if last is None or last.item.part != Part.GOLD:
        return None
    ended = Judgement.objects.filter(shown=last).exists() or Skip.objects.filter(shown=last).exists()
    return None if ended else last.item


def _given(person: Person, project: Project) -> int:
    """Real and gold items somebody has been given: counted in an index, all but those to qualify by."""
    parts = Q(part=Part.PRACTICE) | Q(part=Part.TEST)
    qualifying = Item.objects.filter(parts, project=project).values_list("pk", flat=True)
    every = Shown.objects.filter(person=person, project=project).count()
    return every - Shown.objects.filter(person=person, item__in=list(qualifying)).count()
