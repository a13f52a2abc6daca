"""How often somebody agreed with gold, for admins. Computed when asked for; nothing is stored."""

from dataclasses import dataclass

from assent.feedback.projects import ProjectSettings
from assent.feedback.quality.grading import grade
from assent.feedback.schema.models import Item, Judgement, Part, Project
from assent.functional.shares import wilson_interval


@dataclass(frozen=True)
class GoldRecord:
    """`right` of `asked` gold items, and the 95% interval of the share (Wilson 1927)."""

    right: int
    asked: int

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.right, self.asked)


def gold_records(project: Project, settings: ProjectSettings) -> dict[int, GoldRecord]:
    """By person, of those who have answered gold. Last words count; what was skipped does not."""
    gold = Item.objects.filter(project=project, part=Part.GOLD, expected__isnull=False)
    expected = dict(gold.values_list("pk", "expected"))
    judged = Judgement.objects.filter(shown__item__in=gold.values("pk")).order_by("revision")
    last = {row[0]: row[1:] for row in judged.values_list("shown_id", "person_id", "item_id", "answer")}
    counts: dict[int, tuple[int, int]] = {}
    for person, item, answer in last.values():
        right, asked = counts.get(person, (0, 0))
        agreed = grade(settings.task, expected[item], answer).right is True
        counts[person] = (right + agreed, asked + 1)
    return {person: GoldRecord(*count) for person, count in counts.items()}
