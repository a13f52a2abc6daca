"""Projects as admins see them: the list, a new one, how one gets on, closed and open again."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from assent.errors import UserError
from assent.feedback.exchange.filled import empty_kinds
from assent.feedback.faces import excerpt_of
from assent.feedback.people.access import may, needs, person_of
from assent.feedback.schema.models import Flag, Project, Role, Skip
from assent.feedback.store import changes, overview
from assent.feedback.store.projects import add_guideline, create, guideline_of
from assent.feedback.store.writer import writing
from assent.feedback.views.audit_words import details_of, words_of
from assent.feedback.views.error_words import in_words, lines_in_words
from assent.feedback.views.export_list import exports_of, styles_of
from assent.feedback.views.exports import database
from assent.feedback.views.login import GET_OR_POST
from assent.feedback.views.project_form import NewForm, YamlForm, tasks, without_models
from assent.feedback.views.project_values import from_yaml
from assent.feedback.views.times import When, when


def found(name: str) -> Project:
    """The project of an address.

    Raises:
        Http404: there is none.
    """
    project = Project.objects.filter(name=name).first()
    if project is None:
        raise Http404
    return project


@needs(Role.REVIEWER)
@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    """All projects; for a new admin, the three steps to the first judgement."""
    rows = [
        {"project": one, "title": _title(one), "items": overview.items_of(one), "task": tasks()[one.task]}
        for one in Project.objects.order_by("closed", "-pk")  # open ones first: SQLite puts null first
    ]
    first = rows[0] if len(rows) == 1 else {"project": None, "items": overview.Items()}
    context = {"rows": rows, "steps": _steps(first["project"], first["items"]) if len(rows) < 2 else []}
    return _page(request, "projects", **context)


@needs(Role.ADMIN)
@GET_OR_POST
def new(request: HttpRequest) -> HttpResponse:
    """By the form, or by YAML pasted into the other one: what was typed stands there again after an error."""
    pasted = "yaml" in request.POST
    form = NewForm(request.POST if request.method == "POST" and not pasted else None)
    yaml = YamlForm(request.POST if pasted else None, auto_id="yaml_%s")
    try:
        made = _made_of_yaml(request, yaml) if pasted else _made(request, form)
    except UserError as error:  # somebody took the name meanwhile
        (yaml if pasted else form).add_error("name", in_words(str(error)))
        made = None
    if made is not None:
        return redirect(f"/admin/p/{made.name}/")
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "yaml": yaml, "pasted": pasted, "tasks": tasks(hints=True)}
    return _page(request, "new_project", status, **context)


def _made(request: HttpRequest, form: NewForm) -> Project | None:
    if not form.is_valid():
        return None
    who = person_of(request).name
    with writing():  # the project and its guideline, or neither
        project = create(form.cleaned_data["name"], form.wanted, who)
        if text := form.cleaned_data["guideline"]:
            add_guideline(project, text, who)
    return project


def _made_of_yaml(request: HttpRequest, form: YamlForm) -> Project | None:
    if not form.is_valid():
        return None
    try:
        values = from_yaml(form.cleaned_data["yaml"])
    except UserError as error:
        for line in lines_in_words(error):
            form.add_error("yaml", line)
        return None
    if why := without_models(values):
        form.add_error("yaml", why)
        return None
    return create(form.cleaned_data["name"], values, person_of(request).name)


@needs(Role.REVIEWER)
@require_safe
def project(request: HttpRequest, project: str) -> HttpResponse:
    """How it gets on: indexes are read, not items."""
    shown = found(project)
    items = overview.items_of(shown)
    empty = empty_kinds(database(), shown.name, shown.task)
    context = {
        "project": shown,
        "title": _title(shown),
        "task": tasks()[shown.task],
        "items": items,
        "wanted": min(100, 100 * items.complete // shown.want) if shown.want else None,
        "people": [(one, when(one.last)) for one in overview.people_of(shown)],
        "counts": overview.counts(shown),
        "skips": _of_items(overview.last_skips(shown)),
        "flags": _of_items(overview.last_flags(shown)),
        "audit": [
            (one, when(one.created), words_of(one), details_of(one, "project"))
            for one in overview.last_audit(shown)
        ],
        "guideline": guideline_of(shown),
        "steps": _steps(shown, items),
        "exports": exports_of(shown.task, empty),
        "styles": styles_of(shown.task, empty),
    }
    return _page(request, "project", **context)


@needs(Role.ADMIN)
@require_POST
def close(request: HttpRequest, project: str) -> HttpResponse:
    changes.close(found(project), person_of(request).name)
    return redirect(f"/admin/p/{project}/")


@needs(Role.ADMIN)
@require_POST
def reopen(request: HttpRequest, project: str) -> HttpResponse:
    changes.reopen(found(project), person_of(request).name)
    return redirect(f"/admin/p/{project}/")


def _steps(project: Project | None, items: overview.Items) -> list[dict[str, Any]]:
    """From an empty app to the first judgement; empty once it is there, and where nobody is to judge."""
    if project is not None and (project.closed is not None or overview.begun(project)):
        return []
    base = f"/admin/p/{project.name}/" if project else ""
    steps = [
        {
            "title": _("Make a project"),
            "text": _("What people do, and how many do it with each item."),
            "href": "/admin/new",
            "done": project is not None,
        },
        _talk_step(project, base)
        if project is not None and project.task == "chat"
        else {
            "title": _("Bring in items"),
            "text": _("A file of prompts and answers."),
            "href": f"{base}items" if project else "",
            "done": items.real > 0,
        },
        {
            "title": _("Invite people"),
            "text": _("A link to send them; or judge yourself."),
            "href": f"/admin/people?project={project.name}#invite" if project else "",
            "done": project is not None and not overview.nobody_else(),
        },
    ]
    return [] if all(step["done"] for step in steps) else steps


def _talk_step(project: Project, base: str) -> dict[str, Any]:
    """A chat has no items, but models."""
    return {
        "title": _("Start the app with its models"),
        "text": _("A YAML names those that people talk to."),
        "href": f"{base}settings#models",
        "done": not without_models(project.settings),
    }


def _of_items(rows: Iterable[Skip] | Iterable[Flag]) -> list[tuple[Skip | Flag, str, When | None]]:
    """Each with the first words of its prompt."""
    return [(one, excerpt_of(one.shown.item.prompt), when(one.created)) for one in rows]


def _title(project: Project) -> str:
    return project.settings.get("title") or project.name


def _page(request: HttpRequest, name: str, status: int = 200, **context: Any) -> HttpResponse:
    rights = {"may_change": may(person_of(request), Role.ADMIN)}
    return render(request, f"feedback/admin/{name}.html", context | rights, status=status)


ROUTES = (
    ("admin/", projects, "projects"),
    ("admin/new", new, "new-project"),
    ("admin/p/<slug:project>/", project, "project"),
    ("admin/p/<slug:project>/close", close, "project-close"),
    ("admin/p/<slug:project>/open", reopen, "project-open"),
)
