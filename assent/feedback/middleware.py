"""What every response has: strict headers; a language; 503 where the database is busy."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils import translation

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
