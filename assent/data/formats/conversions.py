"""What records of one noun can become: the same noun in another format, or less than they are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple

from assent.data.files.streams import Row
from assent.data.formats.chats import ROLES
from assent.data.formats.dialect import Dialect, Noun
from assent.data.formats.dialects import DIALECTS, dialect_named
from assent.data.formats.parsing import OF_THE_JUDGEMENT
from assent.data.formats.writers import WRITERS
from assent.errors import UserError
from assent.records import Candidates, Comparison, Demonstration, Prompt, Rating

WITH_PROMPTS: tuple[Noun, ...] = ("candidates", "demonstrations", "comparisons", "ratings")
_WHY_NOT: dict[tuple[Noun, Noun], str] = {
    ("ratings", "comparisons"): "that needs all ratings of a prompt at once, and a rule for ties. "
    "A reward stage learns from ratings as they are",
    ("candidates", "comparisons"): "people or a judge say which answer is better: the stages annotate and "
    "ai_feedback",
    ("prompts", "candidates"): "a model writes answers: the stage sample",
    ("prompts", "demonstrations"): "a model writes answers: the stage sample",
}
_ORDERS = ("choice", "ranking", "pairs", "votes")  # of which two may say the same: they matter together


class Made(NamedTuple):
    """A record, and what was left behind in making it, each by its name."""

    record: Any
    left_out: tuple[str, ...] = ()


Make = Callable[[Any], Made]


def maker(have: Noun, to: Dialect) -> Make:
    """How a record of one noun becomes one for a format.

    Raises:
        UserError: it cannot; with what it can become.
    """
    if have == to.noun:
        return Made
    if to.noun == "prompts" and have in WITH_PROMPTS:
        return _prompt
    made = _MAKERS.get((have, to.noun))
    if made is None:
        why = _WHY_NOT.get((have, to.noun))
        raise UserError(
            f"{have} cannot become {to.noun} (the format {to.name})" + (f": {why}" if why else "") + ". "
            f"{have.capitalize()} can become {', '.join(becomes(have))}"
        )
    return made


def becomes(have: Noun) -> list[str]:
    """The formats that records of a noun can be written in."""
    nouns = {have, *(to for noun, to in _MAKERS if noun == have)}
    if have in WITH_PROMPTS:
        nouns.add("prompts")
    return [one.name for one in DIALECTS if one.noun in nouns and one.name in WRITERS]


def target(name: str) -> Dialect:
    """The format to write.

    Raises:
        UserError: there is none of this name, or it is only read.
    """
    to = dialect_named(name)
    if name in WRITERS:
        return to
    others = [one.name for one in DIALECTS if one.name in WRITERS and one.noun == to.noun]
    raise UserError(f"{name} is a format that is only read; {to.noun} are written as {', '.join(others)}")


def _prompt(prompt: Prompt) -> Made:
    """Without what was said about the answers."""
    told = tuple(key for key in prompt.meta if key in OF_THE_JUDGEMENT)
    kept = {key: value for key, value in prompt.meta.items() if key not in told}
    return Made(replace(prompt, meta=kept), told)


def _candidates(judged: Comparison) -> Made:
    prompt = replace(judged.prompt, id=judged.prompt.id or judged.item)
    return Made(Candidates(prompt, judged.candidates, prompt.meta), ("the judgement", *_told(judged)))


def _demonstration(judged: Comparison) -> Made:
    """The best answer."""
    if len(judged.best) != 1:
        raise UserError(
            "a tie, so that no answer is the best: leave it out, or set it aside with --quarantine"
        )
    shown = Demonstration(judged.prompt, judged.candidates[judged.best[0]])
    return Made(shown, ("the other answers", *_told(judged)))


def _told(judged: Comparison) -> tuple[str, ...]:
    return tuple(key for key in OF_THE_JUDGEMENT if getattr(judged, key) not in (None, "", ()))


_MAKERS: Mapping[tuple[Noun, Noun], Make] = {
    ("comparisons", "candidates"): _candidates,
    ("comparisons", "demonstrations"): _demonstration,
}


def good_or_bad(threshold: float) -> Make:
    """Ratings as good or bad: good from the threshold on, a number on their own scale."""

    def made(rating: Rating) -> Made:
        lowest, highest = rating.scale
        if not lowest < threshold <= highest:
            raise UserError(
                f"the threshold {threshold:g} parts nothing on the scale {lowest:g} to {highest:g}: give one "
                f"above {lowest:g} and up to {highest:g}"
            )
        return Made(
            replace(rating, value=float(rating.value >= threshold), scale=(0.0, 1.0)), ("the rating",)
        )

    return made


def unread(row: Row, keys: set[str], read: Callable[[Row], list[Any]]) -> set[str]:
    """Those of the keys that do not matter to what is read: without them the same records come out.

    A key whose texts stand in the records is not among them: it says the same as another.
    """
    whole = read(row)
    said = set(_texts(whole))
    idle = {key for key in keys if not _matters(row, {key}, read, whole) and not _stands_in(row[key], said)}
    orders = {key for key in _ORDERS if key in row}
    return idle - orders if _matters(row, orders, read, whole) else idle


def _matters(row: Row, keys: set[str], read: Callable[[Row], list[Any]], whole: list[Any]) -> bool:
    try:
        return read({name: value for name, value in row.items() if name not in keys}) != whole
    except UserError:
        return True


def _stands_in(value: Any, said: set[str]) -> bool:
    texts = set(_texts(value)) - ROLES.keys()
    return bool(texts) and texts <= said


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for part in value.values() for text in _texts(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in _texts(part))
    elif is_dataclass(value):
        yield from _texts([getattr(value, one.name) for one in fields(value)])
