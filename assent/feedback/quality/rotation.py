"""What somebody gets before a real item: practice and test to qualify by, and gold among the real ones."""

from assent.feedback.projects import ProjectSettings
from assent.feedback.quality import qualification
from assent.feedback.quality.gold import next_gold
from assent.feedback.quality.qualification import Standing
from assent.feedback.schema.models import Item, Judgement, Part, Person, Project
from assent.feedback.store.projects import settings_of


class NotQualified(Exception):
    """Somebody failed the test and nobody has let them try again: there is no item for them."""

    def __init__(self, standing: Standing):
        super().__init__(standing.state)
        self.standing = standing


def next_special(person: Person, project: Project, settings: ProjectSettings) -> tuple[Item, int] | None:
    """(item, attempt) that is due before a real item; None: a real one is. Inside `writing()`.

    The same again until it is answered or skipped. `attempt` is `Shown.attempt`: 0 for gold. That a failed
    attempt has ended may be written here: whoever calls commits that, and raises outside.

    Raises:
        NotQualified: the test was failed.
    """
    qualified = qualification.is_qualified(person, project)
    if qualified is None:
        item = qualification.next_item(person, project, settings)
        if item is not None:
            return item
        qualified = qualification.is_qualified(person, project)
    if qualified is False:
        raise NotQualified(qualification.standing(person, project, settings))
    gold = next_gold(person, project, settings)
    return None if gold is None else (gold, 0)


def answered(judgement: Judgement) -> None:
    """A judgement of practice, test or gold was stored: inside the same `writing()`."""
    if judgement.item.part in (Part.PRACTICE, Part.TEST):
        qualification.note(judgement, settings_of(judgement.shown.project))
