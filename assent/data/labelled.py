"""Texts with labels, for a classifier: JSON lines, or tab-separated as public sets often are."""

from typing import Any

from assent.data.formats.reading import records
from assent.records import Labelled


def labelled(source: str) -> list[Labelled]:
    """The texts of a file, with their labels.

    JSON lines: `{"text": ..., "label": "a"}` or `{"text": ..., "labels": ["a", "b"]}`; other keys may stand
    beside. `.tsv`: the text, a tab, the labels with commas between and, if anything, a tab and an id. There
    is no heading, and a quotation mark is a character like others; a heading with `text` and `label` makes
    it a table as others are.

    Raises:
        UserError: naming file and line; and where there is no row at all.
    """
    return list(records(source, Labelled))


def labelled_row(row: Labelled) -> dict[str, Any]:
    """The row that `labelled` reads back as the same text and labels."""
    return {"text": row.text, "labels": list(row.labels)}
