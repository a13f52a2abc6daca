"""What annotators are asked to do: the version that holds, what changed, and where admins write it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assent.feedback.people.access import member, needs, person_of
from assent.feedback.rendering import rendered
from assent.feedback.schema.models import Guideline, Judgement, Person, Project, Role
from assent.feedback.store.projects import add_guideline, guideline_of, settings_of
from assent.feedback.store.writer import writing

LONGEST = 100_000  # characters of a guideline
LOOKED_BACK = 50  # of the last items somebody judged, for the version they have read


@dataclass(frozen=True)
class News:
    """The guideline has changed since somebody last judged."""

    now: Guideline
    before: Guideline | None  # None: there was none yet


def news_for(person: Person, project: Project) -> News | None:
    """What changed since this person last judged; None for whoever has judged nothing or under what holds."""
    now = guideline_of(project)
    judged = Judgement.objects.filter(shown__person=person, shown__project=project).order_by("-shown_id")
    read = max(judged.values_list("guideline", flat=True)[:LOOKED_BACK], default=None)
    if now is None or read is None or read >= now.version:
        return None
    return News(now, Guideline.objects.filter(project=project, version=read).first())


@member
@require_safe
def fragment(request: HttpRequest, project: Project) -> HttpResponse:
    """A piece of a page, for the drawer of the work page."""
    guideline = guideline_of(project)
    context = {
        "guideline": guideline,
        "html": rendered(guideline.text) if guideline else "",
        "at": _at(guideline) if guideline else None,
        "news": news_for(person_of(request), project),
    }
    return render(request, "feedback/guideline.html", context)


@needs(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def admin(request: HttpRequest, project: str) -> HttpResponse:
    """Write the next version, look at all there were, and at what changed from one to another."""
    found = get_object_or_404(Project, name=project)
    if request.method == "POST":
        return _save(request, found)
    current = guideline_of(found)
    return _page(request, found, current.text if current else "")


@needs(Role.ADMIN)
@require_POST
def preview(request: HttpRequest, project: str) -> HttpResponse:
    """How a text will look. Nothing is stored."""
    get_object_or_404(Project, name=project)
    return HttpResponse(rendered(_text(request)[:LONGEST]))


def _save(request: HttpRequest, project: Project) -> HttpResponse:
    """What was typed is never lost: where it cannot be stored it stands in the page again, and why."""
    text = _text(request)
    fault = _fault(text)
    if fault:
        return _page(request, project, text, error=fault, status=422)
    with writing():
        current = guideline_of(project)
        as_seen = request.POST.get("base", "0") == str(current.version if current else 0)
        if as_seen or (current is not None and current.text == text):  # a second click on Save
            add_guideline(project, text, person_of(request).name)
            return redirect(f"/admin/p/{project.name}/guideline")
    meanwhile = _(
        "Somebody has saved another version meanwhile. Yours is below, not saved yet: see what differs, "
        "take over what is missing, and save again."
    )
    return _page(request, project, text, error=meanwhile, status=409)


def _fault(text: str) -> str:
    if not text.strip():
        return _("There is no text: write what annotators should do.")
    if len(text) > LONGEST:
        return _("The text is too long: {most} characters are the most.").format(most=f"{LONGEST:,}")
    return ""


def _text(request: HttpRequest) -> str:
    """As it was typed; browsers send a line's end as two characters."""
    return request.POST.get("text", "").replace("\r\n", "\n")


def _page(
    request: HttpRequest, project: Project, text: str, error: str = "", status: int = 200
) -> HttpResponse:
    versions = list(Guideline.objects.filter(project=project).order_by("-version"))
    context = {
        "project": project,
        "title": settings_of(project).title or project.name,
        "text": text,
        "html": rendered(text),
        "longest": LONGEST,
        "current": versions[0] if versions else None,
        "history": [(one, _at(one)) for one in versions],
        "compared": _compared(versions, request.GET),
        "error": error,
        "meanwhile": status == 409,
    }
    return render(request, "feedback/guideline_admin.html", context, status=status)


def _compared(versions: Sequence[Guideline], asked: Mapping[str, Any]) -> tuple[Guideline, Guideline] | None:
    """Two versions to compare, the older first; None where they are not asked for, or not there."""
    by_number = {str(one.version): one for one in versions}
    pair = [by_number.get(asked.get(key, "")) for key in ("before", "after")]
    found = sorted((one for one in pair if one is not None), key=lambda one: one.version)
    return (found[0], found[1]) if len(found) == 2 else None


def _at(guideline: Guideline) -> datetime:
    return datetime.fromtimestamp(guideline.created, UTC)


ROUTES = (
    ("p/<slug:project>/guideline", fragment, "guideline"),
    ("admin/p/<slug:project>/guideline", admin, "guideline-admin"),
    ("admin/p/<slug:project>/guideline/preview", preview, "guideline-preview"),
)
