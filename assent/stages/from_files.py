"""Judgements that were made elsewhere: each of them once, and of one person's words on an item the last."""

import glob
from collections.abc import Hashable, Iterator, Sequence

from assent.data.files.containers import raw_rows
from assent.data.formats.reading import Reader
from assent.errors import UserError
from assent.feedback.exchange.not_for_import import refuse_export
from assent.records import Candidates, Comparison, Prompt, in_full


def judged_elsewhere(source: str) -> list[Comparison]:
    """The judgements in all files of a source; none as long as there is no file.

    What the app exports says by its `meta` which judgement a row is, and which revision of it. Rows that do
    not are judgements of their own each.

    Raises:
        UserError: a row that is no comparison, or of an export that is none; two rows that are one judgement
            and say different things, with both places.
    """
    if not glob.glob(source, recursive=True):
        return []
    judged = list(_once(source))
    last: dict[Hashable, int] = {}
    for one in judged:
        if (key := _whose(one)) is not None:
            last[key] = max(last.get(key, 0), _revision(one))
    return [one for one in judged if (key := _whose(one)) is None or _revision(one) == last[key]]


def of_others(judged: Sequence[Comparison], items: Sequence[Candidates]) -> int:
    """How many judgements are of other prompts or answers than these."""
    asked = {_content(item.prompt, item.texts) for item in items}
    return sum(_content(one.prompt, one.candidates) not in asked for one in judged)


def _once(source: str) -> Iterator[Comparison]:
    reader = Reader.of(Comparison)
    met: dict[tuple[str, str], tuple[Comparison, str]] = {}
    for place, row in raw_rows(source):
        refuse_export(row, place)
        for one in reader.read(row, place):
            number = one.prompt.meta.get("judgement")
            if not isinstance(number, str):
                yield one
                continue
            before, there = met.setdefault((number, one.criterion), (one, place))
            if there == place:
                yield one
            elif _said(one) != _said(before):
                raise UserError(
                    f"{place}: judgement {number} stands in {there} as well, and says something else there: "
                    "one of them was changed by hand: remove it"
                )


def _said(one: Comparison) -> Hashable:
    """What was said of which texts, wherever they stand in the row."""
    texts = one.candidates
    pairs = [(texts[left], texts[right], _text(one, winner)) for left, right, winner in one.pairs]
    ranked = tuple(texts[number] for number in one.ranking)
    return _content(one.prompt, texts), _text(one, one.choice), ranked, tuple(pairs)


def _text(one: Comparison, number: int | None) -> str | None:
    return None if number is None else one.candidates[number]


def _whose(one: Comparison) -> Hashable | None:
    """Whose words on which item it is one of; None where it does not say."""
    numbered = isinstance(one.prompt.meta.get("judgement"), str) and _revision(one) > 0
    if not (numbered and one.annotator):
        return None
    return one.annotator, one.item, one.criterion, _content(one.prompt, one.candidates)


def _revision(one: Comparison) -> int:
    """0: it does not say."""
    revision = one.prompt.meta.get("revision")
    return revision if type(revision) is int else 0


def _content(prompt: Prompt, texts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    return in_full(prompt.text), tuple(sorted(texts))
