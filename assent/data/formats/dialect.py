"""What a format is, and what the functions that read formats have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from assent.data.files.containers import Row
from assent.errors import UserError

Noun = Literal["prompts", "candidates", "demonstrations", "comparisons", "ratings", "labelled"]

IDENTITY = ("id", "prompt_id", "instruction_id", "example_id", "uuid")
ANNOTATOR = ("annotator", "annotator_id", "worker", "worker_id", "user_id", "labeler")
TOLD = (
    *("item", "seconds", "strength", "criterion"),
    *("source", "subset", "category", "topic", "title", "subreddit"),
)
SCORES = (
    *("score_chosen", "score_rejected", "chosen_score", "rejected_score"),
    *("chosen-rating", "rejected-rating", "chosen_rating", "rejected_rating", "margin"),
)


@dataclass(frozen=True)
class Dialect:
    """One known format."""

    name: str  # as `assent convert --from` and `--to` take it
    noun: Noun
    example: str  # a row, for documents and errors
    recognises: Callable[[Row], bool]  # by its keys and their types, never by guessing at values
    translate: Callable[[Row, str], list[Row]]  # (row, where) -> rows of our own format
    # meant to be in this format where such records are wanted, and not whole: its parser says what is amiss
    near: Callable[[Row], bool] = lambda _: False


def first(row: Row, keys: tuple[str, ...]) -> str | None:
    """The first of `keys` that holds a text or a list; where there are several, the order decides."""
    return next((key for key in keys if isinstance(row.get(key), (str, list))), None)


_KEPT = frozenset((*IDENTITY, *ANNOTATOR, *TOLD, *SCORES, "author", "meta", "metadata"))


def beside(row: Row) -> Row:
    """What a foreign row tells of itself, where our own rows keep it: `id`, `author` and `meta`."""
    if _KEPT.isdisjoint(row):
        return {}
    meta = row.get("metadata")
    known = dict(meta) if isinstance(meta, dict) else {}
    if row.get("meta") is not None:
        if not isinstance(row["meta"], dict):
            return {"meta": row["meta"]}  # the parser of our own rows says what is wrong with it
        known |= row["meta"]
    known |= {key: row[key] for key in (*TOLD, *SCORES) if row.get(key) is not None}
    annotator = next((row[key] for key in ANNOTATOR if row.get(key) is not None), None)
    if annotator is not None:
        known["annotator"] = str(annotator)
    identity = next((row[key] for key in IDENTITY if row.get(key) is not None), None)
    named = {} if identity is None else {"id": str(identity)}
    written = {"author": row["author"]} if isinstance(row.get("author"), str) else {}
    return named | written | ({"meta": known} if known else {})


def required(row: Row, keys: tuple[str, ...], where: str) -> str:
    """The first of `keys` that holds a text or a list."""
    key = first(row, keys)
    if key is None:
        raise UserError(f"{where}: expected {' or '.join(keys)}, found the keys {', '.join(row) or 'none'}")
    return key


def text(value: Any, what: str) -> str:
    """A text, or an error that begins with `what`."""
    if not isinstance(value, str):
        raise UserError(f"{what}: expected text, found {value!r}")
    return value
