"""Which exports a project of each task has, in words. The pages of `exports.py` write them."""

from typing import Any

from django.utils.translation import gettext_lazy

_PAIRS = (
    ("ties", gettext_lazy("Ties"), gettext_lazy("neither is better; they count as half votes")),
    ("both_bad", gettext_lazy("Both bad"), gettext_lazy("kept apart, never a choice")),
    ("cannot_judge", gettext_lazy("Cannot judge"), gettext_lazy("kept apart, never a choice")),
)
_QUALITY = (
    ("gold", gettext_lazy("Gold"), gettext_lazy("answers to items whose answer is known")),
    ("qualification", gettext_lazy("Qualification"), gettext_lazy("answers to practice and test items")),
)
_REST = (
    ("surplus", gettext_lazy("Surplus"), gettext_lazy("came after all judgements of the item were there")),
    ("skips", gettext_lazy("Skipped"), gettext_lazy("with reasons")),
    ("flags", gettext_lazy("Flagged"), gettext_lazy("what is wrong with an item")),
    ("guidelines", gettext_lazy("Guidelines"), gettext_lazy("every version")),
)
_TALK = (
    (
        "implicit",
        gettext_lazy("What people did"),
        gettext_lazy("thumbs; and copies, clicks and time of those who agreed"),
    ),
    ("guidelines", gettext_lazy("Guidelines"), gettext_lazy("every version")),
)
_MENDED = (("edits", gettext_lazy("Comparisons"), gettext_lazy("the mended answer against the original")),)


def exports_of(task: str) -> tuple[tuple[str, Any, Any], ...]:
    """(kind, name, hint) of the files a project can give, the one for training first."""
    last_words = (
        "judgements",
        gettext_lazy("Judgements"),
        gettext_lazy("the last word of each person on each item"),
    )
    return {
        "pairwise": (last_words, *_PAIRS, *_QUALITY, *_REST),
        "ranking": (last_words, *_QUALITY, *_REST),
        "rating": (last_words, *_QUALITY, *_REST),
        "demonstration": (last_words, *_REST),
        "edit": (last_words, *_MENDED, *_REST),
        "chat": _TALK,
    }[task]
