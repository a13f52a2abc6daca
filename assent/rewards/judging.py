"""Puts many questions to an LLM: from the cache where it was asked before, else side by side."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from assent.errors import Interrupted, RewardError, UserError
from assent.rewards.chat_api import ChatAPI, Clock, Reply
from assent.rewards.judge_cache import JudgeCache, Spent, key_of
from assent.rewards.judge_settings import Judge
from assent.rewards.rubric import Messages, reminded

T = TypeVar("T")
AGAIN = "What was answered is kept in {file}; run the same command to go on"


class _HaltedError(Exception):
    """Another question has ended the batch."""


@dataclass(frozen=True)
class Surroundings:
    """What judging needs beside its settings.

    Args:
        folder: keeps the answers, unless the settings name another cache.
        warn: told what people should see.
        stop: whether the user asked for an end; looked at while waiting for the server.
    """

    folder: Path
    warn: Callable[[str], None] = print
    stop: Callable[[], bool] = lambda: False
    clock: Clock = field(default_factory=Clock)


class Judging:
    """One judge, ready to be asked.

    Raises:
        UserError: the environment variable of the key is not set, or the key is no plain text.
    """

    def __init__(self, settings: Judge, around: Surroundings):
        self.settings = settings
        self.name = f"judge {settings.model} at {settings.url}"
        cache = Path(settings.cache).expanduser() if settings.cache else around.folder
        self.cache = JudgeCache(cache, f"{settings.model} at {settings.url}", around.warn)
        self.api = ChatAPI(
            self.name,
            settings.url,
            _key(settings, around.warn),
            settings.calls,
            AGAIN.format(file=self.cache.path),
            lambda: self._halted.is_set() or around.stop(),
            around.clock,
        )
        self.cached = self.failed = 0  # in this process: answers that cost nothing; tries without an answer
        self._under_way = 0
        self._lock, self._halted = threading.Lock(), threading.Event()

    def ask(
        self, questions: Sequence[Messages], read: Callable[[str], T | None], form: str, again: int = 0
    ) -> list[T]:
        """What `read` finds in the answer to each question; equal questions are asked once.

        Args:
            read: None where the reply is not in the form asked for.
            form: that form, said again after such a reply.
            again: added to the seed, for who asks the same once more and wants to hear something new.

        Raises:
            RewardError: the reply stayed in another form, or the server refuses.
            Interrupted: the server did not answer in time, or the budget is spent; the rest is kept.
        """
        self.cache.refresh()
        self._halted.clear()
        distinct = list(dict.fromkeys(questions))
        workers = min(self.settings.calls.concurrency, max(1, len(distinct)))
        with self.api, ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(self._answered, question, read, form, again) for question in distinct]
            self._finish(futures)
        found = {question: future.result() for question, future in zip(distinct, futures, strict=True)}
        return [found[question] for question in questions]

    def _finish(self, futures: Sequence[Future[Any]]) -> None:
        """Wait for all; where one fails, let no other begin, and raise that one's error."""
        ended: set[Future[Any]] = set()
        try:
            ended, _ = wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            self._halted.set()  # told to those that are still to send something; their ends mean nothing
        for future in futures:
            error = future.exception() if future in ended else None
            if error is not None:
                raise error

    def _answered(self, messages: Messages, read: Callable[[str], T | None], form: str, again: int) -> T:
        reply = None
        for _ in range(self.settings.reminders + 1):
            reply = self._reply(self._body(messages, again))
            found = read(reply.text)
            if found is not None:
                return found
            messages = reminded(messages, reply.text, form)
        assert reply is not None
        why = "it was cut off: raise judge.sampling.max_tokens" if reply.cut else "reword judge.rubric"
        raise RewardError(
            f"{self.name}: no judgement in its reply, reminded {self.settings.reminders} times; the last was "
            f"{reply.text[:200]!r}. Expected: {form} What to do: {why}, or take another model"
        )

    def _reply(self, body: dict[str, Any]) -> Reply:
        key = key_of(self.settings.url, body)
        known = self.cache.get(key)
        if known is not None:
            with self._lock:
                self.cached += 1
            return known
        tries = _Tries()
        try:
            reply = self.api.ask(body, lambda: self._admit(tries))
            with self._lock:  # an answer is never counted both as kept and as under way
                self.cache.put(key, reply)
                self._under_way, tries.open = self._under_way - 1, False
        finally:
            with self._lock:
                self._close(tries)
        return reply

    def _admit(self, tries: "_Tries") -> None:
        """Called before each try. Raises where nothing more may be sent."""
        with self._lock:
            self._close(tries)
            if self._halted.is_set():
                raise _HaltedError
            self._check_budget()
            self._under_way, tries.open = self._under_way + 1, True

    def _close(self, tries: "_Tries") -> None:
        """A try that is still open has brought no answer."""
        if tries.open:
            self._under_way, self.failed, tries.open = self._under_way - 1, self.failed + 1, False

    def _check_budget(self) -> None:
        budget, spent = self.settings.budget, self.cache.spent
        if spent.unknown and (budget.max_tokens or budget.max_cost):
            raise RewardError(
                f"{self.name} does not tell how many tokens it took, so budget.max_tokens and max_cost "
                "cannot be kept: use budget.max_requests"
            )
        cost = self.cost(spent)
        limits = {
            "max_requests": (spent.requests + self.failed + self._under_way, budget.max_requests),
            "max_tokens": (spent.tokens, budget.max_tokens),
            "max_cost": (cost, budget.max_cost),
        }
        for name, (so_far, most) in limits.items():
            if most is not None and so_far is not None and so_far >= most:
                raise Interrupted(
                    f"{self.name}: the budget is spent: judge.budget.{name} is {most:g}. Raise it, then run "
                    f"the same command. What was answered is kept in {self.cache.path} and not asked again"
                )

    def cost(self, spent: Spent) -> float | None:
        """In the currency of the prices; None where the recipe gives none."""
        price = self.settings.budget.price_per_million_tokens
        if price is None:
            return None
        return (spent.prompt_tokens * price.input + spent.completion_tokens * price.output) / 1e6

    def facts(self) -> dict[str, Any]:
        """What was asked and spent, ever for this cache; `cached` and `failed` in this process."""
        spent = self.cache.spent
        return {
            "model": self.settings.model,
            "url": self.settings.url,
            "requests": spent.requests,
            "prompt_tokens": spent.prompt_tokens,
            "completion_tokens": spent.completion_tokens,
            "without_usage": spent.unknown,
            "cost": self.cost(spent),
            "cached": self.cached,
            "failed": self.failed,
        }

    def summary(self) -> str:
        """The same in a sentence."""
        spent, cost = self.cache.spent, self.cost(self.cache.spent)
        tokens = f"{spent.tokens} tokens" + (
            f" and {spent.unknown} answers uncounted" if spent.unknown else ""
        )
        price = "" if cost is None else f", cost {cost:.4g}"
        return (
            f"{self.settings.model}: {spent.requests} requests, {tokens}{price}; {self.cached} from the cache"
        )

    def _body(self, messages: Messages, again: int) -> dict[str, Any]:
        sampling = self.settings.sampling
        wanted = {
            "temperature": sampling.temperature,
            "seed": None if sampling.seed is None else sampling.seed + again,
            sampling.limit_key: sampling.max_tokens,
        }
        return {
            "model": self.settings.model,
            "messages": [{"role": role, "content": content} for role, content in messages],
            **{key: value for key, value in wanted.items() if value is not None},
        }


@dataclass
class _Tries:
    """The tries of one question: `open` while one is under way."""

    open: bool = False


def _key(settings: Judge, warn: Callable[[str], None]) -> str | None:
    if settings.key_env is None:
        return None
    key = os.environ.get(settings.key_env, "").strip()
    if not key:
        raise UserError(
            f"judge.key_env: the environment variable {settings.key_env} is not set: export it and run again"
        )
    if not (key.isascii() and key.isprintable()):
        raise UserError(f"judge.key_env: {settings.key_env} holds more than the plain characters of a key")
    host = urlsplit(settings.url).hostname
    if settings.url.startswith("http:") and host not in ("localhost", "127.0.0.1", "::1"):
        warn(f"judge {settings.model}: its key goes to {host} unencrypted; use https where the server has it")
    return key
