"""Records -> what was shown and what was said of it, in the form in which answers are stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assent.errors import UserError
from assent.feedback.exchange.rows import STRENGTHS, Row
from assent.feedback.projects import Criterion
from assent.feedback.services import Record, Undecided
from assent.records import Candidates, Comparison, Demonstration, Prompt, Rating


@dataclass(slots=True)
class Answered:
    """An item, and what somebody said of it, if anybody did."""

    prompt: Prompt
    texts: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)  # all that stood beside
    answer: Row | None = None  # as it is stored; None: nobody has judged it
    annotator: str = ""
    item: str = ""
    seconds: Any = None
    order: Sequence[int] = ()  # (): as the candidates stand
    own: Row | None = None  # what is told of the judgement and has no place of its own


@dataclass(slots=True)
class Rated:
    """All ratings of one judgement: of one answer or several, by every criterion."""

    prompt: Prompt
    annotator: str
    values: dict[int, dict[str, Rating]]  # candidate -> criterion -> rating


@dataclass(frozen=True)
class Wanted:
    """What a project asks people for."""

    task: str
    scales: Sequence[Criterion] = ()


def answered(wanted: Wanted, record: Record | Rated) -> Answered:
    """The record as this project would have it.

    Raises:
        UserError: it is of another kind than the project's task needs.
    """
    found = _FORMS.get((wanted.task, type(record)))
    if found is None:
        kind = type(record).__name__.lower()
        raise UserError(f"a {wanted.task} project needs {_NEEDED[wanted.task]}, and this is a {kind}")
    return found(wanted, record)


# Nothing said yet


def _prompt(_: Wanted, prompt: Prompt) -> Answered:
    return Answered(prompt, (), prompt.meta)


def _candidates(_: Wanted, given: Candidates) -> Answered:
    return Answered(given.prompt, given.texts, {**given.prompt.meta, **given.meta})


def _answer_alone(_: Wanted, shown: Demonstration) -> Answered:
    """One answer, to be rated or mended."""
    written_by = {"author": shown.author} if shown.author else {}
    return Answered(shown.prompt, (shown.response,), {**shown.prompt.meta, **written_by})


# Written


def _written(_: Wanted, shown: Demonstration) -> Answered:
    return _of_meta(shown.prompt, (), {"text": shown.response}, shown.author)


def _mended(wanted: Wanted, shown: Demonstration) -> Answered:
    if "candidate" not in shown.prompt.meta:
        return _answer_alone(wanted, shown)
    return _edit(shown.prompt, shown.response, shown.author, shown.prompt.meta)


def _better(_: Wanted, judged: Comparison) -> Answered:
    """A mend, as the comparison that it is also exported as."""
    if "candidate" not in judged.prompt.meta or judged.choice is None:
        raise UserError(
            "an edit project takes comparisons only as its own export writes them, with meta.candidate and "
            "meta.candidates: give the answers to mend, as candidates"
        )
    said = {"annotator": judged.annotator, "item": judged.item, "seconds": judged.seconds}
    text = judged.candidates[judged.choice]
    return _edit(judged.prompt, text, judged.annotator, {**judged.prompt.meta, **said})


def _edit(prompt: Prompt, text: str, author: str, meta: Mapping[str, Any]) -> Answered:
    number, texts = meta["candidate"], meta.get("candidates")
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise UserError(f"meta.candidates: expected the answers that were shown, found {texts!r}")
    if type(number) is not int or not 0 <= number < len(texts):
        raise UserError(
            f"meta.candidate: expected the number of the answer that was mended, 0 to {len(texts) - 1}, "
            f"found {number!r}"
        )
    made = _of_meta(prompt, tuple(texts), {"candidate": number, "text": text}, author, meta)
    made.order = meta.get("item_order", ())
    return made


def _of_meta(
    prompt: Prompt, texts: tuple[str, ...], answer: Row, annotator: str, meta: Mapping[str, Any] | None = None
) -> Answered:
    """A judgement of whose maker the record has only a name, and `meta` the rest."""
    meta = prompt.meta if meta is None else meta
    return Answered(
        prompt=prompt,
        texts=texts,
        meta=meta,
        answer=answer,
        annotator=annotator or name_of(meta.get("annotator")),
        item=name_of(meta.get("item")),
        seconds=meta.get("seconds"),
        order=meta.get("shown_order", ()),
    )


def name_of(given: Any) -> str:
    """As text; a number is a name as well."""
    return "" if given is None else str(given)


# Compared


def _pair(_: Wanted, judged: Comparison) -> Answered:
    best = (judged.choice,) if judged.choice is not None else judged.best
    answer: Row = {"choice": best[0] if len(best) == 1 else "tie"}
    steps = round((judged.strength or 0) * STRENGTHS)
    if len(best) == 1 and steps >= 1 and steps / STRENGTHS == judged.strength:
        answer["strength"] = steps
    return _compared(judged, answer)


def _ranked(_: Wanted, judged: Comparison) -> Answered:
    return _compared(judged, {"ranking": _ranking(judged)})


def _compared(judged: Comparison, answer: Row) -> Answered:
    own: Row = {}
    if judged.strength is not None and "strength" not in answer:
        own["strength"] = judged.strength
    if judged.criterion:
        own["criterion"] = judged.criterion
    return Answered(
        prompt=judged.prompt,
        texts=judged.candidates,
        meta=judged.prompt.meta,
        answer=answer,
        annotator=judged.annotator,
        item=judged.item,
        seconds=judged.seconds,
        order=judged.shown_order,
        own=own,
    )


def _ranking(judged: Comparison) -> list[list[int]]:
    """Candidates by place, best first; those of one place stand together.

    Raises:
        UserError: the judgement does not order all of them.
    """
    if judged.ranking:
        return [[index] for index in judged.ranking]
    count = len(judged.candidates)
    if len(judged.pairwise) < count * (count - 1) // 2:
        raise UserError("a ranking project needs the order of all answers, and this tells only a part of it")
    wins = dict.fromkeys(range(count), 0)
    for left, right, winner in judged.pairwise:
        for one in (left, right):
            wins[one] += 1 if winner is None else 2 * (winner == one)
    ranking = [[k for k in wins if wins[k] == won] for won in sorted(set(wins.values()), reverse=True)]
    places = {index: number for number, place in enumerate(ranking) for index in place}
    for left, right, winner in judged.pairwise:
        first = min((left, right), key=places.__getitem__)
        if winner != (None if places[left] == places[right] else first):
            raise UserError("the pairs go round in a circle, so that they are no ranking")
    return ranking


def _undecided(_: Wanted, said: Undecided) -> Answered:
    prompt = said.candidates.prompt
    made = _of_meta(prompt, said.candidates.texts, {"choice": said.choice}, "")
    made.own = {key: prompt.meta[key] for key in ("strength", "criterion") if key in prompt.meta}
    return made


# Rated


def _ratings(wanted: Wanted, rated: Rated) -> Answered:
    count = len(rated.values)
    if sorted(rated.values) != list(range(count)):
        raise UserError(f"meta.candidate: expected ratings of 0 to {count - 1}, found {sorted(rated.values)}")
    texts = tuple(next(iter(rated.values[index].values())).response for index in range(count))
    ratings = [_checked(rated.values[index], wanted.scales) for index in range(count)]
    return _of_meta(rated.prompt, texts, {"ratings": ratings}, rated.annotator)


def _checked(given: Mapping[str, Rating], scales: Sequence[Criterion]) -> dict[str, int]:
    """The number by each of the project's criteria."""
    names = [scale.name for scale in scales]
    if len(names) == 1 and list(given) == [""]:
        given = {names[0]: given[""]}  # ratings without a criterion, for a project that has one
    if set(given) != set(names):
        found = ", ".join(name or "one without a name" for name in given)
        raise UserError(f"ratings by {found}, and this project rates by {', '.join(names)}: by all of them")
    values = {}
    for scale in scales:
        rating = given[scale.name]
        if rating.scale != (scale.lowest, scale.highest):
            lowest, highest = rating.scale
            raise UserError(
                f"{scale.name} is rated from {lowest:g} to {highest:g} here, and from {scale.lowest} to "
                f"{scale.highest} in the project"
            )
        if rating.value != int(rating.value):
            raise UserError(f"{scale.name}: expected a whole number, found {rating.value:g}")
        values[scale.name] = int(rating.value)
    return values


_NEEDED = {
    "pairwise": "two answers to a prompt",
    "ranking": "two to nine answers to a prompt",
    "rating": "one answer to a prompt or several",
    "demonstration": "prompts",
    "edit": "one answer to a prompt or several",
    "chat": "no items, since people begin the chats",
}
_FORMS: Mapping[tuple[str, type], Callable[[Wanted, Any], Answered]] = {
    ("demonstration", Prompt): _prompt,
    ("demonstration", Demonstration): _written,
    ("pairwise", Candidates): _candidates,
    ("pairwise", Comparison): _pair,
    ("pairwise", Undecided): _undecided,
    ("ranking", Candidates): _candidates,
    ("ranking", Comparison): _ranked,
    ("rating", Candidates): _candidates,
    ("rating", Demonstration): _answer_alone,
    ("rating", Rated): _ratings,
    ("edit", Candidates): _candidates,
    ("edit", Demonstration): _mended,
    ("edit", Comparison): _better,
}


def permuted(made: Row, order: Sequence[int], places: Sequence[int]) -> tuple[Row, tuple[int, ...]]:
    """Answer and order where candidate k of the record is candidate `places[k]` of the item."""
    answer = dict(made)
    if type(answer.get("choice")) is int:
        answer["choice"] = places[answer["choice"]]
    if "candidate" in answer:
        answer["candidate"] = places[answer["candidate"]]
    if "ranking" in answer:
        answer["ranking"] = [sorted(places[k] for k in place) for place in answer["ranking"]]
    if "ratings" in answer:
        answer["ratings"] = [answer["ratings"][places.index(k)] for k in range(len(places))]
    return answer, tuple([places[k] for k in order])
