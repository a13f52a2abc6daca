"""One's own work: what was judged, and how much is left. Nothing is written."""

from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from assent.feedback.schema.models import Judgement, Person, Project, Shown
from assent.feedback.store.claims import END, last_position

LOOKED_AT = 500  # open slots that are counted: a million would take a second of each page

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


@dataclass(frozen=True)
class Mine:
    """Something this person judged, and their last word on it."""

    shown: Shown
    judgement: Judgement


@dataclass(frozen=True)
class Progress:
    """How far somebody is."""

    mine: int  # items this person judged; practice and tests apart
    left: int  # items that lack a judgement and that this person has neither judged nor skipped
    more: bool  # there are others beyond: `left` is "at least so many"


def progress(person: Person, project: Project) -> Progress:
    """Counted in indices, and never more than `LOOKED_AT` open slots, from where this person is."""
    here = last_position(person, project)
    with connection.cursor() as cursor:
        cursor.execute(_JUDGED, [project.pk, person.pk])
        judged = cursor.fetchall()[0][0]
        seen: list[tuple[int, bool]] = []
        for first, end in ((here, END), (0, here)):
            cursor.execute(_OPEN, [person.pk, project.pk, first, end, LOOKED_AT - len(seen)])
            seen.extend(cursor.fetchall())
    left = {item for item, done in seen if not done}
    return Progress(judged, len(left), more=len(seen) == LOOKED_AT)


def answer_of(shown: Shown) -> Judgement | None:
    """The last word on it."""
    return Judgement.objects.filter(shown=shown).order_by("-revision").first()


def last(person: Person, project: Project) -> Shown | None:
    """What this person judged last, to look at again; practice and tests are over once they are answered."""
    return _judged(person, project).first()


def mine(person: Person, project: Project, limit: int, before: int | None = None) -> list[Mine]:
    """What this person judged, the last shown first, from before the number `before` of a Shown."""
    judged = _judged(person, project)
    if before is not None:
        judged = judged.filter(pk__lt=before)
    page = list(judged[:limit])
    words = Judgement.objects.filter(shown__in=page).select_related("shown").order_by("revision")
    last_words = {word.shown: word for word in words}
    return [Mine(shown, last_words[shown]) for shown in page]


def _judged(person: Person, project: Project) -> QuerySet[Shown]:
    return (
        Shown.objects.filter(
            Exists(Judgement.objects.filter(shown=OuterRef("pk"))), person=person, project=project, attempt=0
        )
        .select_related("item", "project", "person")
        .order_by("-id")
    )
