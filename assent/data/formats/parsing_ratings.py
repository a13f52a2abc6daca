"""Rows of our own format -> ratings of single answers, and good/bad labels."""

from collections.abc import Mapping
from typing import Any

from assent.data.rows import is_number, meta_of, prompt_of, text_of
from assent.errors import UserError
from assent.records import Rating

VALUES = ("rating", "ratings", "label")  # a row has exactly one of these
LABELS = {"good": 1.0, "bad": 0.0}
OF_THE_JUDGEMENT = ("annotator", "criterion")  # in `meta`


def ratings_of(row: Mapping[str, Any], where: str) -> list[Rating]:
    meta = meta_of(row, where)
    of_the_prompt = {key: value for key, value in meta.items() if key not in OF_THE_JUDGEMENT}
    prompt = prompt_of({**row, "meta": of_the_prompt}, where)
    response, annotator = text_of(row, "output_text", where), str(meta.get("annotator", ""))
    values, scale = _values(row, where)
    return [Rating(prompt, response, value, scale, name, annotator) for name, value in values.items()]


def _values(row: Mapping[str, Any], where: str) -> tuple[dict[str, float], tuple[float, float]]:
    """(value by criterion, scale)."""
    given = [key for key in VALUES if key in row]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise UserError(f"{where}: expected one of {', '.join(VALUES)}, found {found}")
    if given == ["label"]:
        return {"": _label(row, where)}, (0.0, 1.0)
    scale = _scale(row, where)
    if given == ["ratings"] and not (isinstance(row["ratings"], dict) and row["ratings"]):
        raise UserError(f"{where}: ratings: expected {{criterion: number}}, found {row['ratings']!r}")
    several = given == ["ratings"]
    numbers = row["ratings"] if several else {_criterion(row, where): row["rating"]}
    key = "ratings." if several else "rating"
    return {
        name: _value(value, scale, f"{where}: {key}{name * several}") for name, value in numbers.items()
    }, scale


def _label(row: Mapping[str, Any], where: str) -> float:
    label = row["label"]
    if isinstance(label, bool):
        return float(label)
    if not isinstance(label, str) or label not in LABELS:
        raise UserError(f'{where}: label: expected "good", "bad", true or false, found {label!r}')
    return LABELS[label]


def _scale(row: Mapping[str, Any], where: str) -> tuple[float, float]:
    scale = row.get("scale")
    numbers = isinstance(scale, list) and [is_number(end) for end in scale] == [True, True]
    if scale is None or not numbers or scale[0] >= scale[1]:
        raise UserError(f"{where}: scale: expected [lowest, highest], such as [1, 5], found {scale!r}")
    return float(scale[0]), float(scale[1])


def _criterion(row: Mapping[str, Any], where: str) -> str:
    return text_of(row, "criterion", where) if "criterion" in row else ""


def _value(value: Any, scale: tuple[float, float], where: str) -> float:
    lowest, highest = scale
    if not is_number(value) or not lowest <= value <= highest:
        raise UserError(f"{where}: expected a number from {lowest:g} to {highest:g}, found {value!r}")
    return float(value)
