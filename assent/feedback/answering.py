"""Models that answer in chats: one question at a time, each model in a thread of its own.

An answer takes from a moment to minutes. No request waits for it, or a few chats would hold every thread of
the server: the browser asks again, by the same key, until the answer is there. Nothing here touches the
database.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from uuid import UUID

from assent.errors import AssentError

KEPT_SECONDS = 600.0  # that answers are at hand: for browsers that ask again, or went away and come back
log = logging.getLogger(__name__)


class Failed(AssentError):
    """The model gave no answer, and will not be asked again unless somebody says so."""


class Engaged(AssentError):
    """Another question of the same chat is being answered."""


@dataclass
class Question:
    """One question to a model, and in the end its answer."""

    key: UUID  # of the answer
    chat: UUID
    call: Callable[[], str]
    asked: float = field(default_factory=time.monotonic)
    done: threading.Event = field(default_factory=threading.Event)
    answer: str | None = None

    @property
    def failed(self) -> bool:
        return self.done.is_set() and self.answer is None


@dataclass(frozen=True)
class Ahead:
    """The answer is not there yet; `questions` are answered before it, the one under way included."""

    questions: int


class Line:
    """Those who wait for one model, in the order of asking."""

    def __init__(self):
        self._guard = threading.Lock()
        self._waiting: queue.SimpleQueue[Question] = queue.SimpleQueue()
        self._questions: dict[UUID, Question] = {}  # by key, in the order of asking
        self._thread: threading.Thread | None = None

    def ask(
        self,
        key: UUID,
        chat: UUID,
        call: Callable[[], str],
        *,
        retry: bool = False,
        patience: float = 0.25,
    ) -> str | Ahead:
        """The answer to the question of this key, or how many are before it. Only the first calls `call`.

        Args:
            retry: where `call` has failed, call it again.
            patience: seconds to wait where the question is new, so that quick models answer at once.

        Raises:
            Failed: `call` failed; so it is told until somebody retries.
            Engaged: the chat waits for the answer to another question.
        """
        question, new = self._question(key, chat, call, retry)
        if new:
            question.done.wait(patience)
        if not question.done.is_set():
            return Ahead(self._before(question))
        if question.answer is None:
            raise Failed("the model gave no answer")
        return question.answer

    def knows(self, key: UUID) -> bool:
        """Whether this was asked, and has not failed."""
        with self._guard:
            there = self._questions.get(key)
            return there is not None and not there.failed

    def _question(self, key: UUID, chat: UUID, call: Callable[[], str], retry: bool) -> tuple[Question, bool]:
        with self._guard:
            self._forget_old()
            there = self._questions.get(key)
            if there is not None and not (retry and there.failed):
                return there, False
            if any(one.chat == chat and not one.done.is_set() for one in self._questions.values()):
                raise Engaged("this chat waits for an answer already")
            made = self._questions[key] = Question(key, chat, call)
            self._waiting.put(made)
            if self._thread is None:  # made late: most projects have no chat
                self._thread = threading.Thread(target=self._answer_all, name="answering", daemon=True)
                self._thread.start()
            return made, True

    def _before(self, question: Question) -> int:
        with self._guard:
            return sum(
                not one.done.is_set() and one.asked < question.asked for one in self._questions.values()
            )

    def _forget_old(self) -> None:
        now = time.monotonic()
        old = [
            key
            for key, one in self._questions.items()
            if one.done.is_set() and now - one.asked > KEPT_SECONDS
        ]
        for key in old:
            del self._questions[key]

    def _answer_all(self) -> None:
        while True:
            question = self._waiting.get()
            try:
                answer = question.call()
                if not isinstance(answer, str):
                    raise TypeError(f"expected a text, and the model gave {type(answer).__name__}")
                answer.encode()  # half a character cannot be stored
                question.answer = answer
            except Exception:  # one bad answer must not silence the model for everybody
                log.exception("a model failed to answer in a chat")
            finally:
                question.done.set()


@cache
def line_of(policy: str) -> Line:  # noqa: ARG001 - what the cache goes by
    """The one line before a model, in this process."""
    return Line()
