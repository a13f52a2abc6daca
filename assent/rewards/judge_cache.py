"""What an LLM answered, kept on disk by what it was asked: nothing is paid for twice, a resume replays."""

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assent.rewards.chat_api import Reply

FILE = "judge_cache.jsonl"


def key_of(url: str, body: Mapping[str, Any]) -> str:
    """SHA-256 of all that decides an answer: the address, and the request with its model and messages."""
    return _hash({"url": url, **body})


@dataclass(frozen=True)
class Spent:
    """What answers have taken. `unknown` counts those whose tokens the server did not tell."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unknown: int = 0

    def with_reply(self, reply: Reply) -> "Spent":
        told = reply.prompt_tokens is not None and reply.completion_tokens is not None
        return Spent(
            self.requests + 1,
            self.prompt_tokens + (reply.prompt_tokens or 0),
            self.completion_tokens + (reply.completion_tokens or 0),
            self.unknown + (not told),
        )

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class JudgeCache:
    """Answers in a file that only grows, one line each. Threads and processes may share it.

    A line carries its own checksum. A damaged one is named and passed over, so it is asked for again.

    Args:
        folder: made when it is missing.
        payer: what is spent is counted for this one: the address and the model.
        warn: told of damaged lines.
    """

    def __init__(self, folder: Path, payer: str, warn: Callable[[str], None]):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self.payer, self._warn = payer, warn
        self.spent = Spent()
        self._replies: dict[str, Reply] = {}
        self._read_bytes, self._line = 0, 0
        self._lock = threading.Lock()
        self.refresh()

    def get(self, key: str) -> Reply | None:
        return self._replies.get(key)

    def refresh(self) -> None:
        """Read what another process has added."""
        if not self.path.exists():
            return
        with self._lock, self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            self._read_on(file.fileno())

    def put(self, key: str, reply: Reply) -> None:
        """Keep an answer; it is on disk before this returns."""
        entry = {"key": key, "payer": self.payer, **asdict(reply)}
        line = json.dumps({**entry, "check": _hash(entry)})  # ASCII: half a surrogate pair has no UTF-8
        with self._lock, self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed
            self._read_on(file.fileno())
            if _torn(file.fileno()):  # the last writer was killed: what it left is a line by itself
                line = "\n" + line
            file.write(f"{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())
            self._read_on(file.fileno())

    def _read_on(self, handle: int) -> None:
        """Take in the whole lines that stand behind what was read before."""
        size = os.fstat(handle).st_size
        fresh = os.pread(handle, size - self._read_bytes, self._read_bytes)
        whole = fresh.rfind(b"\n") + 1
        for raw in fresh[:whole].splitlines():
            self._line += 1
            if raw.strip():
                self._take(raw)
        self._read_bytes += whole

    def _take(self, raw: bytes) -> None:
        try:
            entry = json.loads(raw)
            check, key, payer = entry.pop("check"), entry.pop("key"), entry.pop("payer")
            reply = Reply(**entry)
            if check != _hash({"key": key, "payer": payer, **asdict(reply)}):
                raise ValueError("its checksum is another")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._warn(f"{self.path}:{self._line}: damaged ({error}); what it held is asked for again")
            return
        self._replies.setdefault(key, reply)  # of two answers to one question the first counts, always
        if payer == self.payer:
            self.spent = self.spent.with_reply(reply)


def _torn(handle: int) -> bool:
    size = os.fstat(handle).st_size
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"


def _hash(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
