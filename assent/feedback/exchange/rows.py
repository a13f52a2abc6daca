"""Stored answers -> rows in this package's own formats, and as records for the formats of others. No Django.

A row tells in `meta` who judged, when and what was shown, so that it can be read back as the same judgement.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assent.feedback.projects import Criterion
from assent.records import Comparison, Demonstration, Prompt, Rating

Row = dict[str, Any]
Ranking = Sequence[Sequence[int]]  # candidates by place, best first
STRENGTHS = 3  # steps of "how much better"; files hold shares of them

# What `meta` tells of a judgement; all other keys are the item's.
TOLD = ("annotator", "item", "seconds", "strength", "shown_order", "judgement", "guideline", "at")
TOLD += ("revision", "comment")
TOLD_BESIDES = {"rating": ("candidate",), "edit": ("candidate", "candidates", "item_order")}


@dataclass(slots=True)
class Said:
    """A judgement's last word, and what it is about."""

    item: str
    prompt: str | list[dict[str, str]]
    candidates: list[str]
    hidden: Row
    order: list[int]
    answer: Row
    annotator: str
    uuid: str  # 32 hexadecimal digits, as the database has it
    revision: int
    guideline: int
    seconds: float | None
    created: float
    more: Row  # what this kind of file tells besides


def rows_of(task: str, said: Said, scales: Sequence[Criterion] = ()) -> list[Row]:
    """One row; of ratings, one for each candidate and criterion."""
    if task == "rating":
        return _ratings(said, scales)
    if task == "demonstration":
        return [_demonstration(said, said.answer["text"], {})]
    if task == "edit":
        return [_demonstration(said, said.answer["text"], _edited(said))]
    return [_comparison(task, said)]


def _comparison(task: str, said: Said) -> Row:
    row = asked(said.prompt)
    for index, text in enumerate(said.candidates):
        row[f"candidate_{index}"] = text
    if task == "ranking":
        ranking = said.answer["ranking"]
        row["choice"] = ranking[0][0] if len(ranking[0]) == 1 else None
        row["ranking"] = [place[0] if len(place) == 1 else place for place in ranking]
    else:
        choice = said.answer["choice"]
        row["choice"] = None if choice == "tie" else choice
    row["meta"] = meta_of(said)
    return row


def edit_row(said: Said) -> Row:
    """A mend as a comparison: what somebody made of an answer is better than that answer."""
    original = said.candidates[said.answer["candidate"]]
    answers = {"candidate_0": said.answer["text"], "candidate_1": original, "choice": 0}
    return asked(said.prompt) | answers | {"meta": meta_of(said, _edited(said), order="item_order")}


def _demonstration(said: Said, text: str, edited: Row) -> Row:
    order = "item_order" if edited else "shown_order"
    meta = meta_of(said, edited, order)
    author = meta.pop("annotator")
    if isinstance(said.prompt, str):
        row = {"input_text": said.prompt, "output_text": text}
    else:
        row = {"messages": [*said.prompt, {"role": "assistant", "content": text}]}
    return row | {"author": author, "meta": meta}


def _edited(said: Said) -> Row:
    return {"candidate": said.answer["candidate"], "candidates": said.candidates}


def _ratings(said: Said, scales: Sequence[Criterion]) -> list[Row]:
    return [
        asked(said.prompt)
        | {
            "output_text": said.candidates[index],
            "rating": values[scale.name],
            "scale": [scale.lowest, scale.highest],
            "criterion": scale.name,
            "meta": meta_of(said, {"candidate": index}),
        }
        for index, values in enumerate(said.answer["ratings"])
        for scale in scales
    ]


def asked(prompt: str | list[dict[str, str]]) -> Row:
    """The prompt, under the key that says what it is."""
    return {"input_text": prompt} if isinstance(prompt, str) else {"messages": prompt}


def meta_of(said: Said, more: Mapping[str, Any] | None = None, order: str = "shown_order") -> Row:
    """Who, when and what was shown; then what is known of the item. Keys that say nothing are left out."""
    answer = said.answer
    meta: Row = {"annotator": said.annotator, "item": said.item}
    if said.seconds is not None:
        meta["seconds"] = said.seconds
    if "strength" in answer:
        meta["strength"] = answer["strength"] / STRENGTHS
    if said.order:
        meta[order] = said.order
    meta["judgement"] = dashed(said.uuid)
    if said.guideline:
        meta["guideline"] = said.guideline
    meta["at"] = moment(said.created)
    meta["revision"] = said.revision
    if answer.get("comment"):
        meta["comment"] = answer["comment"]
    meta.update(more or {})
    meta.update(said.more)
    kept = answer.get("meta", said.hidden)  # its own, where it came with other than the item's
    for key, value in kept.items():
        meta.setdefault(key, value)
    return meta


def dashed(digits: str) -> str:
    """A UUID as it is written."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def moment(seconds: float) -> str:
    """Seconds since 1970 as a time of day, to a millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# As records, for the formats of others


def record_of(task: str, said: Said) -> Comparison | Demonstration:
    meta = meta_of(said)
    told = {key: meta.pop(key, None) for key in ("annotator", "item", "seconds", "strength")}
    order = tuple(meta.pop("shown_order", ()))
    prompt = prompt_of(said.prompt, meta)
    if task in ("demonstration", "edit"):
        return Demonstration(prompt, said.answer["text"], said.annotator)
    texts, judged = tuple(said.candidates), {"shown_order": order, **told}
    if task == "ranking":
        return Comparison(prompt, texts, **_ranked(said.answer["ranking"]), **judged)
    choice = said.answer["choice"]
    return Comparison(prompt, texts, None if choice == "tie" else choice, **judged)


def good_and_bad(said: Said) -> Iterator[Rating]:
    """Of a decided pair: the better answer is good, the other bad."""
    prompt = prompt_of(said.prompt, meta_of(said))
    for index, text in enumerate(said.candidates):
        better = index == said.answer["choice"]
        yield Rating(prompt, text, float(better), (0.0, 1.0), annotator=said.annotator)


def prompt_of(asked_for: str | list[dict[str, str]], meta: Row) -> Prompt:
    if isinstance(asked_for, str):
        return Prompt(asked_for, meta=meta)
    said = [one["content"] for one in asked_for if one["role"] == "user"]
    return Prompt(said[-1] if said else asked_for[-1]["content"], tuple(asked_for), meta=meta)


def _ranked(ranking: Ranking) -> dict[str, Any]:
    """As a Comparison holds it: one with ties is the set of its pairs."""
    choice = ranking[0][0] if len(ranking[0]) == 1 else None
    if all(len(place) == 1 for place in ranking):
        return {"choice": choice, "ranking": tuple(place[0] for place in ranking)}
    stands = [(index, number) for number, place in enumerate(ranking) for index in place]
    pairs = tuple(
        (a, b, None if place == other else a)
        for start, (a, place) in enumerate(stands)
        for b, other in stands[start + 1 :]
    )
    return {"choice": choice, "pairs": pairs}
