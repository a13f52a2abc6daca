"""Labelled texts: rows of our own format, and tab-separated lines as public sets often have them."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from assent.data.files.containers import raw_rows
from assent.data.files.streams import HUB, ROWS, OnBad, Row, files, lines_of, refuse, suffix_of
from assent.errors import UserError
from assent.records import Labelled

COLUMNS = (2, 3)  # of a .tsv: text, labels and, where there is one, an id


def labelled_of(row: Mapping[str, Any], where: str) -> Labelled:
    if not isinstance(row.get("text"), str):
        raise UserError(f"{where}: text: expected the text to label, found {row.get('text')!r}")
    text, labels = row["text"], _labels(row, where)
    if not text.strip():
        raise UserError(f"{where}: the text is empty: leave the row out")
    try:
        return Labelled(text, labels)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def labelled_rows(source: str, bad: OnBad | None) -> Iterator[tuple[str, Row]]:
    """As `raw_rows`; a .tsv whose first line names no columns is read as text, tab, labels."""
    paths = [] if source.startswith(HUB) else files(source, ROWS)
    plain = {path for path in paths if suffix_of(path) == ".tsv" and not _titled(path)}
    if not plain:
        yield from raw_rows(source, bad)
    for path in paths if plain else []:
        yield from _tab_separated(path, bad) if path in plain else raw_rows(str(path), bad)


def _titled(path: Path) -> bool:
    """Whether the first line names the columns, rather than being a text of its own."""
    cells = {cell for _, line in islice(lines_of(path), 1) for cell in line.strip().split(b"\t")}
    return b"text" in cells and (b"label" in cells or b"labels" in cells)


def _tab_separated(path: Path, bad: OnBad | None) -> Iterator[tuple[str, Row]]:
    empty = True
    for number, raw in lines_of(path, bad):
        if not raw.strip():
            continue
        empty, where = False, f"{path}:{number}"
        try:
            row = _row_of(raw, where)
        except UserError as error:
            refuse(where, raw.decode(errors="replace").rstrip("\r\n"), error, bad)
            continue
        yield where, row
    if empty:
        raise UserError(f"{path}: no rows there")


def _row_of(raw: bytes, where: str) -> Row:
    """Text, labels with commas between, perhaps an id. A text may hold characters, such as U+2028, that end
    lines elsewhere; a quotation mark is a character like others."""
    try:
        cells = raw.decode().rstrip("\n").removesuffix("\r").split("\t")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: not UTF-8: {error.reason} at byte {error.start}") from None
    if len(cells) not in COLUMNS:
        raise UserError(
            f"{where}: expected text, tab, label[,label] and perhaps a tab and an id, "
            f"found {len(cells)} columns"
        )
    return {"text": cells[0], "labels": [label.strip() for label in cells[1].split(",")]}


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
