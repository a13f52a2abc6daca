"""The settings of a project that is there: what may still change, and what somebody changed meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core import signing
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from assent.feedback.people.access import needs, person_of
from assent.feedback.projects import ProjectSettings
from assent.feedback.schema.models import Project, Role
from assent.feedback.store import changes
from assent.feedback.store.projects import settings_of
from assent.feedback.store.writer import writing
from assent.feedback.views.admin_projects import found
from assent.feedback.views.login import GET_OR_POST
from assent.feedback.views.project_form import SettingsForm, tasks
from assent.feedback.views.project_values import as_typed

Values = Mapping[str, Any]  # by the fields of the form
_SALT = "assent.feedback.settings"
# The fields of what may be locked.
_FIELDS = {"task": ("task",), "strength": ("strength",), "criteria": ("preset", "own")}


@dataclass(frozen=True)
class News:
    """What became of a field since the page was sent, in words."""

    label: str
    before: str
    now: str
    locked: str  # why it cannot change any more; "": it can
    yours: str  # what was typed there; "": nothing


@needs(Role.ADMIN)
@GET_OR_POST
def settings(request: HttpRequest, project: str) -> HttpResponse:
    """What may still change; what may not says why."""
    if request.method == "POST":
        with writing():  # nobody changes them between the look and the save
            return _save(request, found(project))
    shown = found(project)
    return _page(request, shown, _form(shown))


def _save(request: HttpRequest, shown: Project) -> HttpResponse:
    """What was typed is never lost, and neither is what somebody else has saved since the page was sent."""
    before, locked = settings_of(shown), _locked(shown)
    now, seen = as_typed(before), _seen(request.POST)
    offered = _open(now, locked) if seen is None else seen
    # What was typed is what differs from the page: the other fields say only what stood there.
    typed = _differing(request.POST, before, offered)
    late = [
        field
        for field in _differing(request.POST, before, now)  # a second click on Save says what is stored
        if field in offered and (now[field] != offered[field] or field in locked)
    ]
    if seen is None or late:
        kept = {field: value for field, value in typed.items() if field not in locked}
        form = _form(shown, typed=kept)
        was, became, yours = (_in_words(form, values) for values in (offered, now, typed))
        news = [
            News(str(form.fields[one].label), was[one], became[one], locked.get(one, ""), yours.get(one, ""))
            for one in late
        ]
        return _page(request, shown, form, status=409, news=news)
    form = _form(shown, request.POST)
    if not form.is_valid():
        return _page(request, shown, form, status=422)
    changes.change_settings(shown, form.wanted, person_of(request).name)
    return redirect(f"/admin/p/{shown.name}/")


def _form(shown: Project, sent: QueryDict | None = None, typed: Values | None = None) -> SettingsForm:
    before = settings_of(shown)
    form = SettingsForm(sent, before=before, initial={**as_typed(before), **(typed or {})})
    for field in _locked(shown):
        form.fields[field].disabled = True
    return form


def _locked(shown: Project) -> dict[str, str]:
    """Why a field cannot change any more, by its name."""
    locks = changes.locks(shown)
    return {field: locks[key] for key, fields in _FIELDS.items() if key in locks for field in fields}


def _open(now: Values, locked: Values) -> dict[str, Any]:
    return {field: value for field, value in now.items() if field not in locked}


def _seen(sent: QueryDict) -> dict[str, Any] | None:
    """What the page showed where it could be changed; None where it is no page of this app."""
    try:
        seen = signing.loads(sent.get("base", ""), salt=_SALT)
    except signing.BadSignature:
        return None
    return {field: value for field, value in seen.items() if field in SettingsForm.base_fields}


def _differing(sent: QueryDict, before: ProjectSettings, shown: Values) -> dict[str, Any]:
    """What was sent and differs from what was `shown`, by field."""
    form = SettingsForm(sent, before=before, initial=shown)
    return {field: form[field].data for field in form.changed_data if field in shown}


def _in_words(form: SettingsForm, values: Values) -> dict[str, str]:
    return {field: _word(form.fields[field], value) for field, value in values.items()}


def _word(field: forms.Field, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(value) or "–"
    if value in ("", None):
        return "–"
    return str(dict(getattr(field, "choices", ())).get(value, value))


def _page(
    request: HttpRequest, shown: Project, form: SettingsForm, status: int = 200, news: Sequence[News] = ()
) -> HttpResponse:
    context = {
        "project": shown,
        "form": form,
        "locks": changes.locks(shown),
        "tasks": tasks(hints=True),
        "base": signing.dumps(_open(as_typed(settings_of(shown)), _locked(shown)), salt=_SALT, compress=True),
        "meanwhile": status == 409,
        "news": news,
    }
    return render(request, "feedback/admin/settings.html", context, status=status)


ROUTES = (("admin/p/<slug:project>/settings", settings, "project-settings"),)
