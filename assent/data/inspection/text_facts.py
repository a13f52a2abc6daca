"""What can be told of texts at a glance: how long, in which script, and what looks broken about them."""

import re
from collections import Counter
from typing import Any, NamedTuple

from assent.records import UNSPACED

_IDEOGRAPH = re.compile(f"[{UNSPACED}]")
_CJK_MARKS = re.compile("[\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\u30fb\u00b7]")
_SCRIPTS = {
    "Latin": re.compile("[A-Za-z\u00c0-\u024f]"),
    "Chinese or Japanese": _IDEOGRAPH,
    "Korean": re.compile("[\u1100-\u11ff\uac00-\ud7af]"),
    "Cyrillic": re.compile("[\u0400-\u052f]"),
    "Greek": re.compile("[\u0370-\u03ff]"),
    "Arabic": re.compile("[\u0600-\u06ff\u0750-\u077f]"),
    "Hebrew": re.compile("[\u0590-\u05ff]"),
    "Indic": re.compile("[\u0900-\u0dff]"),
    "Thai": re.compile("[\u0e00-\u0e7f]"),
}
_CHARACTERS_FOR_SCRIPT = 400  # enough to tell, and cheap where a text is long

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# UTF-8 that was read as Latin-1 or Windows-1252: "Ã¤" for "ä", "â€™" for "’", "ä½\xa0" for "你"; and U+FFFD.
# Of what follows "Ã" in Windows-1252, dots, dashes and quotation marks are left out: they may end "IRMÃ…".
_MOJIBAKE = re.compile(
    "\ufffd|[\u00c2\u00c3][\u0080-\u00bfƒ†‡ˆ‰ŠŒŽ˜™šœžŸ€‹›‚„]|\u00e2\u20ac|[\u00e0-\u00ef][\u0080-\u00bf]{2}"
)


class Text(NamedTuple):
    """A text, split once for all that is counted of it."""

    text: str
    folded: str  # one space for any white space, no case: what differs only so is the same text
    words: int  # between white space; an ideograph is a word

    @property
    def empty(self) -> bool:
        return not self.folded

    @property
    def unfinished(self) -> bool:
        """Ends with a letter, a digit or a comma."""
        return bool(self.folded) and (self.folded[-1].isalnum() or self.folded[-1] in ",，、")


def text_facts(text: str) -> Text:
    pieces = text.split()
    folded = " ".join(pieces).casefold()
    return Text(text, folded, len(pieces) if text.isascii() else words_of(text))


def words_of(text: str) -> int:
    """Words between white space and, where there is none, as in Chinese, characters."""
    rest, ideographs = _IDEOGRAPH.subn(" ", _CJK_MARKS.sub(" ", text))
    return ideographs + len(rest.split())


def script_of(text: str) -> str:
    """The script of most of its letters; "" where there are none."""
    beginning = text[:_CHARACTERS_FOR_SCRIPT]
    if beginning.isascii():
        return "Latin" if _SCRIPTS["Latin"].search(beginning) else ""
    counts = {name: len(pattern.findall(beginning)) for name, pattern in _SCRIPTS.items()}
    found = max(counts, key=lambda name: counts[name])
    return found if counts[found] else "other"


def broken(text: str) -> str:
    """`mojibake`, `control` or "": how its characters were damaged on their way here."""
    if not text.isascii() and _MOJIBAKE.search(text):
        return "mojibake"
    return "control" if not text.isprintable() and _CONTROL.search(text) else ""


class Lengths:
    """How many texts are how long: exact quantiles in the memory of one number a length."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def add(self, length: int) -> None:
        self.counts[length] += 1

    def summary(self) -> dict[str, float] | None:
        """min, median, p95 (the smallest length that 95% do not exceed), max and mean; None of nothing."""
        total = sum(self.counts.values())
        if not total:
            return None
        return {
            "min": min(self.counts),
            "median": (self._at((total + 1) // 2) + self._at(total // 2 + 1)) / 2,
            "p95": self._at(-(-95 * total // 100)),
            "max": max(self.counts),
            "mean": sum(length * count for length, count in self.counts.items()) / total,
        }

    def _at(self, rank: int) -> int:
        """The length of the text at this place in their order, from 1."""
        seen = 0
        for length in sorted(self.counts):
            seen += self.counts[length]
            if seen >= rank:
                return length
        raise IndexError(rank)


class Noted:
    """How often something was found, and where first."""

    def __init__(self) -> None:
        self.count = 0
        self.example = ""

    def add(self, where: str) -> None:
        self.count += 1
        self.example = self.example or where

    def facts(self) -> dict[str, Any]:
        return {"count": self.count, "example": self.example or None}


class Pile:
    """Texts that end unfinished at one and the same greatest length: a limit cut them.

    Texts that people and models end themselves thin out towards the longest. A limit leaves a pile there:
    at the greatest length several unfinished texts, far more than at the length below.
    """

    LEAST = 3  # texts
    TIMES = 3  # as many as one below

    def __init__(self, unit: str, shortest: int) -> None:
        self.unit = unit
        self._shortest = shortest  # short texts share lengths by chance
        self._unfinished: Counter[int] = Counter()
        self._where = ""  # of the first at the greatest length
        self._greatest = 0

    def add(self, length: int, unfinished: bool, where: str) -> None:
        if length > self._greatest:
            self._greatest, self._where = length, ""
        if unfinished:
            self._unfinished[length] += 1
            if length == self._greatest:
                self._where = self._where or where

    def facts(self) -> dict[str, Any] | None:
        count, below = self._unfinished[self._greatest], self._unfinished[self._greatest - 1]
        if self._greatest < self._shortest or count < max(self.LEAST, self.TIMES * below):
            return None
        return {"count": count, "example": self._where, "length": self._greatest, "unit": self.unit}
