"""The files that a project can give, in words. `exports.py` writes them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from assent.feedback.exchange.export import STYLES, kinds_of

WORDS = {
    "judgements": (gettext_lazy("Judgements"), gettext_lazy("each person's last word on each item")),
    "votes": (gettext_lazy("Votes"), gettext_lazy("a row an item, with the share of each answer")),
    "ties": (gettext_lazy("Ties"), gettext_lazy("neither is better; they count as half votes")),
    "both_bad": (gettext_lazy("Both bad"), gettext_lazy("kept apart, never a choice")),
    "cannot_judge": (gettext_lazy("Cannot judge"), gettext_lazy("kept apart, never a choice")),
    "edits": (gettext_lazy("Comparisons"), gettext_lazy("the mended answer against the original")),
    "implicit": (
        gettext_lazy("What people did"),
        gettext_lazy("thumbs; and copies, clicks and time of those who agreed"),
    ),
    "chats": (gettext_lazy("Chats"), gettext_lazy("whole, with thumbs and the model's name")),
    "thumb_pairs": (
        gettext_lazy("Pairs of thumbs"),
        gettext_lazy("two answers to the same words, one up and one down"),
    ),
    "implicit_pairs": (
        gettext_lazy("Implicit pairs"),
        gettext_lazy("what people went on from, after another answer; of those who agreed; no judgement"),
    ),
    "gold": (gettext_lazy("Gold"), gettext_lazy("answers to items whose answer is known")),
    "qualification": (gettext_lazy("Qualification"), gettext_lazy("answers to practice and test items")),
    "surplus": (gettext_lazy("Surplus"), gettext_lazy("came when an item had all its judgements")),
    "skips": (gettext_lazy("Skipped"), gettext_lazy("with reasons")),
    "flags": (gettext_lazy("Flagged"), gettext_lazy("what is wrong with an item")),
    "guidelines": (gettext_lazy("Guidelines"), gettext_lazy("every version")),
}


@dataclass(frozen=True)
class Export:
    """One file."""

    kind: str
    title: Any
    hint: Any
    empty: bool


def exports_of(task: str, empty: Collection[str]) -> list[Export]:
    """Those for training first."""
    there = kinds_of(task)
    return [Export(kind, *words, kind in empty) for kind, words in WORDS.items() if kind in there]


def styles_of(task: str, empty: Collection[str]) -> list[Export]:
    """The judgements as other programs read them, by the names that these have for it."""
    return [Export(kind, kind, "", kind in empty) for kind in STYLES.get(task, {})]
