"""What Label Studio exports: pairwise, ranked and chosen answers.

Sources: labelstud.io/guide/task_format, /tags/pairwise and /tags/ranker.
"""

from typing import Any

from assent.data.files.containers import Row
from assent.data.formats.dialect import Dialect
from assent.data.formats.fields import TIES, Answers, answers_in, identity_of, prompt_in, shown, with_kept
from assent.errors import UserError


def _task(row: Row) -> bool:
    return isinstance(row.get("data"), dict) and isinstance(row.get("annotations"), list)


def _short(row: Row) -> bool:
    """JSON-MIN: the fields stand at the top, and one key holds [{"selected": "left"}]."""
    return "annotation_id" in row and _selected(row) is not None


def _selected(row: Row) -> Any:
    found = [value[0] for value in row.values() if isinstance(value, list) and len(value) == 1]
    return next((one["selected"] for one in found if isinstance(one, dict) and "selected" in one), None)


def _label_studio(row: Row, where: str) -> list[Row]:
    """A comparison for each annotation that judged; cancelled and empty ones hold none."""
    if _short(row):
        result = {"type": "pairwise", "value": {"selected": _selected(row)}}
        done = {"result": [result], "completed_by": row.get("annotator"), "lead_time": row.get("lead_time")}
        return [_annotated({"id": row.get("id"), "data": row}, done, where)]
    given = [one for one in row["annotations"] if isinstance(one, dict) and not one.get("was_cancelled")]
    return [
        _annotated(row, one, f"{where}: annotation {one.get('id', '')}") for one in given if one.get("result")
    ]


def _annotated(row: Row, done: Row, where: str) -> Row:
    ranked = _results(done, "ranker")
    answers = _items(row["data"], where) if ranked else answers_in(row["data"], row, where)
    judged = _ranker(ranked[0], answers, where) if ranked else _pick(done, answers, where)
    who = done.get("completed_by")
    name = (who.get("email") or who.get("id")) if isinstance(who, dict) else who
    told = {
        "annotator": "" if name is None else str(name),
        "seconds": done.get("lead_time"),
        "item": row.get("id"),
    }
    meta = {key: value for key, value in told.items() if value not in (None, "")}
    item = shown(prompt_in(row["data"], row, where), answers) | judged | identity_of(row)
    return with_kept(item, row["data"].get("meta"), meta)


def _task_prompt(row: Row, where: str) -> list[Row]:
    return [prompt_in(row["data"], row, where) | identity_of(row)]


def _controls(done: Row) -> list[Row]:
    results = done.get("result")
    return [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []


def _results(done: Row, kind: str) -> list[Row]:
    """The values of one kind of control."""
    found = [one.get("value") for one in _controls(done) if one.get("type") == kind]
    return [value for value in found if isinstance(value, dict)]


def _sides(done: Row, answers: Answers) -> tuple[int, int]:
    """Which answers stood left and right: as the control names them, else in the order of their numbers."""
    names = list(answers)
    for to_name in [one.get("to_name") for one in _controls(done)]:
        parts = to_name.split(",") if isinstance(to_name, str) else []
        if sorted(parts) == sorted(names) and len(parts) == 2:
            return names.index(parts[0]), names.index(parts[1])
    return 0, 1


def _items(data: Row, where: str) -> Answers:
    """The answers of a List, by their ids."""
    lists = [value for value in data.values() if isinstance(value, list) and value]
    for items in lists:
        if all(
            isinstance(item, dict) and "id" in item and isinstance(item.get("body"), str) for item in items
        ):
            return {str(item["id"]): item["body"] for item in items}
    raise UserError(
        f"{where}: a ranking, and no list of {{id, title, body}} in data: found {', '.join(data)}"
    )


def _ranker(value: Row, answers: Answers, where: str) -> Row:
    ranker = value.get("ranker")
    orders = list(ranker.values()) if isinstance(ranker, dict) else [ranker]
    order = [str(name) for name in orders[0]] if len(orders) == 1 and isinstance(orders[0], list) else []
    if sorted(order) != sorted(answers):
        raise UserError(
            f"{where}: expected the ids of all {len(answers)} items in one order, found {ranker!r}"
        )
    names = list(answers)
    return {"ranking": [names.index(name) for name in order]}


def _pick(done: Row, answers: Answers, where: str) -> Row:
    """The side that was selected; or, with the Choices tag, what the one choice names."""
    pairwise, choices = _results(done, "pairwise"), _results(done, "choices")
    left, right = _sides(done, answers)
    picked = pairwise[0].get("selected") if pairwise else None
    named = choices[0].get("choices") if len(choices) == 1 else None
    if not pairwise and isinstance(named, list) and len(named) == 1:
        [picked] = named
    name = str(picked).strip().lower()
    places = {key.lower(): index for index, key in enumerate(answers)} | {"left": left, "right": right}
    if len(answers) != 2 or (name not in places and name not in TIES):
        raise UserError(
            f"{where}: expected one choice between two answers: left, right, {', '.join(answers)}, or "
            f"{', '.join(TIES)} for a tie; found {picked!r}"
        )
    return {"choice": places.get(name)}


LABEL_STUDIO = (
    Dialect(
        "label-studio-pairwise",
        "comparisons",
        '{"id": 7, "data": {"prompt": "What is a fen?", "answer1": "A wetland.", "answer2": "A bird."}, '
        '"annotations": [{"id": 1, "completed_by": 3, "lead_time": 12.5, "was_cancelled": false, "result": '
        '[{"from_name": "pw", "to_name": "answer1,answer2", "type": "pairwise", '
        '"value": {"selected": "left"}}]}]}',
        lambda row: (_task(row) and bool(row["annotations"])) or _short(row),
        _label_studio,
        near=_task,  # nobody has judged it yet: a task, and no comparison
    ),
    Dialect(
        "label-studio-prompts",
        "prompts",
        '{"id": 8, "data": {"prompt": "What is a moor?"}, "annotations": []}',
        lambda row: _task(row) and "prompt" not in row,
        _task_prompt,
    ),
)
