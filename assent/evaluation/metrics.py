"""Numbers that need no judge."""

from collections.abc import Sequence


def distinct(texts: Sequence[str], n: int) -> float | None:
    """The share of different n-grams among all n-grams of words: arXiv:1510.03055. None without any."""
    grams = [
        tuple(words[start : start + n])
        for words in (text.split() for text in texts)
        for start in range(len(words) - n + 1)
    ]
    return len(set(grams)) / len(grams) if grams else None
