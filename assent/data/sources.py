"""Whole files of prompts, demonstrations, candidates and comparisons; and such records as rows again."""

from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from typing import Any

from assent.data.files.streams import TEXTS, files, opened
from assent.data.formats.reading import records
from assent.data.rows import prompt_row
from assent.errors import UserError
from assent.records import END_OF_TEXT, Candidates, Comparison, Demonstration, Prompt


def documents(pattern: str, separator: str = END_OF_TEXT) -> Iterator[str]:
    """Plain text: each file is one document, or several between lines that hold only `separator`."""
    for path in files(pattern, TEXTS):
        try:
            with opened(path) as file, TextIOWrapper(file, encoding="utf-8-sig") as lines:
                yield from (piece.strip() for piece in _pieces(lines, separator) if piece.strip())
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: not UTF-8: {error.reason}: save it as UTF-8") from None


def _pieces(lines: Iterable[str], separator: str) -> Iterator[str]:
    """The texts between separators. No more than one of them is in memory, unless a separator spans lines."""
    piece: list[str] = []
    for line in ["".join(lines)] if "\n" in separator else lines:
        first, *others = line.split(separator) if separator else [line]
        piece.append(first)
        for other in others:
            yield "".join(piece)
            piece = [other]
    yield "".join(piece)


def prompts(source: str) -> list[Prompt]:
    """`{"input_text": "..."}` or `{"messages": [...]}` a line, with `id` and `meta` beside; or any other row
    with a prompt. Like all readers here it takes every format and source of docs/formats.md."""
    return list(records(source, Prompt))


def demonstrations(source: str) -> list[Demonstration]:
    """`{"input_text", "output_text"}` a line, or a chat `{"messages": [...]}` ending with the assistant."""
    return list(records(source, Demonstration))


def candidates(source: str) -> list[Candidates]:
    """`{"input_text", "candidate_0", "candidate_1", ...}` a line, not judged yet."""
    return list(records(source, Candidates))


def comparisons(source: str) -> list[Comparison]:
    """`{"input_text", "candidate_0", "candidate_1", ..., "choice"}` a line; choice null is a tie.

    Beside or instead of `choice` may stand `pairs`, a list of [left, right, winner or null], or `ranking`,
    candidates' numbers from best to worst, where a list within the list is a tie: [2, [0, 1], 3].
    """
    return list(records(source, Comparison))


def comparison_row(comparison: Comparison) -> dict[str, Any]:
    """The row that `comparisons` reads back as the same comparison."""
    row = candidates_row(comparison.prompt, comparison.candidates)
    row["choice"] = comparison.choice
    if comparison.ranking:
        row["ranking"] = list(comparison.ranking)
    if comparison.pairs:
        row["pairs"] = [list(pair) for pair in comparison.pairs]
    known = {
        "annotator": comparison.annotator,
        "item": comparison.item,
        "seconds": comparison.seconds,
        "strength": comparison.strength,
        "criterion": comparison.criterion,
        "shown_order": list(comparison.shown_order),
    }
    told = {key: value for key, value in known.items() if value not in (None, "", [])}
    if comparison.prompt.id:
        row["id"] = comparison.prompt.id
    if told or comparison.prompt.meta:
        row["meta"] = {**comparison.prompt.meta, **told}
    return row


def candidates_row(prompt: Prompt, texts: tuple[str, ...]) -> dict[str, Any]:
    """A row with the prompt and its answers."""
    return prompt_row(prompt) | {f"candidate_{index}": text for index, text in enumerate(texts)}
