"""People as admins see them: who is here, what they may do, and links by which others come in."""

import time
from typing import Any

from django import forms
from django.contrib.auth.tokens import default_token_generator
from django.db.models import Max, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from assent.feedback.people import changes, invites
from assent.feedback.people.access import needs, person_of
from assent.feedback.schema.models import Audit, Invite, Membership, Person, Project, Role, Shown
from assent.feedback.views.audit_words import details_of, words_of
from assent.feedback.views.links import Link, link_of
from assent.feedback.views.login import GET_OR_POST
from assent.feedback.views.times import when

ROLES = (
    (Role.ANNOTATOR, gettext_lazy("Annotator: judges, and sees own work only")),
    (Role.REVIEWER, gettext_lazy("Reviewer: also sees how projects get on, and exports")),
    (Role.ADMIN, gettext_lazy("Admin: also changes projects and people")),
)
ROLE_WORDS = (
    (Role.ANNOTATOR, gettext_lazy("Annotator")),
    (Role.REVIEWER, gettext_lazy("Reviewer")),
    (Role.ADMIN, gettext_lazy("Admin")),
)
DAYS = ((1, gettext_lazy("a day")), (7, gettext_lazy("a week")), (30, gettext_lazy("a month")))


class InviteForm(forms.Form):
    role = forms.ChoiceField(label=gettext_lazy("Who comes in as"), choices=ROLES, initial=Role.ANNOTATOR)
    project = forms.ChoiceField(label=gettext_lazy("For"), required=False)
    uses = forms.IntegerField(
        label=gettext_lazy("How many people"), min_value=1, max_value=invites.MOST_USES, initial=1
    )
    days = forms.TypedChoiceField(label=gettext_lazy("Holds for"), choices=DAYS, coerce=int, initial=7)

    def __init__(self, *args: Any, **named: Any):
        super().__init__(*args, **named)
        # Were the one that is asked for not among them, a browser would send the first: every project.
        asked = Q(closed=None) | Q(name=self["project"].value() or "")
        names = Project.objects.filter(asked).order_by("-pk").values_list("name", flat=True)
        choices = [("", _("every project there is")), *((name, name) for name in names)]
        self.fields["project"].choices = choices  # type: ignore[attr-defined]

    @property
    def offer(self) -> invites.Offer:
        given = self.cleaned_data
        project = Project.objects.filter(name=given["project"]).first()
        return invites.Offer(given["role"], project, given["uses"], given["days"] * invites.DAY_SECONDS)


@needs(Role.ADMIN)
@GET_OR_POST
def people(request: HttpRequest) -> HttpResponse:
    """A POST makes a link, and its answer is the only page that ever shows it."""
    form = InviteForm(request.POST or None, initial={"project": request.GET.get("project", "")})
    link = None
    if form.is_valid():
        link = link_of(request, f"/invite/{invites.make(form.offer, person_of(request))}")
    status = 422 if request.method == "POST" and link is None else 200
    context = {
        "form": form,
        "link": link,
        "people": _everybody(),
        "invites": _open_invites(),
        "role_words": ROLE_WORDS,
    }
    return render(request, "feedback/admin/people.html", context, status=status)


@needs(Role.ADMIN)
@GET_OR_POST
def person(request: HttpRequest, person: int) -> HttpResponse:
    """One of them: `do` says what is to change."""
    shown = get_object_or_404(Person, pk=person)
    problem, link = "", None
    if request.method == "POST":
        try:
            link = _change(request, shown)
            if link is None:
                return redirect(f"/admin/people/{shown.pk}")
        except changes.LastAdmin as error:
            problem = str(error)
    context = {
        "shown": shown,
        "problem": problem,
        "link": link,
        "roles": ROLES,
        "projects": Project.objects.order_by("-pk"),
        "theirs": set(Membership.objects.filter(person=shown).values_list("project", flat=True)),
        "imported": not shown.has_usable_password(),
        "audit": [
            (one, when(one.created), words_of(one), details_of(one, "person"))
            for one in Audit.objects.filter(detail__person=shown.name).order_by("-pk")[:10]
        ],
    }
    return render(request, "feedback/admin/person.html", context, status=422 if problem else 200)


def _change(request: HttpRequest, shown: Person) -> Link | None:
    """What the form asked for; a link where that is what it asked for."""
    by, do = person_of(request), request.POST.get("do")
    if do == "role" and (role := request.POST.get("role")) in Role.values:
        changes.set_role(shown, Role(role), by)
    elif do == "projects":
        _change_projects(request, shown)
    elif do in ("deactivate", "reactivate"):
        changes.set_active(shown, do == "reactivate", by)
    elif do == "password" and shown.is_active:
        changes.password_token(shown, by)
        token = default_token_generator.make_token(shown)
        return link_of(request, f"/password/{shown.pk}/{token}")
    else:
        raise Http404
    return None


def _change_projects(request: HttpRequest, shown: Person) -> None:
    """What was ticked or unticked; of the other boxes the page may say what holds no longer."""
    before, after = (set(request.POST.getlist(name)) for name in ("ticked", "projects"))
    added, removed = (Project.objects.filter(name__in=names) for names in (after - before, before - after))
    changes.set_projects(shown, added, removed, person_of(request))


@needs(Role.ADMIN)
@require_POST
def withdraw(request: HttpRequest, invite: int) -> HttpResponse:
    invites.withdraw(get_object_or_404(Invite, pk=invite), person_of(request))
    return redirect("/admin/people#invites")


def _everybody() -> list[dict[str, Any]]:
    """Everybody in a few queries; last seen at work or at the login."""
    last = Shown.objects.order_by().values("person", "project").annotate(last=Max("pk")).values("last")
    shown: dict[int, float] = {}
    for person, created in Shown.objects.filter(pk__in=last).values_list("person", "created"):
        shown[person] = max(created, shown.get(person, 0.0))
    theirs: dict[int, list[str]] = {}
    for person, project in Membership.objects.values_list("person", "project__name").order_by(
        "project__name"
    ):
        theirs.setdefault(person, []).append(project)
    rows = []
    for one in Person.objects.order_by("-is_active", "name"):
        login = one.last_login.timestamp() if one.last_login else 0.0
        seen = max(shown.get(one.pk, 0.0), login)
        rows.append({"person": one, "projects": theirs.get(one.pk, []), "seen": when(seen or None)})
    return rows


def _open_invites() -> list[dict[str, Any]]:
    held = Invite.objects.filter(
        uses_left__gt=0, expires__gt=time.time(), created_by__isnull=False
    ).select_related("project", "created_by")
    return [{"invite": one, "expires": when(one.expires)} for one in held.order_by("expires")]


ROUTES = (
    ("admin/people", people, "people"),
    ("admin/people/<int:person>", person, "person"),
    ("admin/invites/<int:invite>/withdraw", withdraw, "invite-withdraw"),
)
