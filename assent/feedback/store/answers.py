"""What a browser answers, in positions on the page, and what is stored, in numbers of candidates.

| task | browser | stored |
|---|---|---|
| pairwise | `{"choice": "left", "strength": 2}` | `{"choice": 1, "strength": 2}` |
| pairwise | `{"choice": "tie"}`, `both_bad`, `cannot_judge` | the same |
| ranking | `{"ranking": [[1], [0, 2]], "untouched": false}`, best first | `{"ranking": [[2], [0, 1]]}` |
| rating | `{"ratings": [{"fluency": 4}, {"fluency": 2}]}` by position | the same by candidate |
| demonstration | `{"text": "..."}` | the same |
| edit | `{"position": 0, "text": "..."}` | `{"candidate": 1, "text": "..."}` |

Any of them may have a `comment`. Texts are stored as they were typed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assent.errors import UserError
from assent.feedback.projects import Criterion, ProjectSettings

LONGEST_TEXT, LONGEST_COMMENT = 100_000, 5_000  # characters
SIDES = ("left", "right")
NEITHER = ("tie", "both_bad", "cannot_judge")  # three different things, and none of them is 0 or 1
STRENGTHS = (1, 2, 3)
Answer = dict[str, Any]


class AnswerError(UserError):
    """Not an answer to what was asked. The page says `code` in the reader's language.

    Codes: form, choice, strength, ranking, untouched, ratings, scale, text, empty, long, unchanged, seconds.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


def stored(settings: ProjectSettings, count: int, order: Sequence[int], given: Mapping[str, Any]) -> Answer:
    """What the browser sent, as it is stored; `order` holds the number of each of the `count` candidates.

    Raises:
        AnswerError: it is not an answer to this task, or not a whole one.
    """
    if not isinstance(given, Mapping):
        raise AnswerError("form", "an answer is an object with named parts")
    known, read = _TASKS.get(settings.task, ((), _not_asked))
    unknown = sorted(set(given) - {*known, "comment"})
    if unknown:
        raise AnswerError("form", f"{unknown[0]}: not part of an answer to {settings.task}")
    if len(order) != count or (settings.task == "pairwise" and count != len(SIDES)):
        raise AnswerError(
            "form", f"{count} answers were shown as {list(order)}: a {settings.task} has others"
        )
    answer = read(settings, order, given)
    comment = given.get("comment")
    if comment not in (None, ""):
        answer["comment"] = words(comment, LONGEST_COMMENT)
    return answer


def words(given: object, most: int) -> str:
    """A text that can be stored and exported, as it was typed.

    Raises:
        AnswerError: it is no text, too long, or holds half a character or none, which files cannot.
    """
    if not isinstance(given, str):
        raise AnswerError("text", "expected a text")
    if len(given) > most:
        raise AnswerError("long", f"{len(given):,} characters, and {most:,} are the most")
    try:
        given.encode("utf-8")
    except UnicodeEncodeError:
        raise AnswerError("text", "half of a character (a lone surrogate): type it again") from None
    if "\0" in given:
        raise AnswerError("text", "a character that is none (U+0000): type it again")
    return given


def in_positions(task: str, order: Sequence[int], answer: Mapping[str, Any]) -> Answer:
    """The other way round: a stored answer as the page that has this order takes it."""
    place = {candidate: position for position, candidate in enumerate(order)}
    shown = dict(answer)
    if task == "pairwise" and answer["choice"] not in NEITHER:
        shown["choice"] = SIDES[place[answer["choice"]]]
    elif task == "ranking":
        shown["ranking"] = [sorted(place[one] for one in group) for group in answer["ranking"]]
    elif task == "rating":
        shown["ratings"] = [answer["ratings"][candidate] for candidate in order]
    elif task == "edit":
        shown["position"] = place[shown.pop("candidate")]
    return shown


def check_changed(candidates: Sequence[str], answer: Mapping[str, Any]) -> None:
    """A mended answer that says what it said before is none.

    Raises:
        AnswerError: it is the same.
    """
    if "candidate" in answer and candidates[answer["candidate"]] == answer["text"]:
        raise AnswerError("unchanged", "the text is what it was: change it, or skip the item")


def _not_asked(settings: ProjectSettings, order: Sequence[int], given: Mapping[str, Any]) -> Answer:  # noqa: ARG001
    raise AnswerError("form", f"nothing is judged in a project of task {settings.task}")


def _whole(number: object, lowest: int, highest: int) -> bool:
    return type(number) is int and lowest <= number <= highest  # True is no 1


def _pairwise(settings: ProjectSettings, order: Sequence[int], given: Mapping[str, Any]) -> Answer:
    choice, strength = given.get("choice"), given.get("strength")
    if choice in NEITHER:
        if strength is not None:
            raise AnswerError("strength", f"{choice} has no strength")
        return {"choice": choice}
    if choice not in SIDES:
        raise AnswerError("choice", f"choice: expected one of {', '.join((*SIDES, *NEITHER))}")
    answer: Answer = {"choice": order[SIDES.index(choice)]}
    if strength is None:
        return answer
    if not settings.strength or not _whole(strength, STRENGTHS[0], STRENGTHS[-1]):
        raise AnswerError("strength", "strength: expected 1, 2 or 3, in a project that asks for it")
    return {**answer, "strength": strength}


def _ranking(settings: ProjectSettings, order: Sequence[int], given: Mapping[str, Any]) -> Answer:  # noqa: ARG001
    groups = given.get("ranking")
    if not isinstance(groups, list) or not all(isinstance(group, list) and group for group in groups):
        raise AnswerError("ranking", "ranking: expected a list of lists of positions, best first")
    named = [position for group in groups for position in group]
    last = len(order) - 1
    if not all(_whole(position, 0, last) for position in named) or sorted(named) != list(range(last + 1)):
        raise AnswerError("ranking", f"ranking: expected each of the positions 0 to {last} once")
    if given.get("untouched") and not given.get("confirmed"):
        raise AnswerError("untouched", "nothing was moved: confirm that this is the order you mean")
    # Inside a group nobody is better: by number, so that the same ranking is stored the same.
    return {"ranking": [sorted(order[position] for position in group) for group in groups]}


def _rating(settings: ProjectSettings, order: Sequence[int], given: Mapping[str, Any]) -> Answer:
    ratings = given.get("ratings")
    if not isinstance(ratings, list) or len(ratings) != len(order):
        raise AnswerError("ratings", f"ratings: expected {len(order)}, one for each answer")
    checked = [_rated(settings.scales, one) for one in ratings]
    by_candidate = sorted(range(len(order)), key=lambda position: order[position])
    return {"ratings": [checked[position] for position in by_candidate]}


def _rated(scales: Sequence[Criterion], given: object) -> dict[str, int]:
    names = [scale.name for scale in scales]
    if not isinstance(given, dict) or set(given) != set(names):
        raise AnswerError("ratings", f"ratings: expected a number for each of {', '.join(names)}")
    for scale in scales:
        if not _whole(given[scale.name], scale.lowest, scale.highest):
            raise AnswerError("scale", f"{scale.name}: expected {scale.lowest} to {scale.highest}")
    return {name: given[name] for name in names}


def _written(given: Mapping[str, Any]) -> str:
    text = words(given.get("text"), LONGEST_TEXT)
    if not text.strip():
        raise AnswerError("empty", "nothing was written")
    return text


def _demonstration(settings: ProjectSettings, order: Sequence[int], given: Mapping[str, Any]) -> Answer:  # noqa: ARG001
    return {"text": _written(given)}


def _edit(settings: ProjectSettings, order: Sequence[int], given: Mapping[str, Any]) -> Answer:  # noqa: ARG001
    position = given.get("position")
    if not isinstance(position, int) or not _whole(position, 0, len(order) - 1):
        raise AnswerError("form", f"position: expected 0 to {len(order) - 1}")
    return {"candidate": order[position], "text": _written(given)}


_Read = Callable[[ProjectSettings, Sequence[int], Mapping[str, Any]], Answer]
_TASKS: dict[str, tuple[tuple[str, ...], _Read]] = {
    "pairwise": (("choice", "strength"), _pairwise),
    "ranking": (("ranking", "untouched", "confirmed"), _ranking),
    "rating": (("ratings",), _rating),
    "demonstration": (("text",), _demonstration),
    "edit": (("position", "text"), _edit),
}
