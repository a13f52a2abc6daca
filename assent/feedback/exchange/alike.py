"""Whether what is imported is of the item that has its name, and in whose numbers its answers stand."""

import json

from assent.errors import UserError
from assent.feedback.exchange.answers_in import permuted
from assent.feedback.exchange.entries import Entry, written
from assent.feedback.exchange.tables import ItemThere, same_json

SHOWN_CHARACTERS = 60  # of a text in an error


def check_same(entry: Entry, there: ItemThere, part: str) -> None:
    """Raises: an item of this name is there, and it is another."""
    if there.part != part:
        raise UserError(
            f"item {entry.name}: it is there as {there.part}, and here as {part}: give it another name, as id"
        )
    differs = ""
    if not same_json(entry.prompt, there.prompt):
        differs = f"prompt: {_short(there.prompt)}, and here {_short(entry.prompt)}"
    elif entry.candidates != there.candidates and sorted(there.texts) != sorted(json.loads(entry.candidates)):
        differs = f"answers: {_short(there.candidates)}, and here {_short(entry.candidates)}"
    if differs:
        raise UserError(
            f"item {entry.name}: an item of this name is there with another {differs}: give it another name, "
            "as id or as meta.item"
        )


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def as_there(entry: Entry, there: ItemThere | None) -> tuple[str, str]:
    """Answer and order as JSON; where the item has the same answers in another order, in its own numbers."""
    if there is None or there.candidates == entry.candidates:
        return entry.said, entry.order
    texts: list[str | None] = list(there.texts)
    wanted = json.loads(entry.candidates)
    if wanted == texts:
        return entry.said, entry.order
    places = []
    for text in wanted:
        places.append(texts.index(text))
        texts[places[-1]] = None  # two answers may be the same words
    answer, order = permuted(json.loads(entry.said), json.loads(entry.order), places)
    return written(answer), written(order)
