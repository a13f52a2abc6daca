"""Pages for what went wrong: no traceback, and what to do next. JSON where a script asked.

`told` says so of what cannot be stored.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from pydantic import ValidationError

from assent.feedback.store import judging
from assent.feedback.store.answers import AnswerError
from assent.feedback.store.writer import RETRY_SECONDS, Busy
from assent.feedback.views.work_texts import conflicts, wrong_answers


def _page(request: HttpRequest, status: int, title: str, what_next: str) -> HttpResponse:
    if _for_a_script(request):
        return JsonResponse({"error": f"{title}. {what_next}"}, status=status)
    return render(request, "feedback/error.html", {"title": title, "what_next": what_next}, status=status)


def _for_a_script(request: HttpRequest) -> bool:
    asks = request.headers.get("Accept", "").startswith("application/json")
    return asks or request.content_type == "application/json"


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    return _page(request, 400, _("This request cannot be understood"), _("Go back and try again."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    return _page(
        request, 403, _("This is not yours to see"), _("Ask an admin of this project for an invite.")
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    return _page(
        request,
        404,
        _("There is no such page"),
        _("It may have been moved, or you may not be a member of its project."),
    )


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    return _page(
        request, 403, _("This page is too old"), _("Go back, reload it and try again. Nothing was changed.")
    )


def broken(request: HttpRequest) -> HttpResponse:
    """Outside of views a busy database comes to this as well: where a session is written."""
    fault = sys.exception()
    if isinstance(fault, Busy):
        return busy(request, fault)
    return _plain(
        request, 500, _("Something broke on our side"), _("Reload the page; what was stored is kept.")
    )


def busy(request: HttpRequest, fault: Busy) -> HttpResponse:
    """Nothing was written, and trying again later is right."""
    response = _plain(
        request, 503, _("The server is busy"), _("Go back and try again in a moment. Nothing was changed.")
    )
    if _for_a_script(request):
        response = JsonResponse({"error": str(fault)}, status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def _plain(request: HttpRequest, status: int, title: str, what_next: str) -> HttpResponse:
    """Drawn without the request: who is logged in stands in the database, which may be what broke."""
    if _for_a_script(request):
        return JsonResponse({"error": f"{title}. {what_next}"}, status=status)
    page = render_to_string("feedback/error.html", {"title": title, "what_next": what_next})
    return HttpResponse(page, status=status)


def told(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """What cannot be stored, as JSON that the page can tell people; nothing else is caught."""

    @wraps(view)
    def inner(*given: Any, **named: Any) -> HttpResponse:
        try:
            return view(*given, **named)
        except judging.NotYours:
            return _error(404, "not_yours", _("This item is not one of yours, or not any more."))
        except judging.Conflict as error:
            why = _("This does not fit what is stored already: %(why)s") % {"why": conflicts()[error.code]}
            return _error(409, "conflict", why)
        except AnswerError as error:
            return _error(422, error.code, wrong_answers().get(error.code, str(error)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            return _error(422, "form", f"{wrong_answers()['form']} ({place}: {first['msg']})")

    return inner


def _error(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"error": message, "code": code}, status=status)
