"""Records from files, and files from records: one reader and one writer for each known format."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from assent.data.rows import files, indices_of, messages_of, meta_of, number_of, prompt_of, prompt_row
from assent.data.rows import rows_of as _rows
from assent.data.rows import text_of as _text
from assent.errors import UserError
from assent.models.tokenizer import END_OF_TEXT
from assent.records import Candidates, Comparison, Demonstration, Prompt

OF_THE_JUDGEMENT = ("annotator", "item", "seconds", "strength", "criterion", "shown_order")  # in `meta`

Pairs = tuple[tuple[int, int, int | None], ...]


def documents(pattern: str, separator: str = END_OF_TEXT) -> Iterator[str]:
    """Plain text: each file is one document, or several between lines that hold only `separator`."""
    for path in files(pattern):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from None
        pieces = text.split(separator) if separator else [text]
        yield from (piece.strip() for piece in pieces if piece.strip())


def prompts(pattern: str) -> list[Prompt]:
    """`{"input_text": "..."}` or `{"messages": [...]}` a line; `id` and `meta` may stand beside."""
    return [prompt_of(row, where) for where, row in _rows(pattern)]


def demonstrations(pattern: str) -> list[Demonstration]:
    """`{"input_text", "output_text"}` a line, or a chat `{"messages": [...]}` ending with the assistant."""
    return [_demonstration(row, where) for where, row in _rows(pattern)]


def candidates(pattern: str) -> list[Candidates]:
    """`{"input_text", "candidate_0", "candidate_1", ...}` a line, not judged yet."""
    found = []
    for where, row in _rows(pattern):
        texts = _candidate_texts(row, where)
        prompt = prompt_of(row, where)
        found.append(Candidates(_named(prompt, f"item-{len(found)}"), texts, prompt.meta))
    return found


def comparisons(pattern: str) -> list[Comparison]:
    """`{"input_text", "candidate_0", "candidate_1", ..., "choice"}` a line; choice null is a tie.

    Beside or instead of `choice` may stand `pairs`, a list of [left, right, winner or null], or `ranking`,
    candidates' numbers from best to worst, where a list within the list is a tie: [2, [0, 1], 3].
    """
    return [_comparison(row, where) for where, row in _rows(pattern)]


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


def _named(prompt: Prompt, name: str) -> Prompt:
    return prompt if prompt.id else Prompt(prompt.text, prompt.messages, name, prompt.meta)


def _demonstration(row: Mapping[str, Any], where: str) -> Demonstration:
    author = str(row.get("author", ""))
    if "messages" in row:
        messages = messages_of(row["messages"], where)
        if len(messages) < 2 or messages[-1]["role"] != "assistant":
            raise UserError(f"{where}: messages: expected a chat whose last message is the assistant's")
        prompt = prompt_of({**row, "messages": list(messages[:-1])}, where)
        return Demonstration(prompt, messages[-1]["content"], author)
    return Demonstration(prompt_of(row, where), _text(row, "output_text", where), author)


def _comparison(row: Mapping[str, Any], where: str) -> Comparison:
    texts = _candidate_texts(row, where)
    meta = meta_of(row, where)
    of_the_prompt = {key: value for key, value in meta.items() if key not in OF_THE_JUDGEMENT}
    prompt = prompt_of({**row, "meta": of_the_prompt}, where)
    shown_order = indices_of(meta, "shown_order", where)
    seconds, strength = number_of(meta, "seconds", where), number_of(meta, "strength", where)
    if strength is not None and not 0 <= strength <= 1:
        raise UserError(f"{where}: strength: expected 0 to 1, found {strength!r}")
    choice = _choice(row, len(texts), where)
    ranking, pairs = _order(row, where)
    try:
        judged = Comparison(
            prompt=prompt,
            candidates=texts,
            choice=choice,
            ranking=ranking,
            annotator=str(meta.get("annotator", "")),
            item=str(meta.get("item", "")),
            seconds=seconds,
            strength=strength,
            criterion=str(meta.get("criterion", "")),
            shown_order=shown_order,
            pairs=pairs,
        )
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    first = _first(row)
    if first and choice not in (None, *first):
        raise UserError(f"{where}: choice {choice} contradicts ranking {row['ranking']}")
    if len(texts) == 2 and pairs and choice not in (None, pairs[0][2]):
        raise UserError(f"{where}: choice {choice} contradicts pairs {row['pairs']}")
    return judged if "choice" in row or len(first) != 1 else replace(judged, choice=first[0])


def _first(row: Mapping[str, Any]) -> tuple[int, ...]:
    """Who shares the first place of the row's ranking."""
    ranking = row.get("ranking")
    if not ranking:
        return ()
    return tuple(ranking[0]) if isinstance(ranking[0], list) else (ranking[0],)


def _choice(row: Mapping[str, Any], count: int, where: str) -> int | None:
    expected = f"expected 0 to {count - 1}, or null for a tie"
    if not {"choice", "ranking", "pairs"} & row.keys():
        raise UserError(f"{where}: choice is missing: {expected} (or ranking, or pairs)")
    choice = row.get("choice")
    if choice is not None and (isinstance(choice, bool) or not isinstance(choice, int)):
        raise UserError(f"{where}: choice: {expected}, found {choice!r}")
    return choice


def _order(row: Mapping[str, Any], where: str) -> tuple[tuple[int, ...], Pairs]:
    """(ranking, pairs); a ranking that holds ties becomes its pairs, the tied ones without a winner."""
    pairs, ranking = _pairs(row, where), row.get("ranking") or []
    if not isinstance(ranking, list) or not any(isinstance(place, list) for place in ranking):
        return indices_of(row, "ranking", where), pairs
    if pairs:
        raise UserError(f"{where}: a ranking with ties is a set of pairs: give ranking or pairs, not both")
    places = [place if isinstance(place, list) else [place] for place in ranking]
    named = indices_of({"ranking": [index for place in places for index in place]}, "ranking", where)
    count = len(_candidate_texts(row, where))
    if sorted(named) != list(range(count)):
        raise UserError(f"{where}: ranking {ranking} does not name each of the {count} candidates once")
    stands = {index: number for number, place in enumerate(places) for index in place}
    ordered = [(a, b) for position, a in enumerate(named) for b in named[position + 1 :]]
    return (), tuple((a, b, None if stands[a] == stands[b] else a) for a, b in ordered)


def _pairs(row: Mapping[str, Any], where: str) -> Pairs:
    found = row.get("pairs") or []
    if not isinstance(found, list):
        raise UserError(f"{where}: pairs: expected a list of [left, right, winner or null], found {found!r}")
    for index, pair in enumerate(found):
        three = isinstance(pair, list) and len(pair) == 3
        if not three or [type(k) for k in pair[:2]] != [int, int] or type(pair[2]) not in (int, type(None)):
            raise UserError(
                f"{where}: pairs[{index}]: expected [left, right, winner or null], found {pair!r}"
            )
    return tuple((left, right, winner) for left, right, winner in found)


def _candidate_texts(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    count = sum(key.startswith("candidate_") for key in row)
    if count < 2:
        raise UserError(f"{where}: expected candidate_0 and candidate_1, found the keys {', '.join(row)}")
    return tuple(_text(row, f"candidate_{index}", where) for index in range(count))
