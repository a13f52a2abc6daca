"""Comparisons -> tasks of Label Studio and records of Argilla, as their importers take them.

Sources: the template "Human preference collection for RLHF" of Label Studio (names of its fields and of its
Pairwise tag) and labelstud.io/guide/task_format; argilla's Record.from_dict and Response.
"""

from assent.data.files.streams import Row
from assent.data.formats.writing import Written, asked, of_the_judgement, two
from assent.errors import UserError
from assent.records import Comparison

PLAIN = (str, int, float)  # what Argilla takes as metadata


def label_studio(judged: Comparison) -> Written:
    """A task with one annotation. What has no place there stands in `data`, beside the texts.

    Label Studio knows people by number or address and refuses to import others; their names stand in `data`.

    Raises:
        UserError: a tie, or more than two answers.
    """
    chosen, _ = two(judged)
    told = of_the_judgement(judged).get("meta", {})
    data: Row = {
        "prompt": asked(judged.prompt),
        "answer1": judged.candidates[0],
        "answer2": judged.candidates[1],
    }
    who = _completed_by(judged.annotator)
    taken = {"item", "seconds", "annotator" if who else ""}
    left = {key: value for key, value in told.items() if key not in taken}
    name = _name(judged)
    if judged.prompt.id not in ("", name.get("id")):
        left["prompt_id"] = judged.prompt.id
    picked = {
        "from_name": "comparison",
        "to_name": "answer1,answer2",
        "type": "pairwise",
        "value": {"selected": ("left", "right")[chosen]},
    }
    took = {} if judged.seconds is None else {"lead_time": judged.seconds}
    done = {"result": [picked], "was_cancelled": False} | who | took
    return Written(name | {"data": data | ({"meta": left} if left else {}), "annotations": [done]})


def _completed_by(annotator: str) -> Row:
    if annotator.isdecimal() and annotator == str(int(annotator)):
        return {"completed_by": int(annotator)}
    return {"completed_by": {"email": annotator}} if "@" in annotator else {}


def _name(judged: Comparison) -> Row:
    name = judged.item or judged.prompt.id
    return {"id": name} if name else {}


def argilla(judged: Comparison) -> Written:
    """A record with one response: a ranking, or the name of the best answer, or a tie.

    Raises:
        UserError: votes on pairs.
    """
    names = [f"response-{number}" for number in range(1, len(judged.candidates) + 1)]
    fields = {"prompt": asked(judged.prompt)} | dict(zip(names, judged.candidates, strict=True))
    question, value = _answer(judged, names)
    said = {"value": value, "user_id": judged.annotator, "status": "submitted"}
    known = of_the_judgement(judged).get("meta", {})
    told = {key: value for key, value in known.items() if key not in ("annotator", "item")}
    kept = {key: value for key, value in told.items() if type(value) in PLAIN}
    if judged.prompt.id not in ("", _name(judged).get("id")):
        kept["prompt_id"] = judged.prompt.id
    row = _name(judged) | {"fields": fields, "responses": {question: [said]}}
    return Written(row | ({"metadata": kept} if kept else {}), tuple(key for key in told if key not in kept))


def _answer(judged: Comparison, names: list[str]) -> tuple[str, str | list[str]]:
    """(question, answer to it)."""
    if judged.ranking:
        return "ranking", [names[k] for k in judged.ranking]
    if judged.pairs and len(names) > 2:
        raise UserError(
            "votes on pairs, or ties within a ranking, which Argilla has no question for: choose k-way"
        )
    return "preference", names[judged.best[0]] if len(judged.best) == 1 else "tie"
