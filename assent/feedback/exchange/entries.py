"""Records -> entries: an item and what somebody said of it, for the tables; every key of `meta` checked."""

import hashlib
import json
import re
import sys
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assent.errors import UserError
from assent.feedback.exchange.answers_in import Answered, Rated, Wanted, answered, name_of
from assent.feedback.exchange.rows import TOLD, TOLD_BESIDES, Row
from assent.feedback.projects import MOST_CANDIDATES
from assent.feedback.services import Record
from assent.records import Prompt, Rating

ITEM_CHARACTERS, PERSON_CHARACTERS = 200, 80  # that the tables hold
COMMENT_CHARACTERS = 5000
MOST_REVISION = 32767
LATEST = 253402300800.0  # seconds since 1970: the year 10000
COUNTS = {"pairwise": (2, 2), "ranking": (2, MOST_CANDIDATES), "demonstration": (0, 0)}
# What tells of a judgement, or of a file that is not for import: of an item it stands under `item_meta`, so
# that no export says it of a judgement.
OF_JUDGEMENTS = frozenset((*TOLD, "criterion", "expected", "surplus", "votes", "conversation")) - {"item"}
_DIGITS = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# As Django writes JSON, but for letters that are not English: they stand as they are
written = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
quoted = json.encoder.encode_basestring  # a text alone, five times as fast


@dataclass(slots=True)
class Entry:
    """One record."""

    place: str
    name: str
    prompt: str  # JSON, as the columns of that name
    candidates: str
    hidden: str
    explanation: str = ""
    said: str = ""  # the answer as JSON; "": nobody has judged it
    own: Row | None = None  # of the judgement, without a place of its own
    annotator: str = ""
    order: str = ""  # JSON
    uuid: str = ""  # 32 hexadecimal digits; "": to be made of the content
    revision: int = 0  # 0: the next
    guideline: int = 0
    seconds: float | None = None
    at: float | None = None


def entries(wanted: Wanted, records: Iterable[Record | Entry], known: bool) -> Generator[Entry, None, None]:
    """An entry a record; ratings of one judgement are one. What is an entry already stays as it is.

    Args:
        known: the items have a right answer, whose `meta.explanation` is told to people.

    Raises:
        UserError: a record that does not fit, with its place: `file:line` where the records know it, else
            its number.
    """
    for place, record in _placed(records):
        if isinstance(record, Entry):
            yield record
            continue
        try:
            yield _entry(wanted, answered(wanted, record), place, known)
        except UserError as error:
            raise UserError(f"{place}: {error}") from None


def _placed(records: Iterable[Record | Entry]) -> Iterator[tuple[str, Record | Rated | Entry]]:
    """(place, record), ratings that belong together as one."""
    group: Rated | None = None
    began = ""
    for number, record in enumerate(records, start=1):
        place = getattr(records, "place", "") or f"record {number}"
        if not isinstance(record, Rating):
            if group is not None:
                yield began, group
                group = None
            yield place, record
            continue
        index = _candidate(record, place)
        if group is None or not _belongs(group, record, index):
            if group is not None:
                yield began, group
            group, began = Rated(record.prompt, record.annotator, {}), place
        group.values.setdefault(index, {})[record.criterion] = record
    if group is not None:
        yield began, group


def _candidate(rating: Rating, place: str) -> int:
    index = rating.prompt.meta.get("candidate", 0)
    if type(index) is not int or not 0 <= index < MOST_CANDIDATES:
        raise UserError(f"{place}: meta.candidate: expected 0 to {MOST_CANDIDATES - 1}, found {index!r}")
    return index


def _belongs(group: Rated, rating: Rating, index: int) -> bool:
    """Whether a rating is part of the judgement before: no criterion comes twice in one."""
    before = group.prompt
    same = (before.text, before.messages, before.id) == (
        rating.prompt.text,
        rating.prompt.messages,
        rating.prompt.id,
    )
    if not same or group.annotator != rating.annotator:
        return False
    if any(before.meta.get(key) != rating.prompt.meta.get(key) for key in ("judgement", "item")):
        return False
    there = group.values.get(index)
    if there is None:
        return "candidate" in rating.prompt.meta
    first = next(iter(there.values()))
    return rating.criterion not in there and first.response == rating.response


def _entry(wanted: Wanted, found: Answered, place: str, known: bool) -> Entry:
    least, most = COUNTS.get(wanted.task, (1, MOST_CANDIDATES))
    if not least <= len(found.texts) <= most:
        expected = f"{least}" if least == most else f"{least} to {most}"
        raise UserError(f"expected {expected} answers for a {wanted.task} project, found {len(found.texts)}")
    told, meta = _parted(found, wanted.task)
    explanation = meta.pop("explanation", "") if known else ""
    item = found.item or name_of(meta.pop("item", ""))
    if item and found.prompt.id not in ("", item):
        meta["id"] = found.prompt.id
    prompt, candidates = _prompt(found.prompt), f"[{', '.join([quoted(text) for text in found.texts])}]"
    name = item or found.prompt.id or _content(prompt, found.texts)
    if len(name) > ITEM_CHARACTERS:
        raise UserError(f"the item's name is longer than {ITEM_CHARACTERS} characters: {name[:40]!r}...")
    hidden = json_of(meta) if meta else "{}"
    made = Entry(place, name, prompt, candidates, hidden, str(explanation))
    if found.answer is not None:
        _say(made, found, told)
    return made


def _parted(found: Answered, task: str) -> tuple[Row, Row]:
    """(what `meta` tells of the judgement, what of the item)."""
    besides = TOLD_BESIDES.get(task, ())
    if found.answer is None:
        apart = {key: found.meta[key] for key in found.meta if key in OF_JUDGEMENTS or key in besides}
        if apart and "item_meta" in found.meta:
            apart["item_meta"] = found.meta["item_meta"]
        meta = {key: found.meta[key] for key in found.meta if key not in apart}
        return {}, {**meta, "item_meta": apart} if apart else meta
    told: Row = {}
    meta: Row = {}
    for key, value in found.meta.items():
        if key in TOLD or key in besides:
            told[key] = value
        else:
            meta[key] = value
    return told, meta


def _prompt(prompt: Prompt) -> str:
    """As JSON: a text, or a chat."""
    if prompt.messages:
        return written([dict(message) for message in prompt.messages])
    return quoted(prompt.text)


def _content(prompt: str, texts: tuple[str, ...]) -> str:
    """The name of an item that has none: the same whatever the order of its answers."""
    whole = written([prompt, sorted(texts)])
    return hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()[:32]


def _say(made: Entry, found: Answered, told: Row) -> None:
    """What was said, and what `meta` tells of it."""
    answer = found.answer or {}
    comment = told.get("comment")
    if comment not in (None, ""):
        if not isinstance(comment, str) or len(comment) > COMMENT_CHARACTERS:
            raise UserError(f"meta.comment: expected a text of at most {COMMENT_CHARACTERS} characters")
        answer["comment"] = comment
    made.said = json_of(answer)
    made.own = found.own or None
    made.annotator = found.annotator
    if len(made.annotator) > PERSON_CHARACTERS:
        raise UserError(f"annotator: expected at most {PERSON_CHARACTERS} characters: {made.annotator!r}")
    made.order = written(_order(found.order, len(found.texts)))
    made.seconds = seconds_of(found.seconds)
    if "judgement" in told:
        made.uuid = digits_of(told["judgement"])
    made.revision = whole_of(told, "revision", 1, MOST_REVISION)
    made.guideline = whole_of(told, "guideline", 0, sys.maxsize)
    if "at" in told:
        made.at = moment_of(told["at"])


def _order(given: Any, count: int) -> tuple[int, ...]:
    if not given:
        return tuple(range(count))
    numbers = isinstance(given, list | tuple) and all(type(one) is int for one in given)
    if not numbers or sorted(given) != list(range(count)):
        raise UserError(f"shown_order: expected each of the {count} candidates once, found {given!r}")
    return tuple(given)


def json_of(value: Any) -> str:
    """As the tables hold it."""
    try:
        return written(value)
    except (ValueError, TypeError) as error:  # infinity, or what a Parquet file has and JSON has not
        raise UserError(f"meta: expected what JSON can say: {error}") from None


def seconds_of(given: Any) -> float | None:
    if given is None:
        return None
    if type(given) not in (int, float) or not 0 <= given < sys.float_info.max:
        raise UserError(f"seconds: expected a number from 0 on, found {given!r}")
    return float(given)


def whole_of(told: Row, key: str, least: int, most: int) -> int:
    value = told.get(key)
    if value is None:
        return 0
    if type(value) is not int or not least <= value <= most:
        raise UserError(f"meta.{key}: expected a whole number from {least} to {most}, found {value!r}")
    return value


def digits_of(given: Any) -> str:
    """The 32 digits of a UUID."""
    if not isinstance(given, str) or not _DIGITS.fullmatch(given):
        raise UserError(f"meta.judgement: expected a UUID, found {given!r}")
    return given.replace("-", "").lower()


def moment_of(given: Any) -> float:
    if isinstance(given, str):
        try:
            moment = datetime.fromisoformat(given)
        except ValueError:
            moment = datetime.min  # such as the 30th of February
        if moment.tzinfo is not None and 0 <= moment.timestamp() < LATEST:
            return moment.timestamp()
    raise UserError(f"meta.at: expected a time such as 2026-11-21T09:30:00.000Z, found {given!r}")
