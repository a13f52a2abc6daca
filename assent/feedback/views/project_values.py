"""Settings of a project as people type them: criteria as lines, shares in percent, YAML; and back."""

import copy
import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from assent.config import check, parse_yaml
from assent.errors import UserError
from assent.feedback.projects import GRADED, Criterion, ProjectSettings

OWN = "own"
MOST_STEPS = 10  # from the lowest to the highest, as in projects.Criterion
# Where a refused setting is shown; what is not here is shown above the form.
_FIELD_OF = {
    "shared.share": "shared_percent",
    "shared.overlap": "shared_overlap",
    "criteria": "own",
    "gold": "gold_every",
    "qualification": "pass_percent",
    "implicit": "consent",
}
# Where a field's value is kept, where that is not under its name.
_KEY_OF = {
    "shared_percent": "shared.share",
    "shared_overlap": "shared.overlap",
    "pass_percent": "qualification.pass_mark",
    "implicit": "implicit.enabled",
    "consent": "implicit.consent",
}
_PERCENT = ("shared_percent", "pass_percent")  # kept as shares of 1
# What the other tasks have no use for is not asked, and not kept.
_OF_TASKS = {
    "strength": ("pairwise",),
    "criteria": ("rating",),
    "policies": ("chat",),
    "implicit": ("chat",),
    "gold": GRADED,
}
_CRITERION = re.compile(
    r"\s*(?P<name>[A-Za-z][A-Za-z0-9_ -]{0,39}?)\s*(?::(?P<question>[^\[]{0,500}))?"
    r"(?:\[\s*(?P<low>-?\d{1,9})\s*[-–]\s*(?P<high>-?\d{1,9})\s*\])?\s*"
)
# Settings that name files: a page of the web must not make the server read its own.
_FILES = (("guideline",), ("gold", "items"), ("qualification", "practice"), ("qualification", "test"))


def over(before: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    """The settings `before`, and over them what was typed, by field."""
    wanted = copy.deepcopy(dict(before))
    for field, value in typed.items():
        if field == "gold_every":
            wanted["gold"] = None if value is None else {**(before.get("gold") or {}), "every": value}
            continue
        outer, _dot, key = _KEY_OF.get(field, field).rpartition(".")
        inside = wanted.setdefault(outer, {}) if outer else wanted
        inside[key] = value / 100 if field in _PERCENT else value
    for key, tasks in _OF_TASKS.items():
        if wanted.get("task", ProjectSettings().task) not in tasks:
            wanted.pop(key, None)
    return wanted


def criteria_of(text: str, before: tuple[Criterion, ...] = ()) -> list[dict[str, Any]]:
    """`name: question [lowest-highest]`, one a line, as plain settings.

    A line as `criteria_text` wrote it is that criterion of `before`: a line cannot tell all of each.

    Raises:
        ValidationError: a line that is none, with its number.
    """
    found = []
    there = {_line_of(one): one.model_dump(exclude_unset=True) for one in before}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if line in there:
            found.append(there[line])
            continue
        match = _CRITERION.fullmatch(line)
        if match is None:
            raise ValidationError(
                _("Line %(number)d: expected “name: question [1-5]”, with a name in English letters.")
                % {"number": number}
            )
        low, high = int(match["low"] or 1), int(match["high"] or 5)
        if not 1 <= high - low <= MOST_STEPS:
            raise ValidationError(
                _("Line %(number)d: expected a scale from low to high, of eleven steps at most.")
                % {"number": number}
            )
        question = (match["question"] or "").strip()
        found.append({"name": match["name"], "question": question, "lowest": low, "highest": high})
    if not found:
        raise ValidationError(_("Write one criterion at least, or choose some that are there."))
    return found


def _line_of(one: Criterion) -> str:
    question = in_one_line(one.question)
    return f"{one.name}{': ' + question if question else ''} [{one.lowest}-{one.highest}]"


def criteria_text(criteria: tuple[Criterion, ...]) -> str:
    return "\n".join(map(_line_of, criteria))


def in_lines(text: str) -> str:
    """Browsers send the end of a line as two characters, and Django takes the spaces around a text."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def in_one_line(text: str) -> str:
    return " ".join(text.splitlines()).strip()


def as_typed(settings: ProjectSettings) -> dict[str, Any]:
    """What stands in the form of a project that is there, as it comes back where nobody touches it."""
    preset = settings.criteria if isinstance(settings.criteria, str) else ""
    own = "" if isinstance(settings.criteria, str) else criteria_text(settings.criteria)
    return {
        "title": in_one_line(settings.title),
        "task": settings.task,
        "strength": settings.strength,
        "preset": preset or (OWN if own else ""),
        "own": own,
        "policies": list(settings.policies),
        "implicit": settings.implicit.enabled,
        "consent": in_lines(settings.implicit.consent),
        "overlap": settings.overlap,
        "shared_percent": _short(settings.shared.share * 100),
        "shared_overlap": settings.shared.overlap,
        "gold_every": settings.gold.every if settings.gold else None,
        "pass_percent": _short(settings.qualification.pass_mark * 100),
        "lease_minutes": _short(settings.lease_minutes),
    }


def told(problem: Any) -> tuple[str | None, str]:
    """(the form's field, what is wrong) of one thing that pydantic found."""
    path = [str(part) for part in problem["loc"] if not str(part).startswith("function-")]
    text = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else problem["msg"]
    key = ".".join(path) or text.partition(":")[0]  # a check of the whole begins with the key it means
    for start in (key, ".".join(path[:2]), key.partition(".")[0]):
        if start in _FIELD_OF:
            return _FIELD_OF[start], text
    return key, text


def from_yaml(text: str) -> dict[str, Any]:
    """Settings as pasted, checked.

    Raises:
        UserError: with the line or the key.
    """
    values = parse_yaml(text, "YAML")
    for *outer, key in _FILES:
        inside = values.get(outer[0], {}) if outer else values
        if isinstance(inside, dict) and inside.get(key) is not None:
            raise UserError(
                _(
                    "%(key)s: files of the server are not read from here: leave it out, and write the "
                    "guideline or upload the items on the pages of the project."
                )
                % {"key": ".".join((*outer, key))}
            )
    if "items" in values:
        raise UserError(_("items: leave it out, and upload them on the project's page of items."))
    if "name" in values:
        raise UserError(_("name: leave it out, and write it in the field above."))
    if "out" in values:
        raise UserError(_("out: leave it out; judgements are downloaded on the project's page."))
    check(ProjectSettings, values, "YAML")
    return values


def _short(number: float) -> float | int:
    """15 rather than 15.0, and 33.3 rather than 33.300000000000004."""
    rounded = round(number, 4)
    return int(rounded) if rounded == int(rounded) else rounded
