"""Which exports a project of each task has, in words. The pages of `exports.py` write them."""

from typing import Any

from django.utils.translation import gettext_lazy as later

_PAIRS = (
    ("ties", later("Ties"), later("neither is better; they count as half votes")),
    ("both_bad", later("Both bad"), later("kept apart, never a choice")),
    ("cannot_judge", later("Cannot judge"), later("kept apart, never a choice")),
)
_QUALITY = (
    ("gold", later("Gold"), later("answers to items whose answer is known")),
    ("qualification", later("Qualification"), later("answers to practice and test items")),
)
_REST = (
    ("surplus", later("Surplus"), later("came after all judgements of the item were there")),
    ("skips", later("Skipped"), later("with reasons")),
    ("flags", later("Flagged"), later("what is wrong with an item")),
    ("guidelines", later("Guidelines"), later("every version")),
)
_TALK = (
    ("implicit", later("What people did"), later("thumbs; and copies, clicks and time of those who agreed")),
    ("guidelines", later("Guidelines"), later("every version")),
)
_MENDED = (("edits", later("Comparisons"), later("the mended answer against the original")),)


def exports_of(task: str) -> tuple[tuple[str, Any, Any], ...]:
    """(kind, name, hint) of the files a project can give, the one for training first."""
    last_words = ("judgements", later("Judgements"), later("the last word of each person on each item"))
    return {
        "pairwise": (last_words, *_PAIRS, *_QUALITY, *_REST),
        "ranking": (last_words, *_QUALITY, *_REST),
        "rating": (last_words, *_QUALITY, *_REST),
        "demonstration": (last_words, *_REST),
        "edit": (last_words, *_MENDED, *_REST),
        "chat": _TALK,
    }[task]
