"""Judged pairs as the app exports them -> entries, with nothing in between: they come by the million."""

import sys

from assent.errors import UserError
from assent.feedback.exchange.entries import (
    ITEM_CHARACTERS,
    MOST_REVISION,
    PERSON_CHARACTERS,
    Entry,
    digits_of,
    json_of,
    moment_of,
    quoted,
    seconds_of,
    whole_of,
    written,
)
from assent.feedback.exchange.rows import TOLD, Row

KEYS = frozenset(("input_text", "candidate_0", "candidate_1", "choice", "meta"))
# In `meta`: what changes the answer, and what tells of an export that is not for import.
RARE = frozenset(("strength", "criterion", "comment", "expected", "surplus", "votes", "from"))
# By the value's repr, which tells 1 from true and 1.0
_ORDERS = {"None": "[0, 1]", "[0, 1]": "[0, 1]", "[1, 0]": "[1, 0]"}
_CHOICES = {"0": 0, "1": 1, "None": "tie", "'both_bad'": "both_bad", "'cannot_judge'": "cannot_judge"}
_SAID = {key: written({"choice": choice}) for key, choice in _CHOICES.items()}


def plain_pair(row: Row, place: str) -> Entry | None:
    """None of a row with anything else in it, or anything wrong: it takes the long way, which says what."""
    if row.keys() != KEYS:
        return None
    prompt, one, two, meta = row["input_text"], row["candidate_0"], row["candidate_1"], row["meta"]
    if not (type(prompt) is type(one) is type(two) is str and type(meta) is dict and RARE.isdisjoint(meta)):
        return None
    name, annotator, choice = meta.get("item", ""), meta.get("annotator", ""), repr(row["choice"])
    order = _ORDERS.get(repr(meta.get("shown_order")))
    if order is None or choice not in _SAID or not (type(name) is type(annotator) is str):
        return None
    if not (0 < len(name) <= ITEM_CHARACTERS and 0 < len(annotator) <= PERSON_CHARACTERS):
        return None
    kept = {key: meta[key] for key in meta if key not in TOLD}
    try:
        return Entry(
            place=place,
            name=name,
            prompt=quoted(prompt),
            candidates=f"[{quoted(one)}, {quoted(two)}]",
            hidden=json_of(kept) if kept else "{}",
            said=_SAID[choice],
            annotator=annotator,
            order=order,
            uuid=digits_of(meta["judgement"]) if "judgement" in meta else "",
            revision=whole_of(meta, "revision", 1, MOST_REVISION),
            guideline=whole_of(meta, "guideline", 0, sys.maxsize),
            seconds=seconds_of(meta.get("seconds")),
            at=moment_of(meta["at"]) if "at" in meta else None,
        )
    except UserError:
        return None
