"""How often somebody agreed with gold, for admins. Computed when asked for; nothing is stored."""

from dataclasses import dataclass

from assent.feedback.projects import ProjectSettings
from assent.feedback.quality.grading import grade, is_of
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
    """By person, of those who have answered gold. Last words count; what was skipped does not.

    Nor does gold that is retired: its right answer may have been the mistake.
    """
    gold = Item.objects.filter(project=project, part=Part.GOLD).exclude(listed=False)
    found = gold.values_list("pk", "expected")
    expected = {item: answer for item, answer in found if is_of(answer, settings.task)}
    judged = Judgement.objects.filter(shown__item__in=gold.values("pk")).order_by("revision")
    last = {row[0]: row[1:] for row in judged.values_list("shown_id", "person_id", "item_id", "answer")}
    counts: dict[int, tuple[int, int]] = {}
    for person, item, answer in last.values():
        if item not in expected:
            continue
        right, asked = counts.get(person, (0, 0))
        agreed = grade(settings.task, expected[item], answer).right is True
        counts[person] = (right + agreed, asked + 1)
    return {person: GoldRecord(*count) for person, count in counts.items()}
