"""Ready-made rewards that need no model: length, repetition, format, words. 1 is best, 0 is worst.

Only `words` goes beyond: below 0 for unwanted words, above 1 where it counts. `exact_match` and
`tests_pass` have files of their own.
"""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from assent.config import DataFile, Settings
from assent.errors import UserError
from assent.rewards.exact_match import ExactMatch
from assent.rewards.patterns import compiled, matches
from assent.rewards.tests_pass import TestsPass

Unit = Literal["words", "characters"]  # words: what spaces part; Chinese or Thai is counted in characters


def pieces(text: str, unit: Unit) -> list[str]:
    return text.split() if unit == "words" else list(text)


class Length(Settings):
    """1 from `least` to `most`; outside it falls in a straight line, to 0 at `falls_over` units away."""

    kind: Literal["length"]
    unit: Unit = "words"
    least: int = Field(default=0, ge=0)
    most: int | None = Field(default=None, ge=0)  # None: there is no upper end
    falls_over: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _some_range(self) -> "Length":
        if self.most is None and not self.least:
            raise ValueError("give least or most: any length is full marks without them")
        if self.most is not None and self.most < self.least:
            raise ValueError(f"most: {self.most} is below least, {self.least}")
        return self

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:  # noqa: ARG002
        return [self._score(len(pieces(response, self.unit))) for response in responses]

    def _score(self, length: int) -> float:
        over = 0 if self.most is None else length - self.most
        return max(0.0, 1.0 - max(0, over, self.least - length) / self.falls_over)


class Repetition(Settings):
    """1 minus the share of n-grams that stood earlier in the answer: distinct-n of arXiv:1510.03055.

    An answer too short to hold an n-gram repeats nothing: 1. Case does not count.
    """

    kind: Literal["repetition"]
    unit: Unit = "words"
    ngram: int = Field(default=3, ge=1)

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:  # noqa: ARG002
        return [self._score(pieces(response.casefold(), self.unit)) for response in responses]

    def _score(self, units: Sequence[str]) -> float:
        starts = range(len(units) - self.ngram + 1)
        grams = [tuple(units[start : start + self.ngram]) for start in starts]
        return len(set(grams)) / len(grams) if grams else 1.0


class Format(Settings):
    """The share of the given checks that hold, each 1 or 0. Spaces around the answer do not count."""

    kind: Literal["format"]
    pattern: str | None = None  # a regular expression, held against the answer for 10 s a batch at most
    whole: bool = False  # the pattern is the whole answer, rather than a place in it
    valid_json: bool = False  # NaN and Infinity are no JSON
    required_keys: tuple[str, ...] = ()  # the answer is a JSON object that has all of them
    starts_with: str | None = None
    ends_with: str | None = None

    @model_validator(mode="after")
    def _some_check(self) -> "Format":
        if self.pattern is not None:
            compiled(self.pattern)
        elif self.whole:
            raise ValueError("whole: there is no pattern that it could be about")
        if not (self.pattern or self.valid_json or self.required_keys or self.starts_with or self.ends_with):
            raise ValueError("give one of pattern, valid_json, required_keys, starts_with, ends_with")
        return self

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:  # noqa: ARG002
        texts = [response.strip() for response in responses]
        checks = [self._simple_checks(text) for text in texts]
        if self.pattern:
            found = matches(self.pattern, texts, self.whole)
            checks = [[*held, match is not None] for held, match in zip(checks, found, strict=True)]
        return [sum(held) / len(held) for held in checks]

    def _simple_checks(self, text: str) -> list[bool]:
        held: list[bool] = []
        if self.valid_json or self.required_keys:
            is_json, value = _read_json(text)
            held += [is_json] if self.valid_json else []
            if self.required_keys:
                held.append(isinstance(value, dict) and value.keys() >= set(self.required_keys))
        held += [text.startswith(self.starts_with)] if self.starts_with else []
        held += [text.endswith(self.ends_with)] if self.ends_with else []
        return held


def _read_json(text: str) -> tuple[bool, Any]:
    try:
        return True, json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False, None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


class Words(Settings):
    """Wanted words found minus unwanted words found; a "word" may be several: `in the end`.

    A whole word has no letter, digit or accent of its script beside it; an apostrophe ends a word.
    """

    kind: Literal["words"]
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    wanted_file: DataFile | None = None  # more of them: one a line, UTF-8
    unwanted_file: DataFile | None = None
    count: Literal["once", "each"] = "once"  # a word counts once, or each time it stands there
    measure: Literal["share", "number"] = "share"  # of the listed words (once), of the answer's words (each)
    fold_case: bool = True
    whole_words: bool = True  # False for scripts without spaces

    @model_validator(mode="after")
    def _some_words(self) -> "Words":
        if not (self.wanted or self.unwanted or self.wanted_file or self.unwanted_file):
            raise ValueError("give wanted, unwanted, or a file of them")
        if any(not word.strip() for word in (*self.wanted, *self.unwanted)):
            raise ValueError("an empty word stands everywhere: take it out")
        return self

    def reward(self) -> "WordList":
        return WordList(
            self, self._all(self.wanted, self.wanted_file), self._all(self.unwanted, self.unwanted_file)
        )

    def _all(self, given: Sequence[str], file: DataFile | None) -> list[str]:
        return list(dict.fromkeys(self.plain(word) for word in (*given, *(_lines(file) if file else ()))))

    def plain(self, text: str) -> str:
        """Text in which words are compared: one spelling of each letter, single spaces."""
        text = " ".join(unicodedata.normalize("NFC", text).split())
        return unicodedata.normalize("NFC", text.casefold()) if self.fold_case else text


class WordList:
    """The reward of `Words`, its files read."""

    def __init__(self, settings: Words, wanted: Sequence[str], unwanted: Sequence[str]):
        self.settings, self.wanted, self.unwanted = settings, wanted, unwanted

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:  # noqa: ARG002
        texts = [self.settings.plain(response) for response in responses]
        return [self._found(self.wanted, text) - self._found(self.unwanted, text) for text in texts]

    def _found(self, words: Sequence[str], text: str) -> float:
        times = [occurrences(word, text, self.settings.whole_words) for word in words]
        once = self.settings.count == "once"
        found = sum(min(time, 1) for time in times) if once else sum(times)
        if self.settings.measure == "number":
            return float(found)
        return found / max(1, len(words) if once else len(text.split()))


def occurrences(word: str, text: str, whole: bool) -> int:
    """How often `word` stands in `text`, places that overlap counted once."""
    count, start = 0, text.find(word)
    while start >= 0:
        end = start + len(word)
        inside = whole and (_joined(text, start) or _joined(text, end))
        count += not inside
        start = text.find(word, start + 1 if inside else end)
    return count


def _joined(text: str, place: int) -> bool:
    """Whether the characters before and at `place` belong to one word."""
    return 0 < place < len(text) and _is_letter(text[place - 1]) and _is_letter(text[place])


def _is_letter(character: str) -> bool:
    """Letters, digits, underscore, and marks: the vowels of Hindi and many accents are marks."""
    return character == "_" or unicodedata.category(character)[0] in "LNM"


def _lines(file: str) -> list[str]:
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8: {error.reason} at byte {error.start}") from None
    words = [line.strip() for line in text.splitlines() if line.strip()]
    if not words:
        raise UserError(f"{file}: no words there: expected one a line")
    return words


Rule = Annotated[Length | Repetition | Format | Words | ExactMatch | TestsPass, Field(discriminator="kind")]
