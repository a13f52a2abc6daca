"""The page on which people judge: a shell, and JSON for its scripts. GET writes nothing.

An answer that is not stored is never answered with 200; the browser keeps what it has until it is.
"""

import re
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe
from pydantic import BaseModel, ConfigDict, Field

from assent.feedback.faces import face_of, said
from assent.feedback.middleware import keep_of
from assent.feedback.people.access import member, person_of
from assent.feedback.projects import ProjectSettings
from assent.feedback.quality.qualification import standing
from assent.feedback.quality.rotation import NotQualified
from assent.feedback.schema.models import Judgement, Part, Person, Project, Shown
from assent.feedback.store import claims, judging
from assent.feedback.store.answers import in_positions
from assent.feedback.store.projects import settings_of, version_of
from assent.feedback.store.writer import Busy
from assent.feedback.views.errors import told
from assent.feedback.views.meanwhile import told_both
from assent.feedback.views.qualification import feedback_of, result, where_of
from assent.feedback.views.work_texts import skip_reasons, texts

OWN_STYLES = ("rating", "demonstration", "edit")
HEARTBEAT_SECONDS = 60.0
FRESH_MILLISECONDS = 300  # a new item takes no answer: it may be one press too many on the item before
A_PAGE = 50  # of one's own answers
NUMBER = re.compile(r"[0-9]{1,18}")  # of a row: what the database can hold


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OfShown(Body):
    shown: int
    made: str | None = None  # `claims.made_of` what was given; None: a page of before it was told


class Judged(OfShown):
    """What a browser sends for a judgement."""

    uuid: UUID
    answer: dict[str, Any]
    revision: int = Field(default=1, ge=1, le=30_000)
    seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    guideline: int | None = None  # the version that held when the item was given, or was read since
    next: bool = False  # answer with the next item as well: a page that is far away waits once, not twice


class Skipped(OfShown):
    reason: str


class Flagged(OfShown):
    uuid: UUID
    text: str


@require_safe
@member
def shell(request: HttpRequest, project: Project) -> HttpResponse:
    """The empty page; its script asks for the first item."""
    settings = settings_of(project)
    if settings.task == "chat":
        return redirect(f"/p/{project.name}/chat/")
    facts = {
        "title": settings.title or project.name,
        "path": f"/p/{project.name}/",
        "task": settings.task,
        "own_styles": settings.task in OWN_STYLES,
        "keep": keep_of(person_of(request)),
        "fresh": FRESH_MILLISECONDS,
        "heartbeat": max(1.0, min(HEARTBEAT_SECONDS, settings.lease_minutes * 60 / 3)),
        "texts": texts(),
        "skip_reasons": skip_reasons(),
    }
    return render(request, "feedback/work.html", facts)


@require_POST
@member
@told
def following(request: HttpRequest, project: Project) -> HttpResponse:
    """The next item, or why there is none."""
    return JsonResponse(_next(request, project))


def _next(request: HttpRequest, project: Project) -> dict[str, Any]:
    person, settings = person_of(request), settings_of(project)
    try:
        shown = claims.claim(person, project)
    except NotQualified as error:
        html = _told(project, result(error.standing, settings, why=False), failed=True)
        return {"state": "failed", "html": html, "progress": _progress(person, project)}
    if shown is not None:
        return _item(request, project, shown)
    state, progress = "closed" if project.closed is not None else "done", _progress(person, project)
    facts = {"project": project, "mine": progress["mine"], "skipped": judging.skipped(person, project)}
    html = render_to_string(f"feedback/work/{state}.html", {**facts, "path": f"/p/{project.name}/"}, request)
    return {"state": state, "html": html, "progress": progress}


def _item(request: HttpRequest, project: Project, shown: Shown) -> dict[str, Any]:
    """An item as JSON. Gold and real ones have the same keys, in the same form."""
    settings = settings_of(project)
    before = judging.answer_of(shown)
    part = shown.item.part
    state = part if part in (Part.PRACTICE, Part.TEST) else "item"
    facts: dict[str, Any] = {"where": standing(shown.person, project, settings)} if state != "item" else {}
    facts |= {
        "face": face_of(shown, settings),
        "notice": "again" if before else "skipped" if judging.is_skipped(shown) else state,
        "task_template": f"feedback/tasks/{settings.task}.html",
    }
    return {
        "state": state,
        "shown": shown.pk,
        "made": claims.made_of(shown),
        "guideline": version_of(project),
        "html": render_to_string("feedback/item.html", facts, request),
        "answer": in_positions(settings.task, shown.order, before.answer) if before else None,
        "revision": before.revision + 1 if before else 1,
        "progress": _progress(shown.person, project),
    }


def _giver(request: HttpRequest, project: Project, sent: OfShown) -> Person:
    """Whoever is logged in, where they mean what they were given under this number.

    Raises:
        NotYours: they mean something else, of before a backup was put back.
    """
    person = person_of(request)
    if sent.made is not None and sent.made != claims.made_of(claims.own(person, sent.shown, project)):
        raise judging.NotYours(f"{sent.shown}: something else was given under this number")
    return person


def _progress(person: Person, project: Project) -> dict[str, Any]:
    return asdict(judging.progress(person, project))


@require_POST
@member
@told
def judge(request: HttpRequest, project: Project) -> HttpResponse:
    """Store a judgement; the same UUID again is answered as the first time."""
    judged = Judged.model_validate_json(request.body)
    person = _giver(request, project, judged)
    submission = judging.Submission(
        judged.uuid, judged.shown, judged.answer, judged.revision, judged.seconds, judged.guideline
    )
    try:
        outcome = judging.submit(person, submission, project)
    except judging.Conflict as conflict:
        return told_both(claims.own(person, judged.shown, project), judged.answer, conflict)
    feedback = _feedback(outcome.judgement)
    answer = {
        "stored": True,
        "same": outcome.same,
        "surplus": outcome.judgement.surplus,
        "feedback": feedback,
        "next": _after(request, project) if judged.next and feedback is None else None,
    }
    return JsonResponse(answer)


def _after(request: HttpRequest, project: Project) -> dict[str, Any] | None:
    """The next item; None where the database is busy: what was stored stays stored, and is told so."""
    try:
        return _next(request, project)
    except Busy:
        return None


def _feedback(judgement: Judgement) -> str | None:
    """What is told at once: after practice, and when a test is over."""
    told_now = feedback_of(judgement)
    if told_now is None:
        return None
    return _told(judgement.shown.project, told_now, where_of(judgement).state == "failed")


def _told(project: Project, words: str, failed: bool) -> str:
    """With the way on; whoever failed gets nothing here, and is led to what was expected."""
    facts = {"told_now": words, "failed": failed, "path": f"/p/{project.name}/"}
    return render_to_string("feedback/work/told.html", facts)


@require_POST
@member
@told
def heartbeat(request: HttpRequest, project: Project) -> HttpResponse:
    """Somebody is still at work on this: nobody else gets it."""
    beat = OfShown.model_validate_json(request.body)
    return JsonResponse({"held": claims.heartbeat(_giver(request, project, beat), beat.shown, project)})


@require_POST
@member
@told
def skip(request: HttpRequest, project: Project) -> HttpResponse:
    skipped = Skipped.model_validate_json(request.body)
    judging.skip(_giver(request, project, skipped), skipped.shown, skipped.reason, project)
    return JsonResponse({"stored": True})


@require_POST
@member
@told
def flag(request: HttpRequest, project: Project) -> HttpResponse:
    flagged = Flagged.model_validate_json(request.body)
    judging.flag(_giver(request, project, flagged), flagged.uuid, flagged.shown, flagged.text, project)
    return JsonResponse({"stored": True})


@require_safe
@member
def last(request: HttpRequest, project: Project) -> HttpResponse:
    """What was judged or skipped last, with its answer: for Undo."""
    shown = judging.last(person_of(request), project)
    if shown is None:
        return JsonResponse({"state": "none"})
    return JsonResponse(_item(request, project, shown))


@require_safe
@member
def mine(request: HttpRequest, project: Project) -> HttpResponse:
    """One's own answers and skips, the last first; `?only=skipped`: what waits to be judged after all."""
    settings, person = settings_of(project), person_of(request)
    before = request.GET.get("before", "")
    if before and not NUMBER.fullmatch(before):
        raise Http404
    only_skipped = request.GET.get("only") == "skipped"
    since = int(before) if before else None
    found = judging.mine(person, project, A_PAGE, since, only_skipped=only_skipped)
    facts = {
        "title": settings.title or project.name,
        "path": f"/p/{project.name}/",
        "rows": [_row(one, settings) for one in found],
        "older": found[-1].shown.pk if len(found) == A_PAGE else None,
        "only_skipped": only_skipped,
    }
    return render(request, "feedback/mine.html", facts)


def _row(one: judging.Mine, settings: ProjectSettings) -> dict[str, Any]:
    row = {"shown": one.shown.pk, "excerpt": face_of(one.shown, settings).excerpt}
    if one.judgement is None:
        reason = one.skip.reason if one.skip else ""
        at = one.skip.created if one.skip else None
        return {**row, "skipped": True, "comment": dict(skip_reasons()).get(reason, reason), "at": at}
    return {
        **row,
        "said": said(in_positions(settings.task, one.shown.order, one.judgement.answer)),
        "comment": one.judgement.answer.get("comment", ""),
        "at": one.judgement.created,
        "changed": one.judgement.revision > 1,
    }


@require_safe
@member
@told
def one_of_mine(request: HttpRequest, project: Project, shown: int) -> HttpResponse:
    """Something judged or skipped before, to look at again, to change or to judge after all."""
    found = claims.own(person_of(request), shown, project)
    if found.item.part in (Part.PRACTICE, Part.TEST) or not judging.is_done(found):
        raise judging.NotYours(f"{shown}: not judged yet, or not to be changed")
    return JsonResponse(_item(request, project, found))


ROUTES = (
    ("p/<slug:project>/", shell, "work"),
    ("p/<slug:project>/next", following, "next"),
    ("p/<slug:project>/judgements", judge, "judgements"),
    ("p/<slug:project>/heartbeat", heartbeat, "heartbeat"),
    ("p/<slug:project>/skip", skip, "skip"),
    ("p/<slug:project>/flag", flag, "flag"),
    ("p/<slug:project>/last", last, "last"),
    ("p/<slug:project>/mine", mine, "mine"),
    ("p/<slug:project>/mine/<int:shown>", one_of_mine, "one-of-mine"),
)
