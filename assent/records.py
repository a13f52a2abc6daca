"""The text nouns: what crosses disks, databases and the network. Complete when built, never edited."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assent.errors import UserError

Message = Mapping[str, str]  # {"role": "user" | "assistant" | "system", "content": text}


@dataclass(frozen=True)
class Prompt:
    """What a model is asked: plain text, or a conversation so far."""

    text: str
    messages: tuple[Message, ...] = ()  # a chat; then `text` is its last user message
    id: str = ""
    meta: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Demonstration:
    """An answer somebody wrote, to imitate."""

    prompt: Prompt
    response: str
    author: str = ""


@dataclass(frozen=True)
class Candidates:
    """Two or more answers to one prompt, waiting to be judged. `prompt.id` names the item."""

    prompt: Prompt
    texts: tuple[str, ...]
    meta: Mapping[str, object] = field(default_factory=dict)  # which model wrote them, with which settings


@dataclass(frozen=True)
class Comparison:
    """One person's judgement between two or more candidates, in the order in which they were shown.

    `choice` is the index of the best candidate; None says that nobody won (a tie).
    `ranking` holds candidate indices from best to worst.
    """

    prompt: Prompt
    candidates: tuple[str, ...]
    choice: int | None
    ranking: tuple[int, ...] = ()
    annotator: str = ""
    item: str = ""  # judgements of one item by several people share it
    seconds: float | None = None  # from page shown to click
    strength: float | None = None  # how much better, 0..1
    criterion: str = ""
    shown_order: tuple[int, ...] = ()

    def __post_init__(self):
        count = len(self.candidates)
        if count < 2:
            raise UserError(f"a comparison needs two candidates or more, and this has {count}")
        if self.choice is not None and not 0 <= self.choice < count:
            raise UserError(f"choice {self.choice} is not one of the {count} candidates (0..{count - 1})")
        if self.ranking and sorted(self.ranking) != list(range(count)):
            raise UserError(f"ranking {list(self.ranking)} does not name each of the {count} candidates once")


@dataclass(frozen=True)
class Rating:
    """One person's number for one answer."""

    prompt: Prompt
    response: str
    value: float
    scale: tuple[float, float]  # lowest, highest
    criterion: str = ""
    annotator: str = ""
