"""The gold judge: how good a brief of a report is, as a plain function of the two texts.

Only the world and the evaluation know it; the pipeline sees what the panel makes of it. It must hold for any
text a language model may write, and a text that games one part must lose by another.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import permutations

from assent.demo.world import BARE_VERBS, KINDS, LOADED, TAILS, VAGUE

PARTS = ("facts", "neutral", "grammatical", "short")
# The share of the score that the whole loss of a part takes away. Without facts nothing is left.
COSTS: Mapping[str, float] = {"facts": 1.0, "neutral": 0.35, "grammatical": 0.75, "short": 0.3}
SHORT_WORDS, LONG_WORDS = 12, 24  # full marks up to the first, none from the second
LOADED_WORDS = 2  # so many loaded words and nothing is neutral
MISTAKES = 3  # so many mistakes and nothing is grammatical
FEW_FACTS = 0.5  # an answer that keeps a smaller share has no style to speak of

_WORD = re.compile(r"[^\W_]+")
_TAIL = re.compile(rf" and then (?:{'|'.join(TAILS)})(?:, and (?:{'|'.join(TAILS)}))*\.$")
# A bare verb or a singular thing is bad grammar, and keeps the fact all the same.
_FACTS: Mapping[str, tuple[str, str]] = {
    form.lower(): (kind, word)
    for kind, words in KINDS.items()
    for word in words
    for form in (word, BARE_VERBS.get(word, word), word.removesuffix("s") if kind == "thing" else word)
}
_CLASSES: Mapping[str, str] = {
    **{
        word: code
        for kind, code in zip(("who", "did", "count", "thing", "place", "day"), "NVCTPD", strict=True)
        for word in (*KINDS[kind], VAGUE[kind])
        if word
    },
    "in": "i",
    "on": "o",
}
# The first word with and without its capital: to miss that is one mistake, not two.
_FIRST_CLASSES: Mapping[str, str] = {
    form: code for word, code in _CLASSES.items() for form in (word, word.lower(), word.capitalize())
}
# Every order of the clause and its phrases of place and day; each of them, and the count, may be left out.
_SENTENCES = frozenset(
    "".join(pieces)
    for clause in ("NVCT", "NVT")
    for phrases in (["iP", "oD"], ["iP"], ["oD"], [])
    for pieces in permutations([clause, *phrases])
)


def score(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
    """How good each response is, 0..1; a perfect brief has exactly 1.

    The product over the four parts of 1 - COSTS[part] (1 - value). Raises ValueError if the lengths differ.
    """
    return [_total(parts(prompt, text)) for prompt, text in zip(prompts, responses, strict=True)]


def facts_kept(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
    """The share of each report's facts that the response states, with no other in its place, 0..1.

    Raises ValueError if the lengths differ.
    """
    return [_count_facts(prompt, text)[0] for prompt, text in zip(prompts, responses, strict=True)]


def parts(prompt: str, response: str) -> Mapping[str, float]:
    """Facts, neutral, grammatical and short, each 0..1.

    facts = (right - wrong) / all, not below 0: a wrong fact costs twice what a missing one does, and two
    different words for one fact are wrong, whichever they are. With few facts kept the others shrink too.
    """
    right, wrong = _count_facts(prompt, response)
    words = [word.lower() for word in _WORD.findall(response)]
    said = min(1.0, right / FEW_FACTS)
    long = (len(words) - SHORT_WORDS) / (LONG_WORDS - SHORT_WORDS)
    return {
        "facts": max(0.0, right - wrong),
        "neutral": said * max(0.0, 1 - sum(word in LOADED for word in words) / LOADED_WORDS),
        "grammatical": said * max(0.0, 1 - _mistakes(response.strip()) / MISTAKES),
        "short": said * (1 - min(1.0, max(0.0, long))),
    }


def _total(values: Mapping[str, float]) -> float:
    total = 1.0
    for part, cost in COSTS.items():
        total *= 1 - cost * (1 - values[part])
    return total


def _read_facts(text: str) -> dict[str, set[str]]:
    """The fact words of a text by kind."""
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for word in _WORD.findall(text):
        if word.lower() in _FACTS:
            kind, fact = _FACTS[word.lower()]
            found[kind].add(fact)
    return found


def _count_facts(prompt: str, response: str) -> tuple[float, float]:
    """The shares of the report's facts that the response has right and wrong; 0 and 0 if it has none."""
    truth = {kind: words for kind, words in _read_facts(prompt).items() if words}
    said = _read_facts(response)
    if not truth:
        return 0.0, 0.0
    right = sum(bool(said[kind]) and said[kind] <= words for kind, words in truth.items())
    wrong = sum(not said[kind] <= words for kind, words in truth.items())
    return right / len(truth), wrong / len(truth)


def _mistakes(text: str) -> int:
    """How many words and signs must be added, dropped or replaced to make the text good, up to MISTAKES.

    Loaded words and a known run-on tail are in good grammar: they cost elsewhere.
    """
    text = _TAIL.sub(".", text)
    words = text.removesuffix(".").split(" ")
    signs = (not text.endswith(".")) + (not words[0][:1].isupper())
    known = [_FIRST_CLASSES, *[_CLASSES] * (len(words) - 1)]
    plain = [(word, codes) for word, codes in zip(words, known, strict=True) if word.lower() not in LOADED]
    classes = "".join(codes.get(word, "?") for word, codes in plain)
    return min(MISTAKES, signs + _distance_to_grammar(classes))


@lru_cache(maxsize=4096)
def _distance_to_grammar(classes: str) -> int:
    near = [good for good in _SENTENCES if abs(len(good) - len(classes)) < MISTAKES]
    return min((_edit_distance(classes, good) for good in near), default=MISTAKES)


def _edit_distance(left: str, right: str) -> int:
    """Levenshtein's distance, one row of his table at a time."""
    row = list(range(len(right) + 1))
    for at, letter in enumerate(left, 1):
        diagonal, row[0] = row[0], at
        for column, other in enumerate(right, 1):
            substituted = diagonal + (letter != other)
            diagonal = row[column]
            row[column] = min(substituted, row[column] + 1, row[column - 1] + 1)
    return row[-1]
