"""What is in a file: one pass over it, in memory that grows by some bytes a row and never by its texts."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from assent.data.files.containers import OnBad
from assent.data.formats.reading import PARSERS
from assent.data.inspection.judgement_counts import ComparisonCounts, LabelCounts, RatingCounts
from assent.data.inspection.repeats import Places, Prompts, Repeats, asked_text, statement
from assent.data.inspection.seen import Bad, Given, Looking, Seen
from assent.data.inspection.text_counts import CountTokens, TextCounts, answers_in
from assent.data.inspection.text_facts import text_facts
from assent.records import Comparison, Labelled, Rating

CHOSEN_FIRST = ("prompt-chosen-rejected", "hh")  # formats that do not keep the order in which answers stood
TOLD_ROWS = 100_000  # between two words on how far it is
FIRST_SHOWN = 3  # rows from the beginning; the others are drawn from the whole file


class Sample:
    """The first few records, and others drawn evenly from all that follow: Vitter 1985, algorithm R."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self._first = min(FIRST_SHOWN, size)
        self._size, self._random = size, random.Random(seed)  # noqa: S311 - no secret
        self._kept: list[tuple[int, Seen]] = []

    def add(self, number: int, one: Seen) -> None:
        if number < self._size:
            self._kept.append((number, one))
            return
        room = self._size - self._first
        place = self._random.randrange(number - self._first + 1)
        if place < room:
            self._kept[self._first + place] = (number, one)

    def rows(self) -> list[Seen]:
        return [one for _, one in sorted(self._kept, key=lambda kept: kept[0])]


class Inspection:
    """All that is counted of the files, which are looked at as one set."""

    def __init__(
        self,
        others: dict[str, dict[int, str]] | None = None,
        count_tokens: CountTokens | None = None,
        context: int | None = None,
        rows: int = 10,
        then: OnBad | None = None,
        given: Given | None = None,
    ) -> None:
        self.bad, self.sample = Bad(then), Sample(rows)
        self._looking, self._places = Looking(self.bad, given), Places()
        self.formats, self.nouns = Counter[str](), Counter[str]()
        self._texts, self._prompts = TextCounts(count_tokens, context), Prompts(others or {})
        self._repeats = {noun: Repeats(self._places) for noun in PARSERS}
        self._comparisons, self._ratings = ComparisonCounts(self._places), RatingCounts(self._places)
        self._labels = LabelCounts(self._places)

    def read(self, source: str, say: Callable[[str], None] | None = None) -> None:
        """Look at every record of a source; `say` is told now and then how many there were."""
        for one in self._looking.read(source):
            self._add(one)
            if say is not None and len(self._places) % TOLD_ROWS == 0:
                say(f"{len(self._places):,} records")

    def _add(self, one: Seen) -> None:
        row, record = self._places.add(one.where), one.record
        self.sample.add(row, one)
        self.formats[one.dialect.name] += 1
        self.nouns[one.dialect.noun] += 1
        prompt = text_facts(asked_text(record))
        answers = {text: text_facts(text) for text in answers_in(record)}
        self._texts.add(one.where, record, prompt, answers)
        self._prompts.add(one.where, prompt.text, prompt.folded)
        folded = {prompt.text: prompt.folded, **{text: facts.folded for text, facts in answers.items()}}
        repeats = self._repeats[one.dialect.noun]
        repeats.add(row, statement(record, str), statement(record, folded.__getitem__))
        if isinstance(record, Comparison):
            texts = [prompt, *(answers[text] for text in record.candidates)]
            self._comparisons.add(row, record, texts, one.dialect.name not in CHOSEN_FIRST)
        elif isinstance(record, Rating):
            self._ratings.add(row, record)
        elif isinstance(record, Labelled):
            self._labels.add(row, record)

    def facts(self) -> dict[str, Any]:
        """Everything that was found, as plain values."""
        return {
            "rows": self._looking.rows.total(),
            "files": dict(self._looking.rows),
            "barren_rows": self._looking.barren,
            "bad_rows": {"count": self.bad.count, "first": self.bad.first},
            "formats": dict(self.formats.most_common()),
            "records": dict(self.nouns.most_common()),
            "columns": dict(self._looking.columns),
            "prompts": self._prompts.different(),
            **self._texts.facts(),
            "repeats": {noun: self._repeats[noun].facts() for noun in self.nouns},
            "comparisons": self._comparisons.facts(),
            "ratings": self._ratings.facts(),
            "labelled": self._labels.facts(),
            "against": self._prompts.against(),
        }
