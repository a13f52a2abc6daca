"""Questions to live people and their answers, as files: what the app, or any script, serves.

    human/questions/<id>.json   {"id", "reward", "question", "prompt", "response", "scale": [lowest, highest]}
    human/answers/<id>.json     {"id", "score": a number on the scale, "annotator": "..."}
    human/journal.jsonl         every score that was used, one a line; it only grows

A question lies there as long as somebody waits for it. Whoever writes an answer by other means than
`Inbox.answer` writes it under a name that begins with a dot, then renames it: a file is whole or not there.
"""

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assent.errors import RewardError, UserError

LONGEST_ANSWER_BYTES = 64 * 2**10


class Inbox:
    """The folder that people are asked through."""

    def __init__(self, folder: Path):
        self.folder, self.questions, self.answers = folder, folder / "questions", folder / "answers"
        for place in (self.questions, self.answers):
            place.mkdir(parents=True, exist_ok=True)

    def ask(self, question: Mapping[str, Any]) -> None:
        """Put a question there, if it is not there already."""
        path = self._question(question["id"])
        if not path.exists():
            _write(path, question)

    def open(self) -> list[dict[str, Any]]:
        """The questions that somebody waits for, in a fixed order."""
        found = []
        for path in sorted(self.questions.glob("*.json")):
            try:
                found.append(json.loads(path.read_text(encoding="utf-8")))
            except FileNotFoundError:
                continue  # answered meanwhile
        return found

    def answer(self, question: str, score: float, annotator: str = "") -> None:
        """Answer the open question of this id.

        Raises:
            UserError: nobody waits for it (any more).
        """
        if not question.isalnum() or not self._question(question).exists():
            raise UserError(
                f"{self.folder}: no open question {question}: it was answered, or its deadline is over"
            )
        _write(self._answer(question), {"id": question, "score": score, "annotator": annotator})

    def answered(self, question: str, scale: tuple[float, float]) -> tuple[float, str] | None:
        """(score, annotator), or None while there is no answer.

        Raises:
            RewardError: the file is no answer on the scale; named, with what was expected.
        """
        path = self._answer(question)
        try:
            with path.open("rb") as file:
                raw = file.read(LONGEST_ANSWER_BYTES + 1)
        except FileNotFoundError:
            return None
        try:
            if len(raw) > LONGEST_ANSWER_BYTES:
                raise ValueError(f"more than {LONGEST_ANSWER_BYTES >> 10} KiB")
            said = json.loads(raw)
            if not isinstance(said, dict) or not isinstance(said.get("annotator", ""), str):
                raise ValueError('expected {"score": number, "annotator": text}')
            return on_scale(said.get("score"), scale), said.get("annotator", "")
        except (ValueError, RecursionError) as error:
            raise RewardError(f"{path}: no answer: {error}; mend or delete it, and run again") from None

    def left(self) -> list[str]:
        """The ids of all answers that lie there."""
        return sorted(path.stem for path in self.answers.glob("*.json"))

    def close(self, question: str) -> None:
        self._question(question).unlink(missing_ok=True)
        self._answer(question).unlink(missing_ok=True)

    def _question(self, question: str) -> Path:
        return self.questions / f"{question}.json"

    def _answer(self, question: str) -> Path:
        return self.answers / f"{question}.json"


def on_scale(score: Any, scale: tuple[float, float]) -> float:
    """Raises ValueError for what is no number on the scale."""
    number = isinstance(score, int | float) and not isinstance(score, bool)
    if not number or not math.isfinite(score) or not scale[0] <= score <= scale[1]:
        raise ValueError(f"score: expected a number from {scale[0]:g} to {scale[1]:g}, found {score!r:.100}")
    return float(score)


class Journal:
    """The scores that were used, by question. Each is on disk before it counts; processes may share it."""

    def __init__(self, path: Path, warn: Callable[[str], None]):
        self.path, self._warn = path, warn
        self.rows: dict[str, dict[str, Any]] = {}
        self._read_bytes, self._line = 0, 0

    def refresh(self) -> None:
        """Read what was added since, by this process or another."""
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            self._read_on(file.fileno())

    def add(self, row: Mapping[str, Any]) -> None:
        """Keep the score of a question, `row["id"]`; of two for one question the first counts."""
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._read_on(file.fileno())
            if row["id"] in self.rows:
                return
            torn = self._read_bytes < os.fstat(file.fileno()).st_size  # by a kill: a line by itself
            file.write(("\n" if torn else "").encode() + _signed(row).encode())
            file.flush()
            os.fsync(file.fileno())
            self._read_on(file.fileno())

    def _read_on(self, handle: int) -> None:
        fresh = os.pread(handle, os.fstat(handle).st_size - self._read_bytes, self._read_bytes)
        whole = fresh.rfind(b"\n") + 1
        self._read_bytes += whole
        for raw in fresh[:whole].splitlines():
            self._line += 1
            try:
                row = json.loads(raw)
                if row.pop("check") != _check(row):
                    raise ValueError("its checksum is another")
                self.rows.setdefault(row["id"], row)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self._warn(f"{self.path}:{self._line}: damaged ({error}); it is asked for again")


def key_of(question: Mapping[str, Any]) -> str:
    """The id of a question: the first 32 hexadecimal digits of the SHA-256 of all that it says."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:32]


def _signed(row: Mapping[str, Any]) -> str:
    return json.dumps({**row, "check": _check(row)}) + "\n"


def _check(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:16]


def _write(path: Path, value: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
