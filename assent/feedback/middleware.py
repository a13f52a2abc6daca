"""What every response has: strict headers; a language; 503 where the database is busy; one person a page."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from assent.feedback.schema.models import Person
from assent.feedback.store.writer import Busy
from assent.feedback.views import errors

_log = logging.getLogger(__name__)
Respond = Callable[[HttpRequest], HttpResponse]

# Nothing from elsewhere, nothing written inside a page: injected markup cannot run, load or send.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


def headers(respond: Respond) -> Respond:
    def with_headers(request: HttpRequest) -> HttpResponse:
        response = respond(request)
        response["Content-Security-Policy"] = POLICY
        response["X-Frame-Options"] = "DENY"
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if not request.path.startswith("/static/") or response.status_code >= HTTPStatus.BAD_REQUEST:
            response["Cache-Control"] = "no-store"
        return response

    return with_headers


def busy(respond: Respond) -> Respond:
    """A response that could not be written is no success; the browser keeps what it has and asks again."""

    def or_busy(request: HttpRequest) -> HttpResponse:
        return respond(request)

    def said(request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Busy):
            return None
        _log.error("assent: %s", error)  # whoever sits before the app can make room; the browser cannot
        return errors.busy(request, error)

    or_busy.process_exception = said  # type: ignore[attr-defined]
    return or_busy


def language(respond: Respond) -> Respond:
    """A person's own language, where they chose one."""

    def in_language(request: HttpRequest) -> HttpResponse:
        chosen = getattr(request.user, "language", "")
        if not chosen:
            return respond(request)
        with translation.override(chosen):
            request.LANGUAGE_CODE = chosen  # type: ignore[attr-defined]
            return respond(request)

    return in_language


def keep_of(person: Person) -> str:
    """Under which name a browser keeps what this person typed. Each request of their pages comes with it.

    It hangs on the database's own secret: another database on the same port has other names, so what was
    typed there is never sent here.
    """
    return salted_hmac("assent.feedback.drafts", str(person.pk)).hexdigest()[:16]


def same_person(respond: Respond) -> Respond:
    """409 (`person`) where the page of one asks in the session of another, who logged in in another tab."""

    def or_refused(request: HttpRequest) -> HttpResponse:
        keep, user = request.headers.get("X-Keep"), request.user
        if keep is None or not isinstance(user, Person) or keep == keep_of(user):
            return respond(request)
        error = _("Somebody else is logged in on this browser now.")
        return JsonResponse({"error": error, "code": "person"}, status=409)

    return or_refused
