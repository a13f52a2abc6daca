"""What Argilla exports: records of version 2 (Record.to_dict) and 1 (FeedbackRecord), or flat, as on the hub.

A flat record of version 2 has its fields at the top, and `best.responses`, `best.responses.users` and
`best.responses.status` for a question `best`; one of version 1 has `best: {user_id, value, status}` of lists.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from assent.data.files.containers import Row
from assent.data.formats.dialect import Dialect
from assent.data.formats.fields import (
    NUMBERED,
    TIES,
    Answers,
    answers_in,
    identity_of,
    prompt_in,
    shown,
    with_kept,
)
from assent.data.formats.judgements import by_rank
from assent.errors import UserError

PARTS = ("value", "user_id", "status")


def _record(row: Row) -> bool:
    return isinstance(row.get("fields"), dict) and isinstance(row.get("responses"), (list, dict))


def _flat(row: Row) -> bool:
    answers = [key for key in row if NUMBERED.fullmatch(key)]
    return len(answers) > 1 and "fields" not in row and any(_question(*column) for column in row.items())


def _question(key: str, value: Any) -> bool:
    """Whether a column of a flat record holds what people answered."""
    if key.endswith(".responses"):
        return isinstance(value, list)
    return isinstance(value, dict) and all(isinstance(value.get(part), list) for part in PARTS)


def _answered(row: Row) -> Iterator[tuple[str, Any, str]]:
    """(question, value, user) of every submitted answer in a flat record."""
    for key, value in row.items():
        if not _question(key, value):
            continue
        flat = isinstance(value, list)
        values: list[Any] = value if flat else value["value"]
        users = row.get(f"{key}.users") if flat else value["user_id"]
        status = row.get(f"{key}.status") if flat else value["status"]
        for index, said in enumerate(values):
            if _at(status, index, "submitted") == "submitted":
                yield key.removesuffix(".responses"), said, str(_at(users, index, "") or "")


def _at(several: Any, index: int, otherwise: str) -> Any:
    return several[index] if isinstance(several, list) and index < len(several) else otherwise


def _argilla(row: Row, where: str) -> list[Row]:
    """A comparison for each person and question that ranks the answers or names the best of them."""
    fields = row["fields"] if _record(row) else row
    answers = answers_in(fields, row, where)
    shared = shown(prompt_in(fields, row, where), answers)
    named = identity_of(row)
    given = list(_given(row["responses"]) if _record(row) else _answered(row))
    found = []
    for question, value, who in given:
        judged = _ordered(value, answers, f"{where}: {question}")
        if judged is None:
            continue  # another kind of question: a text, a rating, a label
        meta = {"annotator": who} if who else {}
        several = {"criterion": question} if len({name for name, _, _ in given}) > 1 else {}
        item = {"item": named["id"]} if named else {}
        found.append(with_kept(shared | judged | named, row.get("metadata"), meta | several | item))
    if given and not found:
        asks = ", ".join(sorted({name for name, _, _ in given}))
        raise UserError(
            f"{where}: none of the questions ({asks}) ranks {', '.join(answers)} or names one of them"
        )
    return found


def _record_prompt(row: Row, where: str) -> list[Row]:
    return [prompt_in(row["fields"], row, where) | identity_of(row)]


def _given(responses: Any) -> Iterator[tuple[str, Any, str]]:
    """(question, value, user) of every answer that was submitted, of Argilla 2 and of Argilla 1."""
    if isinstance(responses, dict):
        told = [(name, one, one) for name, several in responses.items() for one in _sent(several)]
    else:
        told = [(name, said, one) for one in _sent(responses) for name, said in _of(one, "values").items()]
    for question, said, person in told:
        if isinstance(said, dict) and "value" in said:
            yield question, said["value"], str(person.get("user_id") or "")


def _of(one: Row, key: str) -> Row:
    return one[key] if isinstance(one.get(key), dict) else {}


def _sent(several: Any) -> list[Row]:
    """Those that are no draft and were not discarded."""
    return [one for one in _objects(several) if one.get("status", "submitted") == "submitted"]


def _objects(several: Any) -> list[Row]:
    return [one for one in several if isinstance(one, dict)] if isinstance(several, list) else []


def _ordered(value: Any, answers: Answers, where: str) -> Row | None:
    """A ranking [name], [{value, rank}] or {value: [...], rank: [...]}, or an answer's name; else None."""
    names = [key.lower().replace("-", "_") for key in answers]
    if isinstance(value, str):
        name = value.lower().replace("-", "_")
        return {"choice": names.index(name) if name in names else None} if name in (*names, *TIES) else None
    if (
        isinstance(value, dict)
        and isinstance(value.get("value"), list)
        and isinstance(value.get("rank"), list)
    ):
        value = [
            {"value": name, "rank": rank} for name, rank in zip_longest(value["value"], value["rank"])
        ]  # where one list is longer, a name or a rank that is none is told of below
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        value = [{"value": name, "rank": rank} for rank, name in enumerate(value)]  # best first
    if not isinstance(value, list) or not value or any("rank" not in one for one in _objects(value)):
        return None
    if len(_objects(value)) < len(value):
        return None
    ranks = {str(one.get("value")).lower().replace("-", "_"): one["rank"] for one in value}
    if set(ranks) != set(names):
        raise UserError(f"{where}: expected ranks of {', '.join(answers)}, found {value!r}")
    return {"ranking": by_rank([ranks[name] for name in names], len(names), where)}


ARGILLA = (
    Dialect(
        "argilla",
        "comparisons",
        '{"id": "7", "fields": {"instruction": "What is a fen?", "response-1": "A wetland.", '
        '"response-2": "A bird."}, "responses": {"ranking": [{"value": [{"value": "response-1", "rank": 1}, '
        '{"value": "response-2", "rank": 2}], "user_id": "ann"}]}}',
        lambda row: (_record(row) and bool(row["responses"])) or _flat(row),
        _argilla,
        near=_record,
    ),
    Dialect(
        "argilla-prompts",
        "prompts",
        '{"id": "8", "fields": {"instruction": "What is a moor?"}, "responses": {}}',
        lambda row: _record(row) and "prompt" not in row,
        _record_prompt,
    ),
)
