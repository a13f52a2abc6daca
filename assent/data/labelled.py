"""Texts with labels, for a classifier: JSON lines, or tab-separated as public sets often are."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assent.data.jsonl import read_jsonl
from assent.data.sources import files
from assent.errors import UserError
from assent.records import Labelled

COLUMNS = (2, 3)  # of a .tsv: text, labels and, where there is one, an id


def labelled(pattern: str) -> list[Labelled]:
    """The texts of `.jsonl` and `.tsv` files, with their labels.

    JSON lines: `{"text": ..., "label": "a"}` or `{"text": ..., "labels": ["a", "b"]}`; other keys may stand
    beside. `.tsv`: the text, a tab, the labels with commas between and, if anything, a tab and an id. There
    is no heading, and a quotation mark is a character like others.

    Raises:
        UserError: naming file and line; and where there is no row at all.
    """
    found = [row for path in files(pattern) for row in (_tsv(path) if path.suffix == ".tsv" else _json(path))]
    if not found:
        raise UserError(f"{pattern}: no rows there")
    return found


def labelled_row(row: Labelled) -> dict[str, Any]:
    """The row that `labelled` reads back as the same text and labels."""
    return {"text": row.text, "labels": list(row.labels)}


def _json(path: Path) -> Iterator[Labelled]:
    for where, row in read_jsonl(path):
        if not isinstance(row.get("text"), str):
            raise UserError(f"{where}: text: expected the text to label, found {row.get('text')!r}")
        yield _complete(row["text"], _labels(row, where), where)


def _labels(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    if ("label" in row) == ("labels" in row):
        raise UserError(
            f'{where}: expected either "label": "a" or "labels": ["a", "b"], found the keys {", ".join(row)}'
        )
    given = row["labels"] if "labels" in row else [row["label"]]
    # A number is a name as well, as in a .tsv; true and false are more likely a mistake.
    if not isinstance(given, list) or not all(type(label) in (str, int) for label in given):
        raise UserError(f"{where}: labels: expected names, found {given!r}")
    return tuple(str(label) for label in given)


def _tsv(path: Path) -> Iterator[Labelled]:
    try:
        # not splitlines(): a text may hold characters, such as U+2028, that it takes for ends of lines
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where, cells = f"{path}:{number}", line.removesuffix("\r").split("\t")
        if len(cells) not in COLUMNS:
            raise UserError(
                f"{where}: expected text, tab, label[,label] and perhaps a tab and an id, "
                f"found {len(cells)} columns"
            )
        yield _complete(cells[0], tuple(label.strip() for label in cells[1].split(",")), where)


def _complete(text: str, labels: tuple[str, ...], where: str) -> Labelled:
    if not text.strip():
        raise UserError(f"{where}: the text is empty: leave the row out")
    try:
        return Labelled(text, labels)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
