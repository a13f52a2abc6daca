"""The chat: a page, and what its script sends. Nobody is told with which policy they talk."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from assent.feedback.answering import Ahead, Engaged, Failed, line_of
from assent.feedback.people.access import may, member, person_of
from assent.feedback.projects import ProjectSettings
from assent.feedback.rendering import rendered
from assent.feedback.schema.models import Conversation, Person, Project, Role, Turn
from assent.feedback.store import chats, implicit
from assent.feedback.store.chat_errors import ChatConflict, ChatError, NotYours
from assent.feedback.store.projects import settings_of

EARLIER = 20  # conversations that the page offers to open again
FIRST_WORDS = 60  # characters of each
MOST_EVENTS = 200  # in one request


@require_safe
@member
def page(request: HttpRequest, project: Project) -> HttpResponse:
    """The last conversation, another of one's own (`?c=<uuid>`), or a new one (`?c=new`)."""
    if project.task != "chat":
        raise Http404
    person, chosen = person_of(request), settings_of(project)
    earlier = chats.latest(person, project, EARLIER)
    conversation = _opened(request, person, project, earlier)
    consent = implicit.consent_of(person, project)
    shown = {
        "project": project,
        "title": chosen.title or project.name,
        "keep": salted_hmac("assent.feedback.chat", str(person.pk)).hexdigest()[:16],
        "conversation": conversation,
        "exchanges": [_face(one) for one in chats.exchanges(conversation)] if conversation else [],
        "earlier": [
            {"uuid": one.uuid, "words": words[:FIRST_WORDS], "here": one == conversation}
            for one, words in earlier
            if words
        ],
        "problem": _problem(chosen, conversation),
        "missing": _missing(chosen) if may(person, Role.ADMIN) else [],
        "implicit": chosen.implicit,
        "wording": implicit.wording_of(chosen.implicit.consent),
        "consent": "unasked" if consent is None else "given" if consent.given else "refused",
    }
    return render(request, "feedback/chat.html", shown)


@require_POST
@member
def say(request: HttpRequest, project: Project) -> HttpResponse:
    """Store a message and answer it. Sent again without its words, it asks whether the answer is there."""
    given = _body(request)

    def spoken() -> HttpResponse:
        person, uuid = person_of(request), _uuid(given, "uuid")
        if "text" in given:
            _check_open(project)
            after = _uuid(given, "after") if given.get("after") is not None else None
            said = chats.Said(_uuid(given, "conversation"), uuid, _text(given, "text"), after)
            asked = chats.say(person, project, said)
            conversation = asked.conversation
        else:
            conversation = chats.conversation_of(person, project, _uuid(given, "conversation"))
            asked = chats.asked_of(conversation, uuid)
        answer = chats.first_answer(asked)
        return _answered(conversation, asked, answer, lambda text: chats.store_answer(asked, answer, text))

    return _told(spoken)


@require_POST
@member
def regenerate(request: HttpRequest, project: Project) -> HttpResponse:
    """Make the last answer again, as another attempt beside it. Sent again, it asks whether that is there."""
    given = _body(request)

    def made_again() -> HttpResponse:
        uuid, replaced = _uuid(given, "uuid"), _uuid(given, "turn")
        conversation = chats.conversation_of(person_of(request), project, _uuid(given, "conversation"))
        if chats.answer_of(conversation, uuid) is None:
            _check_open(project)
            chats.to_replace(conversation, replaced)
        asked = chats.asked_before(conversation, replaced)
        return _answered(
            conversation, asked, uuid, lambda text: chats.store_again(conversation, replaced, uuid, text)
        )

    return _told(made_again)


@require_POST
@member
def consent(request: HttpRequest, project: Project) -> HttpResponse:
    """Agree to what is kept beside the words, refuse or withdraw."""
    given = _body(request)
    agreed = given.get("given")
    if not isinstance(agreed, bool):
        raise BadRequest("given: expected true or false")

    def kept() -> HttpResponse:
        implicit.consent(person_of(request), project, _text(given, "wording"), given=agreed)
        return JsonResponse({"consent": "given" if agreed else "refused"})

    return _told(kept)


@require_POST
@member
def events(request: HttpRequest, project: Project) -> HttpResponse:
    """Thumbs, and with consent what else was done with answers."""
    given = _body(request).get("events")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given[:MOST_EVENTS]):
        raise BadRequest("events: expected a list of objects")
    if len(given) > MOST_EVENTS:
        raise BadRequest(f"events: expected {MOST_EVENTS} at most")
    done = [
        implicit.Event(_uuid(one, "uuid"), _uuid(one, "turn"), _text(one, "kind"), _seconds(one))
        for one in given
    ]

    def kept() -> HttpResponse:
        left_out = implicit.keep(person_of(request), project, done)
        return JsonResponse({"stored": len(done) - left_out, "left_out": left_out})

    return _told(kept)


def _answered(
    conversation: Conversation, asked: Turn, answer: UUID, store: Callable[[str], Turn]
) -> HttpResponse:
    """The exchange as HTML once the answer is stored; 202 as long as the model is at it.

    Raises:
        Failed, Engaged: see `answering`.
    """
    if chats.answer_of(conversation, answer) is None:
        talk, policy = settings.SERVICES.talk, conversation.policy
        if policy not in talk:
            raise ChatError("unready", "the model of this chat is not served any more")
        before, seed = chats.messages(conversation, asked.number + 1), chats.seed_of(answer)
        line = line_of(policy)
        found = line.ask(answer, conversation.uuid, lambda: talk[policy](before, seed))
        if isinstance(found, Ahead):
            return JsonResponse({"state": "thinking", "ahead": found.questions}, status=202)
        store(found)
        line.forget(answer)
    exchange = next(one for one in chats.exchanges(conversation) if one.asked == asked)
    html = render_to_string("feedback/chat_exchange.html", {"exchange": _face(exchange)})
    return JsonResponse({"state": "answered", "html": html})


def _told(respond: Callable[[], HttpResponse]) -> HttpResponse:
    """What `respond` gives, or what went wrong, for the script to act on by its code and show in words."""
    try:
        return respond()
    except NotYours as error:
        status, code = 404, error.code
    except ChatConflict as error:
        status, code = 409, error.code
    except ChatError as error:
        status, code = 422, error.code
    except Engaged:
        status, code = 409, "waiting"
    except Failed:  # the message is stored, which is what 200 says
        return JsonResponse({"state": "failed", "error": _words()["failed"]})
    return JsonResponse({"error": _words()[code], "code": code}, status=status)


def _words() -> Mapping[str, str]:
    """What people are told, by code. What a model says of its failure is for the log: it names names."""
    return {
        "unknown": _("There is no such conversation."),
        "waiting": _("The last message is still being answered. Wait for its answer."),
        "moved": _("This chat went on in another window. Reload the page."),
        "other": _("Something else was stored under this number. Reload the page."),
        "wording": _("The text has changed. Reload the page and read it again."),
        "empty": _("Write something first."),
        "long": _("This is too long: 100,000 characters at most."),
        "characters": _("There is a character in it that cannot be stored. Type it anew."),
        "closed": _("This project is closed. You can read, but not go on."),
        "unready": _("This chat is not ready. Tell an admin of the project."),
        "off": _("This project keeps nothing that needs consent."),
        "kind": _("This page is too old. Reload it."),
        "seconds": _("This page is too old. Reload it."),
        "failed": _("The model could not answer."),
    }


def _opened(
    request: HttpRequest, person: Person, project: Project, earlier: list[tuple[Conversation, str]]
) -> Conversation | None:
    """The conversation that the page shows; None: a new one."""
    asked = request.GET.get("c", "")
    if asked == "new":
        return None
    if not asked:
        return earlier[0][0] if earlier else None
    try:
        return chats.conversation_of(person, project, UUID(asked))
    except (ValueError, NotYours):
        raise Http404 from None


def _missing(chosen: ProjectSettings) -> list[str]:
    """Policies that are not served. One missing stops the chat: else the others would be drawn more often."""
    return [name for name in chosen.policies if name not in settings.SERVICES.talk]


def _problem(chosen: ProjectSettings, conversation: Conversation | None) -> str:
    """Why one cannot talk here: for admins `none` or `missing`, which others need not tell apart."""
    if not chosen.policies:
        return "none"
    gone = conversation is not None and conversation.policy not in settings.SERVICES.talk
    return "missing" if gone or _missing(chosen) else ""


def _check_open(project: Project) -> None:
    if project.closed is not None:
        raise ChatConflict("closed", "the project is closed")
    if _missing(settings_of(project)):
        raise ChatError("unready", "policies of the project are not served")


def _face(exchange: chats.Exchange) -> dict[str, Any]:
    """All that the page may know of a message and its answers."""
    return {
        "asked": {"uuid": exchange.asked.uuid, "text": exchange.asked.text},
        "chosen": exchange.chosen,
        "answers": [
            {
                "uuid": answer.first.uuid,
                "raw": answer.first.text,
                "html": rendered(answer.first.text),
                "thumb": answer.thumb,
            }
            for answer in exchange.answers
        ],
    }


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        given = json.loads(request.body)
    except ValueError:
        raise BadRequest("expected JSON") from None
    if not isinstance(given, dict):
        raise BadRequest("expected a JSON object")
    return given


def _text(given: Mapping[str, Any], key: str) -> str:
    if not isinstance(given.get(key), str):
        raise BadRequest(f"{key}: expected a text")
    return given[key]


def _uuid(given: Mapping[str, Any], key: str) -> UUID:
    try:
        return UUID(_text(given, key))
    except ValueError:
        raise BadRequest(f"{key}: expected a UUID") from None


def _seconds(given: Mapping[str, Any]) -> float | None:
    seconds = given.get("seconds")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float)):
        raise BadRequest("seconds: expected a number")
    return seconds


ROUTES = (
    ("p/<slug:project>/chat/", page, "chat"),
    ("p/<slug:project>/chat/say", say, "chat_say"),
    ("p/<slug:project>/chat/regenerate", regenerate, "chat_regenerate"),
    ("p/<slug:project>/chat/consent", consent, "chat_consent"),
    ("p/<slug:project>/chat/implicit", events, "chat_implicit"),
)
