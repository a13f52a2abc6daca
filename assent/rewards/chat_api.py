"""Asks a chat model over HTTP, by the protocol of `/chat/completions` that many servers speak.

A passing fault (no connection, 408, 429, 5xx, half an answer) is tried again, a bounded number of times;
what cannot pass ends at once; what does not pass in time ends as a stop that can be resumed.
"""

import functools
import json
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, ClassVar

import httpx2
from pydantic import Field

from assent.config import Settings
from assent.errors import Interrupted, RewardError

MOST_BYTES = 8 * 2**20  # of one reply; a judgement has a few hundred
MOST_WORDS = 300  # characters of a server's own message that are shown
LONGEST_BACKOFF = 60.0  # seconds
STEP = 1.0  # seconds between two looks at whether to stop, while waiting


class Calls(Settings):
    """How a server is called: how fast, how long, how often."""

    in_key: ClassVar[bool] = False  # changes no answer

    concurrency: int = Field(default=8, ge=1, le=256)  # requests under way at once
    deadline: float = Field(default=60.0, gt=0)  # seconds for one request and its reply
    retries: int = Field(default=5, ge=0)  # of one request, after a fault that may pass
    backoff: float = Field(default=1.0, gt=0)  # seconds before the first retry; doubles, with jitter
    longest_wait: float = Field(default=120.0, gt=0)  # seconds; a server that asks for more ends the run
    rate_limit: float | None = Field(default=None, gt=0)  # requests a minute


@dataclass(frozen=True)
class Clock:
    """Time, so that tests need not wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Reply:
    """What a model answered. Token counts are None where the server gives none."""

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cut: bool  # it ran into the limit of tokens


class _PassingError(Exception):
    """A fault that may be gone at the next try; `wait` are the seconds that the server asks for."""

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait


class Pace:
    """Lets requests through at most `rate_limit` a minute, evenly. Threads may share it."""

    def __init__(self, rate_limit: float | None, clock: Clock):
        self._apart = 60.0 / rate_limit if rate_limit else 0.0
        self._clock, self._lock, self._next = clock, threading.Lock(), 0.0

    def seconds_to_wait(self) -> float:
        """Takes the next free moment, and says how far away it is."""
        if not self._apart:
            return 0.0
        with self._lock:
            now = self._clock.now()
            moment = max(now, self._next)
            self._next = moment + self._apart
            return moment - now


class ChatAPI:
    """A server, for use in a `with` block; threads may share it.

    Args:
        name: who is asked, in messages.
        kept: what becomes of the work so far, said when a fault does not pass.
        stop: whether the user asked for an end; looked at while waiting.
    """

    def __init__(
        self,
        name: str,
        url: str,
        key: str | None,
        calls: Calls,
        kept: str,
        stop: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
    ):
        self.name, self.kept, self.calls = name, kept, calls
        self._address, self._key = f"{url}/chat/completions", key
        self._stop, self._clock = stop, clock or Clock()
        self._pace = Pace(calls.rate_limit, self._clock)
        self._client: httpx2.Client | None = None

    def __enter__(self) -> "ChatAPI":
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._client = httpx2.Client(  # a redirect could carry the key elsewhere: none is followed
            headers=headers,
            verify=_certificates(),
            timeout=self.calls.deadline,
            limits=httpx2.Limits(max_connections=self.calls.concurrency),
            follow_redirects=False,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    def ask(self, body: Mapping[str, Any], admit: Callable[[], None]) -> Reply:
        """The model's reply.

        Args:
            body: the request, as the protocol has it.
            admit: called before each try; raises where nothing more may be sent.

        Raises:
            RewardError: the server refuses the request, or is no server of this protocol.
            Interrupted: the fault did not pass; the same command goes on.
        """
        tries = self.calls.retries + 1
        fault = _PassingError("never asked")
        for attempt in range(tries):
            if attempt:
                self._pause(self._wait_after(attempt, fault))
            self._pause(self._pace.seconds_to_wait())
            admit()
            try:
                return self._once(body)
            except _PassingError as passing:
                fault = passing
        raise Interrupted(f"{self.name}: no answer in {tries} tries, the last: {fault}. {self.kept}")

    def _wait_after(self, attempt: int, fault: _PassingError) -> float:
        """Seconds: doubling, with jitter so that threads do not come back all at once."""
        if fault.wait > self.calls.longest_wait:
            raise Interrupted(
                f"{self.name}: {fault}; it asks for a pause of {fault.wait:.0f} s, longer than "
                f"calls.longest_wait {self.calls.longest_wait:.0f} s. {self.kept}"
            )
        backoff = min(LONGEST_BACKOFF, self.calls.backoff * 2 ** (attempt - 1))
        return max(fault.wait, backoff * random.uniform(0.5, 1.0))  # noqa: S311 - no secret

    def _pause(self, seconds: float) -> None:
        until = self._clock.now() + seconds
        while (left := until - self._clock.now()) > 0:
            if self._stop():
                raise Interrupted(f"stopped while {self.name} was waited for. {self.kept}")
            self._clock.sleep(min(left, STEP))

    def _once(self, body: Mapping[str, Any]) -> Reply:
        assert self._client is not None, "use ChatAPI in a with block"
        until = self._clock.now() + self.calls.deadline
        sent = json.dumps(body).encode()  # ASCII: half a surrogate pair has no UTF-8
        try:
            with self._client.stream("POST", self._address, content=sent) as response:
                return self._understood(response, self._content(response, until))
        except httpx2.TimeoutException:
            raise _PassingError(f"no whole answer within {self.calls.deadline:g} s") from None
        except httpx2.RequestError as error:
            raise _PassingError(f"{type(error).__name__}: {self._clean(str(error))}") from None

    def _content(self, response: httpx2.Response, until: float) -> bytes:
        """The body, within the deadline: a timeout of the socket starts anew with every byte."""
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if self._clock.now() > until:
                raise _PassingError(f"no whole answer within {self.calls.deadline:g} s")
            if len(content) > MOST_BYTES:
                raise RewardError(f"{self.name}: the answer is longer than {MOST_BYTES >> 20} MiB")
        return bytes(content)

    def _understood(self, response: httpx2.Response, content: bytes) -> Reply:
        status, kind = response.status_code, response.headers.get("content-type", "none")
        said = f"{status} {response.reason_phrase}: {self._clean(_message(content))}"
        if status in (408, 429) or status >= 500:
            raise _PassingError(said, _seconds_asked(response.headers.get("retry-after")))
        if 300 <= status < 400:
            to = self._clean(response.headers.get("location", "nowhere"))
            raise RewardError(f"{self.name}: {status}, sent on to {to}: give judge.url as it is to be used")
        if status != 200:
            raise RewardError(f"{self.name}: refused: {said}")
        if "json" not in kind:
            raise RewardError(
                f"{self.name}: expected JSON, found content of type {kind}: "
                f"{self._clean(_message(content))}; does judge.url end where /chat/completions begins, as in https://api.example.com/v1?"
            )
        return self._reply(content)

    def _reply(self, content: bytes) -> Reply:
        try:
            answer = json.loads(content)
        except ValueError:
            raise _PassingError(f"half an answer, not JSON: {self._clean(_text(content))!r}") from None
        if isinstance(answer, dict) and answer.get("error"):
            raise _PassingError(f"200 with an error: {self._clean(_message(content))}")
        try:
            first = answer["choices"][0]
            text = first["message"]["content"] or ""
            if not isinstance(text, str):
                raise TypeError
        except (KeyError, IndexError, TypeError):
            raise _PassingError(f"no choices[0].message.content in {self._clean(_text(content))}") from None
        usage = answer.get("usage") or {}
        read, written = (_count(usage, key) for key in ("prompt_tokens", "completion_tokens"))
        return Reply(text, read, written, first.get("finish_reason") == "length")

    def _clean(self, words: str) -> str:
        """A server's own words, short, and never with the key."""
        return (words.replace(self._key, "***") if self._key else words)[:MOST_WORDS]


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust. Read once: it takes 60 ms, and every batch opens its connections anew."""
    return httpx2.create_ssl_context()


def _text(content: bytes) -> str:
    return content[: 4 * MOST_WORDS].decode("utf-8", errors="replace")


def _message(content: bytes) -> str:
    """`error.message`, as the protocol has it, or whatever stands there."""
    try:
        error = json.loads(content)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return _text(content).strip() or "no message"


def _count(usage: Any, key: str) -> int | None:
    value = usage.get(key) if isinstance(usage, dict) else None
    return value if type(value) is int and value >= 0 else None


def _seconds_asked(header: str | None) -> float:
    """`Retry-After`: seconds, or a date (RFC 9110, section 10.2.3); 0 where it is neither."""
    if header is None:
        return 0.0
    if header.strip().isdigit():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
