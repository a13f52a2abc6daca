"""Was an answer right? One function a task; answers are in stored form, so positions play no part.

| task | right is |
|---|---|
| pairwise | the same choice; how much better is not asked, and a tie is right only where a tie is expected |
| ranking | the same order, with the same answers standing together |
| rating | each criterion of each answer within `RATING_STEPS` of what is expected |

What people write (demonstration, edit) and chats cannot be graded: `right` is None, and somebody must read
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

GRADED = ("pairwise", "ranking", "rating")
RATING_STEPS = 1  # two careful people seldom agree to the step: one step beside is no mistake

# What every answer of a task has
_PART = {
    "pairwise": "choice",
    "ranking": "ranking",
    "rating": "ratings",
    "demonstration": "text",
    "edit": "text",
}

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Grade:
    right: bool | None  # None: nothing to compare with, or a text


def grade(task: str, expected: Answer | None, answer: Answer) -> Grade:
    """Compare what somebody answered with what was expected of them, both as `Judgement.answer`."""
    if task not in GRADED or not is_of(expected, task):
        return Grade(None)
    return Grade(_RIGHT[task](expected, answer))


def is_of(answer: Answer | None, task: str) -> TypeGuard[Answer]:
    """Whether an answer has the form of this task: by one that has not, nothing is told or graded."""
    return answer is not None and _PART.get(task) in answer


def _same_choice(expected: Answer, answer: Answer) -> bool:
    return answer.get("choice") == expected["choice"]


def _same_order(expected: Answer, answer: Answer) -> bool:
    given, wanted = answer.get("ranking", ()), expected["ranking"]
    return [set(group) for group in given] == [set(group) for group in wanted]


def _near(expected: Answer, answer: Answer) -> bool:
    given = answer.get("ratings", ())
    return len(given) == len(expected["ratings"]) and all(
        criterion in rated and abs(rated[criterion] - value) <= RATING_STEPS
        for wanted, rated in zip(expected["ratings"], given, strict=True)
        for criterion, value in wanted.items()
    )


_RIGHT = {"pairwise": _same_choice, "ranking": _same_order, "rating": _near}
