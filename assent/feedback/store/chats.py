"""Chats: what was said, which answers were made again, and what people did with them.

Turns are numbered from 0: people at even numbers, the policy at odd ones. An answer that was made again is
another attempt of the same number, and the last attempt is the one that the chat went on with: whoever goes
on from an earlier one adds its words once more, as the last. So attempts with the same words are one answer
to the reader, and the first of their rows names it.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from assent.feedback.schema.models import Conversation, Person, Project, Turn
from assent.feedback.store.chat_errors import ChatConflict, ChatError, NotYours
from assent.feedback.store.implicit import Event, keep_one, may_keep, thumbs_of
from assent.feedback.store.projects import settings_of
from assent.feedback.store.writer import writing

MOST_CHARACTERS = 100_000
UNWRITABLE = re.compile("[\0\ud800-\udfff]")  # NUL, and halves of characters, which no encoding knows


@dataclass(frozen=True)
class Said:
    """A message as the browser sends it. `after` names the answer it goes on from; None begins a chat."""

    conversation: UUID
    uuid: UUID
    text: str
    after: UUID | None = None


@dataclass(frozen=True)
class Answer:
    """All rows of one number with the same words: one answer, as people see it."""

    rows: tuple[Turn, ...]
    thumb: str = "thumb_none"

    @property
    def first(self) -> Turn:
        return self.rows[0]


@dataclass(frozen=True)
class Exchange:
    """What a person said, and the answers to it in the order in which they were made."""

    asked: Turn
    answers: tuple[Answer, ...]
    chosen: int = -1  # of the answers: the one that the chat went on with; -1: there is none yet

    @property
    def rows(self) -> list[Turn]:
        """The attempts, in the order in which they were made."""
        return sorted((row for answer in self.answers for row in answer.rows), key=lambda row: row.attempt)


def conversation_of(person: Person, project: Project, uuid: UUID) -> Conversation:
    """One's own conversation.

    Raises:
        NotYours: it is not there, or not theirs.
    """
    found = Conversation.objects.filter(uuid=uuid, person=person, project=project).first()
    if found is None:
        raise NotYours
    return found


def latest(person: Person, project: Project, most: int) -> list[tuple[Conversation, str]]:
    """The last `most` conversations of somebody, the newest first, each with its first words."""
    mine = list(Conversation.objects.filter(person=person, project=project).order_by("-id")[:most])
    firsts = Turn.objects.filter(conversation__in=mine, number=0)
    words = dict(firsts.values_list("conversation_id", "text"))
    return [(one, words.get(one.pk, "")) for one in mine]


def exchanges(conversation: Conversation) -> list[Exchange]:
    """All that was said in a conversation, in order."""
    turns = list(Turn.objects.filter(conversation=conversation).order_by("number", "attempt", "id"))
    thumbs = thumbs_of(conversation)
    made = []
    for asked in (turn for turn in turns if turn.role == "user"):
        attempts = [turn for turn in turns if turn.number == asked.number + 1]
        answers = _answers(attempts, thumbs)
        chosen = next((k for k, one in enumerate(answers) if attempts[-1] in one.rows), -1)
        made.append(Exchange(asked, answers, chosen))
    return made


def say(person: Person, project: Project, said: Said) -> Turn:
    """Store what somebody said, once; the first words of a chat begin it, and draw its policy.

    Raises:
        ChatError: the text is empty or too long.
        ChatConflict: an answer is still awaited (`waiting`), the chat went on elsewhere (`moved`), other
            words came first under this uuid (`other`).
        NotYours: the chat is somebody else's.
    """
    _checked(said.text)
    with writing():
        before = said_before(person, project, said)
        if before is not None:
            return before
        conversation = _begun(person, project, said)
        number = _go_on(conversation, said)
        return Turn.objects.create(
            uuid=said.uuid, conversation=conversation, number=number, role="user", text=said.text
        )


def said_before(person: Person, project: Project, said: Said) -> Turn | None:
    """The turn of this uuid, where it was stored before.

    Raises:
        ChatConflict, NotYours: as `say`.
    """
    there = Turn.objects.filter(uuid=said.uuid).select_related("conversation").first()
    if there is None:
        return None
    chat = there.conversation
    if (chat.person, chat.project) != (person, project):
        raise NotYours
    if (chat.uuid, there.text, there.role) != (said.conversation, said.text, "user"):
        raise ChatConflict("other", "other words came first under this number: reload the page")
    return there


def asked_of(conversation: Conversation, uuid: UUID) -> Turn:
    """The message of this uuid, stored before.

    Raises:
        NotYours: there is none in this chat.
    """
    found = Turn.objects.filter(conversation=conversation, uuid=uuid, role="user").first()
    if found is None:
        raise NotYours
    return found


def asked_before(conversation: Conversation, answer: UUID) -> Turn:
    """The message that an answer answers.

    Raises:
        NotYours: there is no such answer in this chat.
    """
    found = Turn.objects.filter(conversation=conversation, uuid=answer, role="assistant").first()
    if found is None:
        raise NotYours
    return Turn.objects.get(conversation=conversation, number=found.number - 1)


def answer_of(conversation: Conversation, uuid: UUID) -> Turn | None:
    """The answer of this uuid, where it is stored.

    Raises:
        ChatConflict: the uuid is that of something else.
    """
    found = Turn.objects.filter(uuid=uuid).first()
    if found is not None and (found.conversation, found.role) != (conversation, "assistant"):
        raise ChatConflict("other", "something else came first under this number: reload the page")
    return found


def messages(conversation: Conversation, number: int) -> list[Mapping[str, str]]:
    """What was said before turn `number`, with the answers that the chat went on with."""
    turns = Turn.objects.filter(conversation=conversation, number__lt=number).order_by("number", "attempt")
    last = {turn.number: turn for turn in turns}
    return [{"role": turn.role, "content": turn.text} for turn in last.values()]


def seed_of(answer: UUID) -> int:
    """The seed that an answer is drawn with: its own, the same at each retry."""
    return int.from_bytes(hashlib.sha256(answer.bytes).digest()[:4], "big") >> 1  # 31 bits


def first_answer(asked: Turn) -> UUID:
    """The uuid of the first answer to a message: two that make it at once make one row."""
    return uuid5(asked.uuid, "answer")


def store_answer(asked: Turn, uuid: UUID, text: str) -> Turn:
    """The first answer to a message, stored once."""
    with writing():
        there = Turn.objects.filter(uuid=uuid).first()
        if there is not None:
            return there
        return Turn.objects.create(
            uuid=uuid,
            conversation=asked.conversation,
            number=asked.number + 1,
            role="assistant",
            text=text,
        )


def last_exchange(conversation: Conversation) -> Exchange | None:
    """The one that may be made again and gone on from."""
    found = exchanges(conversation)
    return found[-1] if found else None


def to_replace(conversation: Conversation, replaced: UUID) -> tuple[Exchange, Turn]:
    """The last exchange, and its answer that is to be made again.

    Raises:
        ChatConflict: the answer is not one to the last message (`moved`).
    """
    exchange = last_exchange(conversation)
    rows = exchange.rows if exchange else []
    found = next((row for row in rows if row.uuid == replaced), None)
    if exchange is None or found is None:
        raise ChatConflict("moved", "the chat went on in another window: reload the page")
    return exchange, found


def store_again(conversation: Conversation, replaced: UUID, uuid: UUID, text: str) -> Turn:
    """Another attempt at the last answer, stored once; that it was asked for too, where that may be kept.

    Raises:
        ChatConflict: the chat has gone on meanwhile.
    """
    with writing():
        there = Turn.objects.filter(uuid=uuid).first()
        if there is not None:
            return there
        exchange, old = to_replace(conversation, replaced)
        if may_keep(conversation.person, conversation.project):
            keep_one(Event(uuid5(uuid, "regenerate"), old.uuid, "regenerate"), old)
        return _attempt(exchange, uuid, text, old)


def _answers(attempts: Sequence[Turn], thumbs: Mapping[int, str]) -> tuple[Answer, ...]:
    by_words: dict[str, list[Turn]] = {}
    for turn in attempts:
        by_words.setdefault(turn.text, []).append(turn)
    return tuple(Answer(tuple(rows), thumbs.get(rows[0].pk, "thumb_none")) for rows in by_words.values())


def _checked(text: str) -> None:
    if not text.strip():
        raise ChatError("empty", "write something first")
    if len(text) > MOST_CHARACTERS:
        raise ChatError("long", f"expected {MOST_CHARACTERS:,} characters at most: shorten it")
    if UNWRITABLE.search(text):
        raise ChatError("characters", "there is a NUL or half a character in it: remove it")


def _begun(person: Person, project: Project, said: Said) -> Conversation:
    there = Conversation.objects.filter(uuid=said.conversation).first()
    if there is not None:
        if (there.person, there.project) != (person, project):
            raise NotYours
        return there
    policies = settings_of(project).policies
    if not policies:
        raise ChatError("unready", "this project has no policies to talk to")
    drawn = hmac.new(bytes.fromhex(project.secret), said.conversation.bytes, "sha256").digest()
    policy = policies[int.from_bytes(drawn[:8], "big") % len(policies)]
    return Conversation.objects.create(uuid=said.conversation, project=project, person=person, policy=policy)


def _go_on(conversation: Conversation, said: Said) -> int:
    """The number of the next message; the answer it goes on from becomes the last attempt."""
    exchange = last_exchange(conversation)
    if exchange is None and said.after is None:
        return 0
    if exchange is not None and not exchange.answers:
        raise ChatConflict("waiting", "the last message has no answer yet: wait for it")
    answers = exchange.answers if exchange else ()
    after = next((k for k, one in enumerate(answers) if said.after in {row.uuid for row in one.rows}), None)
    if exchange is None or after is None:
        raise ChatConflict("moved", "the chat went on in another window: reload the page")
    if after != exchange.chosen:
        chosen = answers[after].first
        _attempt(exchange, uuid5(said.uuid, "chosen"), chosen.text, chosen)
    return exchange.asked.number + 2


def _attempt(exchange: Exchange, uuid: UUID, text: str, replaces: Turn) -> Turn:
    return Turn.objects.create(
        uuid=uuid,
        conversation=replaces.conversation,
        number=replaces.number,
        attempt=exchange.rows[-1].attempt + 1,
        role="assistant",
        text=text,
        replaces=replaces,
    )
