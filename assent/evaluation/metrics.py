"""Numbers that need no judge."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def distinct(texts: Sequence[str], n: int) -> float | None:
    """The share of different n-grams among all n-grams of words: arXiv:1510.03055. None without any."""
    grams = [
        tuple(words[start : start + n])
        for words in (text.split() for text in texts)
        for start in range(len(words) - n + 1)
    ]
    return len(set(grams)) / len(grams) if grams else None


def nearest_cosine(one: Float[np.ndarray, " width"], others: Float[np.ndarray, "other width"]) -> float:
    """The cosine of a vector with the one among others that points most its way; a vector of 0 gives 0."""
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(one)
    return float(np.max(others @ one / np.where(lengths == 0, 1, lengths)))
