"""Answers held against the expected ones: 1 where they are the same, 0 where not."""

import re
import string
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator

from assent.config import DataFile, Settings
from assent.errors import RewardError, UserError
from assent.rewards.patterns import compiled, matches

# 12, -3.5, 1,234,567.8, .5, 2e6
NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
ARTICLES = re.compile(r"\b(a|an|the)\b", re.IGNORECASE)  # as in SQuAD, arXiv:1606.05250


class ExactMatch(Settings):
    """The answer is one of those expected for its prompt.

    `expected` holds rows of `input_text`, `output_text`; several rows of one prompt are several right
    answers.
    """

    kind: Literal["exact_match"]
    expected: DataFile
    extract: str | None = None  # what counts of the answer: the group of the last match, `Answer: (.*)`
    ignore_case: bool = True
    ignore_spaces: bool = True  # several are one, and none count at the ends
    ignore_punctuation: bool = False
    ignore_articles: bool = False  # a, an, the
    tolerance: float | None = Field(default=None, ge=0, allow_inf_nan=False)  # numbers this near are the same

    @model_validator(mode="after")
    def _consistent(self) -> "ExactMatch":
        if self.extract is not None and compiled(self.extract).groups != 1:
            raise ValueError(f"extract: {self.extract!r} needs one group in brackets, which is the answer")
        if self.tolerance is not None and (self.ignore_punctuation or self.ignore_articles):
            raise ValueError(
                "tolerance compares numbers: ignore_punctuation and ignore_articles do not apply"
            )
        return self

    def plain(self, text: str) -> str:
        """Text as it is compared; the order is that of SQuAD's own program."""
        text = unicodedata.normalize("NFC", text)
        if self.ignore_case:
            text = text.casefold()
        if self.ignore_punctuation:
            text = "".join(character for character in text if not _is_punctuation(character))
        if self.ignore_articles:
            text = ARTICLES.sub(" ", text)
        return " ".join(text.split()) if self.ignore_spaces else text


class ExactMatchReward:
    """Compares with `expected`: the right answers by the prompt's text.

    Raises:
        UserError: with `tolerance`, an expected answer that is no number, naming the prompt.
    """

    def __init__(self, settings: ExactMatch, expected: Mapping[str, Sequence[str]]):
        self.settings, self.expected = settings, expected
        for prompt, answers in expected.items() if settings.tolerance is not None else ():
            wrong = [answer for answer in answers if number_in(answer) is None]
            if wrong:
                raise UserError(
                    f"{settings.expected}: {prompt!r:.80}: tolerance compares numbers, and the expected "
                    f"answer {wrong[0]!r:.80} is none"
                )

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        """Raises RewardError for a prompt that has no expected answer, and where a pattern finds no end."""
        unknown = [prompt for prompt in prompts if prompt not in self.expected]
        if unknown:
            raise RewardError(
                f"exact_match: {self.settings.expected} has no expected answer to {unknown[0]!r:.200} "
                f"({len(unknown)} of {len(prompts)} prompts): add a row with this input_text"
            )
        told = self._extracted(responses)
        return [
            float(text is not None and any(self._same(text, right) for right in self.expected[prompt]))
            for prompt, text in zip(prompts, told, strict=True)
        ]

    def _extracted(self, responses: Sequence[str]) -> list[str | None]:
        if self.settings.extract is None:
            return list(responses)
        return [None if found is None else found[1] for found in matches(self.settings.extract, responses)]

    def _same(self, text: str, right: str) -> bool:
        if self.settings.tolerance is None:
            return self.settings.plain(text) == self.settings.plain(right)
        told, meant = number_in(text), number_in(right)
        return told is not None and meant is not None and abs(told - meant) <= self.settings.tolerance


def number_in(text: str) -> float | None:
    """The number that the whole text is, commas between thousands allowed; None where it is none."""
    text = text.strip()
    if not NUMBER.fullmatch(text) or not any(character.isdigit() for character in text):
        return None
    try:
        return float(text.replace(",", ""))
    except ValueError:  # such as `e5`, which has no number before the e
        return None


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character)[0] == "P"
