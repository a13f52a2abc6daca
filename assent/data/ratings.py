"""Ratings of single answers, and good/bad labels: whole files of them, and such records as rows again."""

from typing import Any

from assent.data.formats.reading import records
from assent.data.rows import prompt_row
from assent.records import Rating


def ratings(source: str) -> list[Rating]:
    """`{"input_text", "output_text", "rating": 4, "scale": [1, 5]}` a line; `criterion` may stand beside.

    Instead of `rating`: `"ratings": {"helpful": 4, "clear": 2}`, all on the one scale, gives a record for
    each criterion; `"label": "good" | "bad" | true | false` needs no scale, it is 0..1.

    Raises:
        UserError: naming file, line and key.
    """
    return list(records(source, Rating))


def rating_row(rating: Rating) -> dict[str, Any]:
    """The row that `ratings` reads back as the same rating."""
    row = prompt_row(rating.prompt) | {
        "output_text": rating.response,
        "rating": rating.value,
        "scale": list(rating.scale),
    }
    if rating.criterion:
        row["criterion"] = rating.criterion
    if rating.prompt.id:
        row["id"] = rating.prompt.id
    told = {"annotator": rating.annotator} if rating.annotator else {}
    if told or rating.prompt.meta:
        row["meta"] = {**rating.prompt.meta, **told}
    return row
