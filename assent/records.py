"""The text nouns: what crosses disks, databases and the network. Complete when built, never edited.

They have slots, since millions of them stand in memory at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assent.errors import UserError

END_OF_TEXT = "<|endoftext|>"  # between documents, in files and to a model
AI_ANNOTATOR = "ai:"  # begins the name of an annotator that is a model
# Han and kana, as a class of characters in patterns: they stand without spaces. Korean has spaces.
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
Message = Mapping[str, str]  # {"role": "user" | "assistant" | "system", "content": text}


class ChatText(str):
    """The last words of the user in a conversation, which it remembers.

    Rewards are functions of text. One that reads whole conversations, as a reward model that has learned from
    them must, finds the conversation here; to all others this is a text. Two of them are equal when their
    conversations are as well. Beside a plain text only the words count, so its hash is the text's: what tells
    prompts apart by a hash takes that of `in_full`.
    """

    messages: tuple[Message, ...]

    def __new__(cls, text: str, messages: tuple[Message, ...] = ()) -> "ChatText":
        made = super().__new__(cls, text)
        made.messages = messages
        return made

    def __eq__(self, other: object) -> bool:
        same = str.__eq__(self, other)
        return same is True and (not isinstance(other, ChatText) or self.messages == other.messages)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    @property
    def whole(self) -> str:
        """All that was said, and by whom, for somebody to read."""
        return "\n\n".join(f"{message['role']}: {message['content']}" for message in self.messages)


def in_full(prompt: str) -> str:
    """What was asked, as somebody reads it: of a chat, all that was said."""
    return prompt.whole if isinstance(prompt, ChatText) else prompt


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked: plain text, or a conversation so far."""

    text: str
    messages: tuple[Message, ...] = ()  # a chat; then `text` is its last user message
    id: str = ""
    meta: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self):
        if self.messages:
            object.__setattr__(self, "text", ChatText(self.text, self.messages))

    @classmethod
    def of(cls, text: str) -> "Prompt":
        """The prompt that a text is, or that it stands in."""
        return cls(text, text.messages if isinstance(text, ChatText) else ())


@dataclass(frozen=True, slots=True)
class Demonstration:
    """An answer somebody wrote, to imitate."""

    prompt: Prompt
    response: str
    author: str = ""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Two or more answers to one prompt, waiting to be judged. `prompt.id` names the item."""

    prompt: Prompt
    texts: tuple[str, ...]
    meta: Mapping[str, object] = field(default_factory=dict)  # which model wrote them, with which settings


@dataclass(frozen=True, slots=True)
class Comparison:
    """One person's judgement between two or more candidates, in the order in which they were shown.

    `choice` is the index of the best candidate; None says that nobody won (a tie).
    `ranking` holds candidate indices from best to worst; one with ties stands as its pairs instead.
    `pairs` holds (left, right, winner) as candidate indices, winner None for a tie; some may be missing.
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
    pairs: tuple[tuple[int, int, int | None], ...] = ()

    def __post_init__(self):
        count = len(self.candidates)
        if count < 2:
            raise UserError(f"a comparison needs two candidates or more, and this has {count}")
        if self.choice is not None and not 0 <= self.choice < count:
            raise UserError(f"choice {self.choice} is not one of the {count} candidates (0..{count - 1})")
        if self.ranking and sorted(self.ranking) != list(range(count)):
            raise UserError(f"ranking {list(self.ranking)} does not name each of the {count} candidates once")
        self._check_pairs(count)

    @property
    def pairwise(self) -> tuple[tuple[int, int, int | None], ...]:
        """Every pair that was decided: `pairs`, or all of the ranking, or the winner against each other."""
        count = len(self.candidates)
        if self.pairs:
            return self.pairs
        if self.ranking:
            return tuple((a, b, a) for place, a in enumerate(self.ranking) for b in self.ranking[place + 1 :])
        if self.choice is not None:
            return tuple((self.choice, k, self.choice) for k in range(count) if k != self.choice)
        return tuple((a, b, None) for a in range(count) for b in range(a + 1, count))

    @property
    def best(self) -> tuple[int, ...]:
        """Who shares the vote: the choice, or whoever won most of the pairs (a tie is half a win)."""
        if self.choice is not None:
            return (self.choice,)
        wins = [0.0] * len(self.candidates)
        for left, right, winner in self.pairwise:
            wins[left] += 0.5 if winner is None else winner == left
            wins[right] += 0.5 if winner is None else winner == right
        return tuple(k for k, won in enumerate(wins) if won == max(wins))

    def _check_pairs(self, count: int) -> None:
        seen = set()
        for left, right, winner in self.pairs:
            pair = [left, right, winner]
            if left == right or not 0 <= min(left, right) <= max(left, right) < count:
                raise UserError(f"pairs: {pair} does not name two of the {count} candidates (0..{count - 1})")
            if winner not in (left, right, None):
                raise UserError(
                    f"pairs: {pair}: the winner is neither {left} nor {right}, nor null for a tie"
                )
            if frozenset((left, right)) in seen:
                raise UserError(f"pairs: {left} and {right} are compared twice; give each pair once")
            seen.add(frozenset((left, right)))


@dataclass(frozen=True, slots=True)
class Rating:
    """One person's number for one answer."""

    prompt: Prompt
    response: str
    value: float
    scale: tuple[float, float]  # lowest, highest
    criterion: str = ""
    annotator: str = ""


def answers_of(judgement: Comparison | Rating) -> Sequence[str]:
    """What was judged."""
    return judgement.candidates if isinstance(judgement, Comparison) else (judgement.response,)


def apart_by(judged: Sequence[Comparison | Rating]) -> list[str]:
    """What keeps judgements apart when they are divided: each one's prompt.

    Chats that end in the same words stand together. Where all have one prompt, as texts that answer nothing,
    it is the answers that were judged.
    """
    prompts = [str(one.prompt.text) for one in judged]
    if len(set(prompts)) > 1:
        return prompts
    return ["\n".join(sorted(answers_of(one))) for one in judged]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, and what people said it is: one label or several."""

    text: str
    labels: tuple[str, ...]

    def __post_init__(self):
        if not self.labels or not all(self.labels):
            raise UserError(f"a labelled text needs a label, and this has {list(self.labels)}")
        if len(set(self.labels)) < len(self.labels):
            raise UserError(f"a label is given twice: {list(self.labels)}")
