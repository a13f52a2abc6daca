"""The first page: straight to the work where there is one project, a choice where there are more."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from assent.feedback.people.access import may, person_of
from assent.feedback.quality.qualification import standing
from assent.feedback.schema.models import Person, Project, Role
from assent.feedback.store.claims import current
from assent.feedback.store.history import progress
from assent.feedback.store.projects import settings_of
from assent.feedback.views.project_form import tasks


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Annotators see their projects and how far they are themselves; others come from the admin pages.

    Who comes from the only project there is wants this page, and not that one again: `?projects`.
    """
    person = person_of(request)
    if may(person, Role.REVIEWER):
        return redirect("/admin/")
    projects = Project.objects.filter(membership__person=person).order_by("closed", "-pk")
    held = [project for project in projects if project.closed is None]
    if len(held) == 1 and "projects" not in request.GET:
        return redirect(f"/p/{held[0].name}/")
    return render(request, "feedback/home.html", {"rows": [_row(person, project) for project in projects]})


def _row(person: Person, project: Project) -> dict[str, Any]:
    return {
        "project": project,
        "title": project.settings.get("title") or project.name,
        "task": tasks()[project.task],
        "progress": progress(person, project),
        "where": standing(person, project, settings_of(project)),
        "held": current(person, project) is not None,
    }


ROUTES = (("", home, "home"),)
