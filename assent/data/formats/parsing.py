"""Rows of our own formats -> demonstrations, candidates, comparisons: every key checked, errors say where."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from sys import intern
from typing import Any, cast

from assent.data.rows import indices_of, messages_of, meta_of, number_of, prompt_of, text_of
from assent.errors import UserError
from assent.records import Candidates, Comparison, Demonstration, Prompt

OF_THE_JUDGEMENT = ("annotator", "item", "seconds", "strength", "criterion", "shown_order")  # in `meta`

Pairs = tuple[tuple[int, int, int | None], ...]


def demonstration_of(row: Mapping[str, Any], where: str) -> Demonstration:
    """Of `{"input_text", "output_text"}`, or a chat `{"messages": [...]}` that ends with the assistant."""
    author = str(row.get("author", ""))
    if "messages" not in row:
        return Demonstration(prompt_of(row, where), text_of(row, "output_text", where), author)
    messages = list(messages_of(row["messages"], where))
    ended = len(messages) > 1 and messages[-1]["role"] == "assistant"
    if ended and "output_text" in row:
        raise UserError(f"{where}: messages end with the assistant's answer, and output_text is another")
    if "output_text" in row:
        return Demonstration(prompt_of(row, where), text_of(row, "output_text", where), author)
    if not ended:
        raise UserError(f"{where}: messages: expected a chat whose last message is the assistant's")
    prompt = prompt_of({**row, "messages": messages[:-1]}, where)
    return Demonstration(prompt, messages[-1]["content"], author)


def candidates_of(row: Mapping[str, Any], where: str) -> Candidates:
    texts = _candidate_texts(row, where)
    prompt = prompt_of(row, where)
    return Candidates(prompt, texts, prompt.meta)


def comparison_of(row: Mapping[str, Any], where: str) -> Comparison:
    """Of candidates with `choice`, `ranking` or `pairs`. Millions of rows come by: no step without need."""
    texts, meta = _candidate_texts(row, where), meta_of(row, where)
    prompt = _prompt(row, {key: meta[key] for key in meta if key not in OF_THE_JUDGEMENT}, where)
    told = _told(meta, where) if meta else {}
    choice = _choice(row, len(texts), where)
    ordered = "ranking" in row or "pairs" in row
    ranking, pairs = _order(row, texts, where) if ordered else ((), ())
    try:
        judged = Comparison(prompt, texts, choice, ranking, pairs=pairs, **told)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    return _agreeing(judged, row, where) if ordered else judged


def _prompt(row: Mapping[str, Any], meta: dict[str, Any], where: str) -> Prompt:
    if "messages" in row:
        return prompt_of({**row, "meta": meta}, where)
    return Prompt(intern(text_of(row, "input_text", where)), (), str(row.get("id", "")), meta)


def _told(meta: dict[str, Any], where: str) -> dict[str, Any]:
    """What `meta` tells of the judgement, as fields of it."""
    names = ("annotator", "item", "criterion")
    told: dict[str, Any] = {key: intern(str(meta[key])) for key in names if key in meta}
    if "seconds" in meta:
        told["seconds"] = number_of(meta, "seconds", where)
    if "strength" in meta:
        told["strength"] = strength = number_of(meta, "strength", where)
        if strength is not None and not 0 <= strength <= 1:
            raise UserError(f"{where}: strength: expected 0 to 1, found {strength!r}")
    if "shown_order" in meta:
        told["shown_order"] = indices_of(meta, "shown_order", where)
    return told


def _agreeing(judged: Comparison, row: Mapping[str, Any], where: str) -> Comparison:
    """The judgement, if its choice goes with its order; without a choice, the first of the order."""
    first, choice, pairs = _first(row), judged.choice, judged.pairs
    if first and choice not in (None, *first):
        raise UserError(f"{where}: choice {choice} contradicts ranking {row['ranking']}")
    if len(judged.candidates) == 2 and pairs and choice not in (None, pairs[0][2]):
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
    if not ("choice" in row or "ranking" in row or "pairs" in row):
        raise UserError(f"{where}: choice is missing: {expected} (or ranking, or pairs)")
    choice = row.get("choice")
    if choice is not None and type(choice) is not int:
        raise UserError(f"{where}: choice: {expected}, found {choice!r}")
    return choice


def _order(row: Mapping[str, Any], texts: tuple[str, ...], where: str) -> tuple[tuple[int, ...], Pairs]:
    """(ranking, pairs); a ranking that holds ties becomes its pairs, the tied ones without a winner."""
    pairs, ranking = _pairs(row, where), row.get("ranking") or []
    if not isinstance(ranking, list) or not any(isinstance(place, list) for place in ranking):
        return indices_of(row, "ranking", where), pairs
    if pairs:
        raise UserError(f"{where}: a ranking with ties is a set of pairs: give ranking or pairs, not both")
    places = [place if isinstance(place, list) else [place] for place in ranking]
    named = indices_of({"ranking": [index for place in places for index in place]}, "ranking", where)
    count = len(texts)
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
    names = _candidate_names(tuple(row))
    if not names:
        raise UserError(f"{where}: expected candidate_0 and candidate_1, found the keys {', '.join(row)}")
    texts = tuple([row.get(name) for name in names])
    for name, text in zip(names, texts, strict=True):
        if not isinstance(text, str):
            text_of(row, name, where)  # which says what is wrong
    # Several people judge one item: its texts stand in memory once. Interned texts are let go as others are.
    return tuple([intern(text) for text in cast(tuple[str, ...], texts)])


@lru_cache(maxsize=256)
def _candidate_names(keys: tuple[str, ...]) -> tuple[str, ...]:
    """candidate_0, candidate_1, ... as many as there are such keys; files repeat the keys of their rows."""
    count = sum(key.startswith("candidate_") for key in keys)
    return tuple(f"candidate_{index}" for index in range(count)) if count > 1 else ()
