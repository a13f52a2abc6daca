"""One's own work: what was judged or skipped, and how much is left. Nothing is written.

Gold counts as any other item: what is done and what is left add up to the same before and after it.
"""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from assent.feedback.quality.gold import is_due
from assent.feedback.quality.grading import GRADED
from assent.feedback.schema.models import Judgement, Person, Project, Shown, Skip
from assent.feedback.store import sql
from assent.feedback.store.claims import END, last_position, leased, waiting
from assent.feedback.store.projects import settings_of

LOOKED_AT = 300  # open slots that are counted, 1.4 microseconds each
ROUND = 50  # what is told of more than that: a number that does not move with each answer

# Practice and tests have attempts from 1; all that counts as work has 0.
_JUDGED = """
SELECT COUNT(*) FROM feedback_shown AS shown
WHERE shown.project_id = %s AND shown.person_id = %s AND shown.attempt = 0
AND EXISTS (SELECT 1 FROM feedback_judgement WHERE shown_id = shown.id)
"""
_OPEN = """
SELECT open.item_id,
    EXISTS (SELECT 1 FROM feedback_shown AS shown WHERE person_id = %s AND item_id = open.item_id AND (
        EXISTS (SELECT 1 FROM feedback_judgement WHERE shown_id = shown.id)
        OR EXISTS (SELECT 1 FROM feedback_skip WHERE shown_id = shown.id)))
FROM feedback_slot AS open
WHERE project_id = %s AND NOT judged AND position >= %s AND position < %s
ORDER BY position, number LIMIT %s
"""
_GIVEN = "SELECT COUNT(*) FROM feedback_shown WHERE project_id = %s AND person_id = %s AND attempt = 0"
_SAID = "SELECT 1 FROM feedback_judgement WHERE shown_id = %s LIMIT 1"
_UNSEEN_GOLD = """
SELECT COUNT(*) FROM feedback_item AS item
WHERE project_id = %s AND part = 'gold' AND expected IS NOT NULL AND listed IS NOT FALSE
AND NOT EXISTS (SELECT 1 FROM feedback_shown WHERE person_id = %s AND item_id = item.id)
"""

_SKIPPED = "SELECT 1 FROM feedback_skip WHERE shown_id = %s"
_JUDGEMENTS = Exists(Judgement.objects.filter(shown=OuterRef("pk")))
_SKIPS = Exists(Skip.objects.filter(shown=OuterRef("pk")))


@dataclass(frozen=True)
class Mine:
    """Something this person judged, and their last word on it; or what they skipped and have not judged."""

    shown: Shown
    judgement: Judgement | None  # None: skipped
    skip: Skip | None


@dataclass(frozen=True)
class Progress:
    """How far somebody is."""

    mine: int  # items this person judged; practice and tests apart
    left: int  # items this person has yet to judge or skip, as far as others do not
    more: bool  # there are others beyond: `left` is "at least so many"


def progress(person: Person, project: Project) -> Progress:
    """Counted in indices, and never more than `LOOKED_AT` open slots, from where this person is."""
    here = last_position(person, project)
    seen: list[sql.Row] = []
    for start, end in ((here, END), (0, here)):
        seen += sql.rows(_OPEN, person.pk, project.pk, start, end, LOOKED_AT - len(seen))
    real = len({item for item, done in seen if not done})
    judged = sql.rows(_JUDGED, project.pk, person.pk)[0][0]
    if len(seen) == LOOKED_AT:
        return Progress(judged, real - real % ROUND if real > ROUND else real, more=True)
    return Progress(judged, real + _gold_to_come(person, project, real), more=False)


def _gold_to_come(person: Person, project: Project, real: int) -> int:
    """How many gold items this person will be given while they judge `real` others."""
    settings = settings_of(project)
    if settings.gold is None or settings.task not in GRADED:
        return 0
    unseen = gold = sql.rows(_UNSEEN_GOLD, project.pk, person.pk)[0][0]
    place = sql.rows(_GIVEN, project.pk, person.pk)[0][0]
    real -= leased(person, project) is not None  # given already
    while (due := gold > 0 and is_due(project, person, place, settings.gold.every)) or real > 0:
        gold, real, place = (gold - 1, real, place + 1) if due else (gold, real - 1, place + 1)
    return unseen - gold + Shown.objects.filter(pk=waiting(person, project), attempt=0).count()


def answer_of(shown: Shown) -> Judgement | None:
    """The last word on it."""
    if sql.first(_SAID, shown.pk) is None:  # most that is shown is new
        return None
    return Judgement.objects.filter(shown=shown).order_by("-revision").first()


def is_done(shown: Shown) -> bool:
    """Whether it was judged or skipped."""
    return answer_of(shown) is not None or is_skipped(shown)


def is_skipped(shown: Shown) -> bool:
    """Whether this person said that they would rather not judge it."""
    return sql.first(_SKIPPED, shown.pk) is not None


def last(person: Person, project: Project) -> Shown | None:
    """What this person judged or skipped last, to look at again; practice and tests are over once they are
    answered."""
    return _done(person, project).first()


def skipped(person: Person, project: Project) -> int:
    """How many items this person skipped and did not judge after all."""
    return _done(person, project).exclude(_JUDGEMENTS).count()


def mine(
    person: Person, project: Project, limit: int, before: int | None = None, *, only_skipped: bool = False
) -> list[Mine]:
    """What this person judged or skipped, the last shown first, from before the number `before` of a Shown;
    or only what `skipped` counts."""
    done = _done(person, project)
    if only_skipped:
        done = done.exclude(_JUDGEMENTS)
    if before is not None:
        done = done.filter(pk__lt=before)
    page = list(done[:limit])
    words = Judgement.objects.filter(shown__in=page).select_related("shown").order_by("revision")
    last_words = {word.shown: word for word in words}
    skips = {skip.shown: skip for skip in Skip.objects.filter(shown__in=page).select_related("shown")}
    return [Mine(shown, last_words.get(shown), skips.get(shown)) for shown in page]


def _done(person: Person, project: Project) -> QuerySet[Shown]:
    found = Shown.objects.filter(_JUDGEMENTS | _SKIPS, person=person, project=project, attempt=0)
    return found.select_related("item", "project", "person").order_by("-id")
