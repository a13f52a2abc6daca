"""The chat: a page, and what its script sends. Nobody is told with which policy they talk."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assent.feedback.answering import Ahead, Engaged, Failed, line_of
from assent.feedback.middleware import keep_of
from assent.feedback.people.access import may, member, person_of
from assent.feedback.projects import ProjectSettings
from assent.feedback.rendering import rendered
from assent.feedback.schema.models import Conversation, Person, Project, Role, Turn
from assent.feedback.store import chats, implicit
from assent.feedback.store.chat_errors import ChatConflict, ChatError, NotYours
from assent.feedback.store.projects import settings_of
from assent.feedback.views.chat_texts import words

EARLIER = 20  # conversations that the page offers to open again
FIRST_WORDS = 60  # characters of each
MOST_EVENTS = 200  # in one request
STATUS = {NotYours: 404, ChatConflict: 409}  # of errors; 422 of others


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
        "keep": keep_of(person),
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
        "consent_text": rendered(chosen.implicit.consent),
        "wording": implicit.wording_of(chosen.implicit.consent),
        "consent": "unasked" if consent is None else "given" if consent.given else "refused",
    }
    return render(request, "feedback/chat.html", shown)


class _Body(BaseModel):
    """What the script sends; nothing else is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Spoken(_Body):
    """Without its text: a question whether the answer to it is there."""

    conversation: UUID
    uuid: UUID
    text: str | None = None
    after: UUID | None = None
    retry: bool = False


class Again(_Body):
    conversation: UUID
    uuid: UUID  # of the attempt
    turn: UUID  # of the answer to make again
    retry: bool = False


class Agreed(_Body):
    given: bool
    wording: str


class Event(_Body):
    uuid: UUID
    turn: UUID
    kind: str
    seconds: float | None = None


class Events(_Body):
    events: list[Event] = Field(max_length=MOST_EVENTS)


@dataclass(frozen=True)
class _Question:
    """What a policy is asked: the answer of this uuid to a message; once more, where it has failed."""

    conversation: Conversation
    asked: Turn
    answer: UUID
    retry: bool


def told(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """What cannot be, for the script to act on by its code and show in words; nothing else is caught."""

    @wraps(view)
    def inner(*given: Any, **named: Any) -> HttpResponse:
        try:
            return view(*given, **named)
        except ValidationError as error:
            raise BadRequest(f"{error.error_count()} parts of the body are not as expected") from None
        except Failed:
            return _failed("failed")
        except Engaged:
            status, code = 409, "waiting"
        except ChatError as error:
            status, code = STATUS.get(type(error), 422), error.code
        return JsonResponse({"error": words()[code], "code": code}, status=status)

    return inner


@require_POST
@member
@told
def say(request: HttpRequest, project: Project) -> HttpResponse:
    """Store a message and answer it."""
    given, person = Spoken.model_validate_json(request.body), person_of(request)
    if given.text is not None:
        asked = _stored(person, project, chats.Said(given.conversation, given.uuid, given.text, given.after))
    else:
        conversation = chats.conversation_of(person, project, given.conversation)
        asked = chats.asked_of(conversation, given.uuid)
    question = _Question(asked.conversation, asked, chats.first_answer(asked), given.retry)
    try:
        return _answered(question, lambda text: chats.store_answer(asked, question.answer, text))
    except Engaged:  # another answer of this chat is being made, and this message is stored: it is next
        return _thinking(0)


def _stored(person: Person, project: Project, said: chats.Said) -> Turn:
    """A message, now or before: of one that is stored the browser may not have heard yet."""
    before = chats.said_before(person, project, said)
    if before is None:
        there = Conversation.objects.filter(uuid=said.conversation, person=person, project=project).first()
        _check_open(project, there)
    return before or chats.say(person, project, said)


@require_POST
@member
@told
def regenerate(request: HttpRequest, project: Project) -> HttpResponse:
    """Make the last answer again, as another attempt beside it. Sent again, it asks whether that is there."""
    given = Again.model_validate_json(request.body)
    conversation = chats.conversation_of(person_of(request), project, given.conversation)
    under_way = line_of(conversation.policy).knows(given.uuid)
    if not under_way and chats.answer_of(conversation, given.uuid) is None:
        _check_open(project, conversation)
        chats.to_replace(conversation, given.turn)
    asked = chats.asked_before(conversation, given.turn)
    question = _Question(conversation, asked, given.uuid, given.retry)
    return _answered(question, lambda text: chats.store_again(conversation, given.turn, given.uuid, text))


@require_POST
@member
@told
def consent(request: HttpRequest, project: Project) -> HttpResponse:
    """Agree to what is kept beside the words, refuse or withdraw."""
    agreed = Agreed.model_validate_json(request.body)
    implicit.consent(person_of(request), project, agreed.wording, given=agreed.given)
    return JsonResponse({"consent": "given" if agreed.given else "refused"})


@require_POST
@member
@told
def events(request: HttpRequest, project: Project) -> HttpResponse:
    """Thumbs, and with consent what else was done with answers."""
    sent = Events.model_validate_json(request.body).events
    done = [implicit.Event(one.uuid, one.turn, one.kind, one.seconds) for one in sent]
    left_out = implicit.keep(person_of(request), project, done)
    return JsonResponse({"stored": len(done) - left_out, "left_out": left_out})


def _answered(question: _Question, store: Callable[[str], Turn]) -> HttpResponse:
    """The exchange as HTML once the answer is stored; 202 as long as the model is at it.

    Raises:
        Failed, Engaged: see `answering`.
    """
    conversation, asked, answer = question.conversation, question.asked, question.answer
    if chats.answer_of(conversation, answer) is None:
        talk, policy = settings.SERVICES.talk, conversation.policy
        if policy not in talk:
            return _failed("unready")
        before, seed = chats.messages(conversation, asked.number + 1), chats.seed_of(answer)
        found = line_of(policy).ask(
            answer, conversation.uuid, lambda: talk[policy](before, seed), retry=question.retry
        )
        if isinstance(found, Ahead):
            return _thinking(found.questions)
        store(found)
    exchange = next(one for one in chats.exchanges(conversation) if one.asked == asked)
    html = render_to_string("feedback/chat_exchange.html", {"exchange": _face(exchange)})
    return JsonResponse({"state": "answered", "html": html})


def _thinking(ahead: int) -> JsonResponse:
    return JsonResponse({"state": "thinking", "ahead": ahead}, status=202)


def _failed(code: str) -> JsonResponse:
    """The message is stored, which is what 200 says; its answer is not."""
    return JsonResponse({"state": "failed", "error": words()[code]})


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


def _check_open(project: Project, conversation: Conversation | None) -> None:
    if project.closed is not None:
        raise ChatConflict("closed", "the project is closed")
    if _problem(settings_of(project), conversation):
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


ROUTES = (
    ("p/<slug:project>/chat/", page, "chat"),
    ("p/<slug:project>/chat/say", say, "chat_say"),
    ("p/<slug:project>/chat/regenerate", regenerate, "chat_regenerate"),
    ("p/<slug:project>/chat/consent", consent, "chat_consent"),
    ("p/<slug:project>/chat/implicit", events, "chat_implicit"),
)
