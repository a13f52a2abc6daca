"""Records from files, and files from records: one reader and one writer for each known format."""

import glob
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assent.data.jsonl import read_jsonl
from assent.errors import UserError
from assent.models.tokenizer import END_OF_TEXT
from assent.records import Candidates, Comparison, Demonstration, Message, Prompt

ROLES = ("system", "user", "assistant")
OF_THE_JUDGEMENT = ("annotator", "item", "seconds", "strength", "criterion", "shown_order")  # in `meta`


def files(pattern: str) -> list[Path]:
    """The files that a path or a pattern such as `corpus/*.txt` names, in a fixed order."""
    if any(character in pattern for character in "*?["):
        found = [Path(name) for name in sorted(glob.glob(pattern, recursive=True)) if Path(name).is_file()]
    else:
        found = [Path(pattern)]
    if not found or not found[0].exists():
        raise UserError(f"{pattern}: no such file")
    return found


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
    return [_prompt(row, where) for where, row in _rows(pattern)]


def demonstrations(pattern: str) -> list[Demonstration]:
    """`{"input_text", "output_text"}` a line, or a chat `{"messages": [...]}` ending with the assistant."""
    return [_demonstration(row, where) for where, row in _rows(pattern)]


def candidates(pattern: str) -> list[Candidates]:
    """`{"input_text", "candidate_0", "candidate_1", ...}` a line, not judged yet."""
    found = []
    for where, row in _rows(pattern):
        texts = _candidate_texts(row, where)
        prompt = _prompt(row, where)
        found.append(Candidates(_named(prompt, f"item-{len(found)}"), texts, prompt.meta))
    return found


def comparisons(pattern: str) -> list[Comparison]:
    """`{"input_text", "candidate_0", "candidate_1", ..., "choice"}` a line; choice null is a tie."""
    return [_comparison(row, where) for where, row in _rows(pattern)]


def comparison_row(comparison: Comparison) -> dict[str, Any]:
    """The row that `comparisons` reads back as the same comparison."""
    row = candidates_row(comparison.prompt, comparison.candidates)
    row["choice"] = comparison.choice
    if comparison.ranking:
        row["ranking"] = list(comparison.ranking)
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
    row: dict[str, Any] = (
        {"messages": list(prompt.messages)} if prompt.messages else {"input_text": prompt.text}
    )
    return row | {f"candidate_{index}": text for index, text in enumerate(texts)}


def _rows(pattern: str) -> Iterator[tuple[str, dict[str, Any]]]:
    empty = True
    for path in files(pattern):
        for where, row in read_jsonl(path):
            empty = False
            yield where, row
    if empty:
        raise UserError(f"{pattern}: no rows there")


def _prompt(row: Mapping[str, Any], where: str) -> Prompt:
    meta = row.get("meta", {})
    if not isinstance(meta, dict):
        raise UserError(f"{where}: meta: expected an object, found {meta!r}")
    identity = {"id": str(row.get("id", "")), "meta": meta}
    if "messages" in row:
        messages = _messages(row["messages"], where)
        asked = [message["content"] for message in messages if message["role"] == "user"]
        return Prompt(asked[-1] if asked else messages[-1]["content"], messages, **identity)
    return Prompt(_text(row, "input_text", where), **identity)


def _named(prompt: Prompt, name: str) -> Prompt:
    return prompt if prompt.id else Prompt(prompt.text, prompt.messages, name, prompt.meta)


def _demonstration(row: Mapping[str, Any], where: str) -> Demonstration:
    author = str(row.get("author", ""))
    if "messages" in row:
        messages = _messages(row["messages"], where)
        if len(messages) < 2 or messages[-1]["role"] != "assistant":
            raise UserError(f"{where}: messages: expected a chat whose last message is the assistant's")
        prompt = _prompt({**row, "messages": list(messages[:-1])}, where)
        return Demonstration(prompt, messages[-1]["content"], author)
    return Demonstration(_prompt(row, where), _text(row, "output_text", where), author)


def _comparison(row: Mapping[str, Any], where: str) -> Comparison:
    texts = _candidate_texts(row, where)
    meta = row.get("meta", {})
    if not isinstance(meta, dict):
        raise UserError(f"{where}: meta: expected an object, found {meta!r}")
    if "choice" not in row:
        raise UserError(f"{where}: choice is missing: expected 0 to {len(texts) - 1}, or null for a tie")
    choice = row["choice"]
    if choice is not None and (isinstance(choice, bool) or not isinstance(choice, int)):
        raise UserError(
            f"{where}: choice: expected 0 to {len(texts) - 1}, or null for a tie, found {choice!r}"
        )
    of_the_prompt = {key: value for key, value in meta.items() if key not in OF_THE_JUDGEMENT}
    prompt = _prompt({**row, "meta": of_the_prompt}, where)
    ranking, shown_order = _indices(row, "ranking", where), _indices(meta, "shown_order", where)
    seconds, strength = _number(meta, "seconds", where), _number(meta, "strength", where)
    try:
        return Comparison(
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
        )
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _candidate_texts(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    count = sum(key.startswith("candidate_") for key in row)
    if count < 2:
        raise UserError(f"{where}: expected candidate_0 and candidate_1, found the keys {', '.join(row)}")
    return tuple(_text(row, f"candidate_{index}", where) for index in range(count))


def _indices(row: Mapping[str, Any], key: str, where: str) -> tuple[int, ...]:
    value = row.get(key) or []
    if not isinstance(value, list) or not all(type(index) is int for index in value):
        raise UserError(f"{where}: {key}: expected a list of candidates' numbers, found {value!r}")
    return tuple(value)


def _number(row: Mapping[str, Any], key: str, where: str) -> float | None:
    value = row.get(key)
    if value is not None and type(value) not in (int, float):
        raise UserError(f"{where}: {key}: expected a number, found {value!r}")
    return value


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    if key not in row:
        raise UserError(f"{where}: {key} is missing; found the keys {', '.join(row) or 'none'}")
    if not isinstance(row[key], str):
        raise UserError(f"{where}: {key}: expected text, found {row[key]!r}")
    return row[key]


def _messages(value: Any, where: str) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise UserError(f"{where}: messages: expected a list of {{role, content}}, found {value!r}")
    for index, message in enumerate(value):
        good = (
            isinstance(message, dict)
            and message.get("role") in ROLES
            and isinstance(message.get("content"), str)
        )
        if not good:
            raise UserError(
                f"{where}: messages[{index}]: expected {{role: system|user|assistant, content: text}}, "
                f"found {message!r}"
            )
    return tuple({"role": message["role"], "content": message["content"]} for message in value)
