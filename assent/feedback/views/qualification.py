"""What people are told of practice and tests, and what admins see of it.

The work page asks two things here: `feedback_of` after a judgement is stored, and `result` where
`NotQualified` is raised (its `standing`). Both are pieces of a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from assent.errors import UserError
from assent.feedback.faces import Face, face_of, said
from assent.feedback.people.access import member, needs, person_of
from assent.feedback.projects import ProjectSettings
from assent.feedback.quality.gold_record import GoldRecord, gold_records
from assent.feedback.quality.grading import GRADED, RATING_STEPS, grade, is_of
from assent.feedback.quality.qualification import Standing, allow_again, last_attempt, standing
from assent.feedback.rendering import rendered
from assent.feedback.schema.models import Attempt, Judgement, Membership, Part, Person, Project, Role, Shown
from assent.feedback.store.answers import in_positions
from assent.feedback.store.projects import guideline_of, settings_of
from assent.feedback.views.error_words import in_words

LONGEST_NUMBER = 18  # digits of a row's number


@dataclass(frozen=True)
class Said:
    """An answer for people: in words, or the text that was written."""

    words: str
    text: SafeString


@dataclass(frozen=True)
class Told:
    """One item of practice or of a test that is over: what was expected, what was answered, and why."""

    right: bool | None  # None: nothing to compare with, or a text
    expected: Said | None
    given: Said | None  # None: skipped
    explanation: SafeString
    face: Face  # the item as it was shown


def told(shown: Shown, answer: Mapping[str, Any] | None, settings: ProjectSettings) -> Told:
    """In the words and positions of the person it was shown to; nothing of `Item.hidden` is in it."""
    expected = shown.item.expected
    return Told(
        right=False if answer is None else grade(settings.task, expected, answer).right,
        expected=_said(shown, expected, settings) if is_of(expected, settings.task) else None,
        given=_said(shown, answer, settings),
        explanation=rendered(shown.item.explanation),
        face=face_of(shown, settings),
    )


def feedback_of(judgement: Judgement) -> SafeString | None:
    """What to tell somebody who has just answered; None: nothing.

    After each practice item whether it was right, what was expected, and why. After the last test item passed
    or failed. After all other items nothing, so that gold cannot be told from them.
    """
    part = judgement.item.part
    if part not in (Part.PRACTICE, Part.TEST):
        return None
    settings = settings_of(judgement.shown.project)
    where = where_of(judgement)
    if part == Part.PRACTICE:
        context = {"told": told(judgement.shown, judgement.answer, settings), "where": where}
        return render_to_string("feedback/qualification/note.html", context | _rules(settings))
    if where.state == "failed":  # why stands on the page that the way on leads to
        return result(where, settings, why=False)
    return result(where, settings) if where.state == "passed" else None


def where_of(judgement: Judgement) -> Standing:
    """Where its person stands now."""
    shown = judgement.shown
    return standing(shown.person, shown.project, settings_of(shown.project))


def result(where: Standing, settings: ProjectSettings, why: bool = True) -> SafeString:
    """The end of a test: the score and the pass mark; with `why`, what was expected of the wrong answers."""
    wrong = [told(one.shown, one.answer, settings) for one in where.wrong] if why else []
    context = {"where": where, "wrong": wrong, "reached": _percent(where.right, where.asked)}
    return render_to_string("feedback/qualification/result.html", context | _rules(settings))


@member
@require_safe
def own(request: HttpRequest, project: Project) -> HttpResponse:
    """Where somebody stands, for themselves."""
    settings = settings_of(project)
    where = standing(person_of(request), project, settings)
    over = where.state in ("passed", "failed")
    context = {"project": project, "title": settings.title or project.name, "where": where}
    if where.state == "failed" and (guideline := guideline_of(project)) is not None:
        context["guideline"] = rendered(guideline.text)
    return render(
        request,
        "feedback/qualification/own.html",
        context | {"result": result(where, settings) if over else ""},
    )


@dataclass(frozen=True)
class Row:
    """One annotator, as admins see them."""

    person: Person
    where: Standing
    percent: int
    allowed_by: str  # who let them try again
    gold: GoldRecord | None
    gold_percent: tuple[int, int, int]  # share, and its 95% interval


@needs(Role.ADMIN)
@require_safe
def admin(request: HttpRequest, project: str) -> HttpResponse:
    """Who is where in the qualification, and how often they agree with gold."""
    return _admin(request, get_object_or_404(Project, name=project))


@needs(Role.ADMIN)
@require_POST
def allow(request: HttpRequest, project: str) -> HttpResponse:
    """Somebody who failed may try again: `person` is their number."""
    found = get_object_or_404(Project, name=project)
    number = request.POST.get("person", "")
    person = get_object_or_404(
        Person, pk=int(number) if number.isdecimal() and len(number) < LONGEST_NUMBER else 0
    )
    try:
        allow_again(person, found, by=person_of(request).name)
    except UserError as error:
        return _admin(request, found, in_words(str(error)))
    return redirect(f"/admin/p/{found.name}/qualification")


def _admin(request: HttpRequest, project: Project, error: str = "") -> HttpResponse:
    settings = settings_of(project)
    gold = gold_records(project, settings) if settings.task in GRADED else {}
    members = Membership.objects.filter(project=project).values_list("person_id", flat=True)
    tried = Attempt.objects.filter(project=project).values_list("person_id", flat=True)
    people = Person.objects.filter(pk__in={*members, *tried, *gold}).order_by("name")
    context = {
        "project": project,
        "title": settings.title or project.name,
        "rows": [_row(person, project, settings, gold.get(person.pk)) for person in people],
        "pass_mark": round(100 * settings.qualification.pass_mark),
        "every": settings.gold.every if settings.gold else None,
        "error": error,
    }
    return render(request, "feedback/qualification/admin.html", context, status=409 if error else 200)


def _row(person: Person, project: Project, settings: ProjectSettings, gold: GoldRecord | None) -> Row:
    where = standing(person, project, settings)
    attempt = last_attempt(person, project)
    low, high = gold.interval if gold else (0.0, 1.0)
    share = _percent(gold.right, gold.asked) if gold else 0
    return Row(
        person=person,
        where=where,
        percent=_percent(where.right, where.asked),
        allowed_by=attempt.allowed_by if attempt else "",
        gold=gold,
        gold_percent=(share, round(100 * low), round(100 * high)),
    )


def _said(shown: Shown, answer: Mapping[str, Any] | None, settings: ProjectSettings) -> Said | None:
    if answer is None:
        return None
    if "text" in answer:
        return Said("", rendered(answer["text"]))
    return Said(said(in_positions(settings.task, shown.order, answer)), rendered(""))


def _rules(settings: ProjectSettings) -> dict[str, Any]:
    """By which people are judged, and may know: how near a rating has to be, and what share is asked for."""
    steps = RATING_STEPS if settings.task == "rating" else None
    return {"steps": steps, "wanted": round(100 * settings.qualification.pass_mark)}


def _percent(right: int, asked: int) -> int:
    return round(100 * right / asked) if asked else 0


ROUTES = (
    ("p/<slug:project>/qualification", own, "qualification"),
    ("admin/p/<slug:project>/qualification", admin, "qualification-admin"),
    ("admin/p/<slug:project>/qualification/allow", allow, "qualification-allow"),
)
