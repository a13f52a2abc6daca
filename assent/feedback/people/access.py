"""Who may see a page: every view stands behind one of these."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from assent.feedback.schema.models import Person, Project, Role
from assent.feedback.store import sql

View = Callable[..., HttpResponse]
_MEMBER = "SELECT 1 FROM feedback_membership WHERE person_id = %s AND project_id = %s"
RANK: dict[str, int] = {role: rank for rank, role in enumerate(Role.values)}


def person_of(request: HttpRequest) -> Person:
    """Whoever is logged in; only inside a view that stands behind one of the decorators below."""
    return cast(Person, request.user)


def may(person: Person, role: str) -> bool:
    return RANK[person.role] >= RANK[role]


def needs(role: str) -> Callable[[View], View]:
    """`@needs(Role.ADMIN)`: 403 for whoever is logged in with less; others are sent to the login."""

    def guarded(view: View) -> View:
        @login_required
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
            if not may(person_of(request), role):
                raise PermissionDenied
            return view(request, *args, **named)

        return inner

    return guarded


def member(view: View) -> View:
    """`view(request, project, ...)` of an address with `<slug:project>`, for those who may annotate it.

    A project that one may not see is answered as one that does not exist.
    """

    @login_required
    @wraps(view)
    def inner(request: HttpRequest, project: str, *args: Any, **named: Any) -> HttpResponse:
        found = sql.one(Project, "name = %s", project)
        if found is None or not is_member(person_of(request), found):
            raise Http404
        return view(request, found, *args, **named)

    return inner


def is_member(person: Person, project: Project) -> bool:
    return may(person, Role.REVIEWER) or sql.first(_MEMBER, person.pk, project.pk) is not None
