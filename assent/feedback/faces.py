"""All that an annotator may see of an item, and nothing else: the blindness of the app.

Pages for annotators are made of faces. The names of items and policies, what is gold, what is expected
and what others said are no part of a face, so no template can show them by mistake.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from assent.feedback.projects import Criterion, ProjectSettings
from assent.feedback.rendering import rendered
from assent.feedback.schema.models import Shown

LONG_PROMPT = 700  # characters; longer ones stand beside the answers, where there is room
EXCERPT = 140
SPEAKERS = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Turn:
    """One message of the prompt; a plain prompt is one turn of the user."""

    role: str  # one of SPEAKERS: it is part of a class name
    speaker: str  # for people
    raw: str
    html: SafeString


@dataclass(frozen=True)
class Answer:
    """One candidate, where it stands on the page."""

    position: int  # what the browser answers with
    number: int  # for people: position + 1
    raw: str
    html: SafeString


@dataclass(frozen=True)
class Face:
    """An item as one person sees it."""

    shown: int
    task: str
    chat: bool  # the prompt is a conversation
    turns: tuple[Turn, ...]
    answers: tuple[Answer, ...]  # in the order in which they are shown to this person
    strength: bool
    scales: tuple[Criterion, ...]
    beside: bool  # the prompt is long: it stands beside the answers

    @property
    def excerpt(self) -> str:
        """How the prompt begins, or for a chat its last question."""
        return _excerpt([(turn.role, turn.raw) for turn in self.turns])

    @property
    def alike(self) -> bool:
        """Several answers, all the same text but for space around it: nobody need search for a difference."""
        return len(self.answers) > 1 and len({answer.raw.strip() for answer in self.answers}) == 1


def face_of(shown: Shown, settings: ProjectSettings) -> Face:
    """What `shown.person` sees; `shown.item` is read here and goes no further."""
    turns = tuple(_turn(role, text) for role, text in _messages(shown.item.prompt))
    return Face(
        shown=shown.pk,
        task=settings.task,
        chat=not isinstance(shown.item.prompt, str),
        turns=turns,
        answers=tuple(
            Answer(position, position + 1, text, rendered(text))
            for position, text in enumerate(shown.item.candidates[number] for number in shown.order)
        ),
        strength=settings.task == "pairwise" and settings.strength,
        scales=settings.scales,
        beside=sum(len(turn.raw) for turn in turns) > LONG_PROMPT and len(shown.order) > 0,
    )


def excerpt_of(prompt: str | Sequence[Mapping[str, Any]]) -> str:
    """As that of its face."""
    return _excerpt(_messages(prompt))


def _excerpt(messages: Sequence[tuple[str, str]]) -> str:
    asked = [text for role, text in messages if role == "user"] or [text for _role, text in messages]
    words = " ".join(asked[-1].split()) if asked else ""
    return words if len(words) <= EXCERPT else words[: EXCERPT - 1] + "…"


def _messages(prompt: str | Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    if isinstance(prompt, str):
        return [("user", prompt)]
    return [(str(message.get("role", "user")), str(message.get("content", ""))) for message in prompt]


def _turn(role: str, text: str) -> Turn:
    speakers = {"system": _("System"), "user": _("Person"), "assistant": _("Assistant"), "tool": _("Tool")}
    return Turn(role if role in SPEAKERS else "other", speakers.get(role, role), text, rendered(text))


def said(answer: Mapping[str, Any]) -> str:
    """An answer in words; `answer` is in positions, as the browser sends it."""
    if "choice" in answer:
        return _said_choice(answer)
    if "ranking" in answer:
        return " > ".join(" = ".join(str(one + 1) for one in group) for group in answer["ranking"])
    if "ratings" in answer:
        return " · ".join(
            f"{number}: " + ", ".join(f"{_(name)} {value}" for name, value in ratings.items())
            for number, ratings in enumerate(answer["ratings"], start=1)
        )
    words = " ".join(str(answer.get("text", "")).split())
    return words if len(words) <= EXCERPT else words[: EXCERPT - 1] + "…"


def _said_choice(answer: Mapping[str, Any]) -> str:
    choices = {
        "left": _("Answer 1 is better"),
        "right": _("Answer 2 is better"),
        "tie": _("Equally good"),
        "both_bad": _("Both bad"),
        "cannot_judge": _("Cannot judge"),
    }
    strengths = {1: _("Slightly"), 2: _("Clearly"), 3: _("Much")}
    choice = choices[answer["choice"]]
    return f"{choice} ({strengths[answer['strength']]})" if answer.get("strength") else choice
