"""Entries of one import, batch by batch: what is new becomes rows, what contradicts is an error."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

from assent.errors import UserError
from assent.feedback.exchange.alike import as_there, check_same
from assent.feedback.exchange.entries import Entry, written
from assent.feedback.exchange.known import mend
from assent.feedback.exchange.met import Met
from assent.feedback.exchange.rows import Row
from assent.feedback.exchange.standing import Standing
from assent.feedback.exchange.tables import (
    ItemThere,
    Rows,
    ShownThere,
    Unnamed,
    items_there,
    load_free,
    load_judged,
    load_shown,
    people_there,
    same_json,
    uuids_there,
)
from assent.feedback.exchange.words import Words
from assent.feedback.projects import ProjectSettings
from assent.feedback.schema.models import Judgement, Part, Project
from assent.feedback.store import slots

UNNAMED = "unnamed"  # unnamed-1, unnamed-2, ...: whom a file does not name is somebody else each time
MOST_PEOPLE = 10_000  # whose numbers are kept in memory
CORE = ("choice", "ranking", "ratings", "text", "candidate", "strength")  # of an answer: what can be right


@dataclass
class Imported:
    """What an import did."""

    items: int = 0  # that were not there
    judgements: int = 0  # that were not there
    same: int = 0  # records that added nothing, since all they say was there
    retired: int = 0  # items that the file holds no more


@dataclass
class Importer:
    """What one import knows from batch to batch."""

    project: Project
    settings: ProjectSettings
    part: str
    standing: Standing
    listed: bool | None = None  # of items that are new: see models.Item
    who: str = ""  # in the audit log
    done: Imported = field(default_factory=Imported)
    people: dict[str, int] = field(default_factory=dict)  # name -> number
    unnamed: Unnamed | None = None
    met: Met | None = None  # of an import that is large
    expected: dict[str, Row] = field(default_factory=dict)  # right answers that it has told, by item
    words: dict[tuple[int, int], Words] = field(default_factory=dict)  # by item and person, of changed minds

    def store(self, batch: Sequence[Entry]) -> None:
        """Add what is new; inside `writing()`.

        Raises:
            UserError: something contradicts what is there, with its place.
        """
        rows = Rows(self.project.pk, self.listed)
        items = items_there(self.project.pk, {entry.name for entry in batch})
        judged = [entry for entry in batch if entry.said] if self.part == Part.REAL else []
        nameless = self._know(judged, items)
        said = Saying(self, rows, judged, items)
        real = self.part == Part.REAL
        for entry in batch:
            try:
                item, new = self._item(entry, items, rows)
                added = said.add(entry, item) if real and entry.said else new
            except UserError as error:
                raise UserError(f"{entry.place}: {error}") from None
            self.done.same += not added
        rows.write()
        self.standing.keep()
        self.done.judgements += len(rows.judgements)
        if nameless and self.unnamed:
            self.unnamed.keep(items.values())

    def _know(self, judged: Sequence[Entry], items: dict[str, ItemThere]) -> bool:
        """Whether some of the judgements name nobody; all others' annotators have numbers afterwards."""
        if len(self.people) > MOST_PEOPLE:
            self.people.clear()
        self.know([entry.annotator for entry in judged if entry.annotator])
        nameless = any(not entry.annotator for entry in judged)
        if nameless:
            self.unnamed = self.unnamed or Unnamed()
            self.unnamed.load(items.values())
        return nameless

    def know(self, names: Sequence[str]) -> None:
        new = {name for name in names if name not in self.people}
        if new:
            self.people |= people_there(sorted(new))

    def _item(self, entry: Entry, items: dict[str, ItemThere], rows: Rows) -> tuple[ItemThere, bool]:
        """The item of this name, and whether it is new."""
        there = items.get(entry.name)
        if there is None:
            room = slots.wanted(self.settings, entry.name) if self.part == Part.REAL else 0
            made = items[entry.name] = rows.item(entry, self.part, self._expected(entry, None), room)
            self.done.items += 1
            return made, True
        if entry.prompt != there.prompt or entry.candidates != there.candidates or there.part != self.part:
            check_same(entry, there, self.part)
        real = self.part == Part.REAL
        if there.id <= self.standing.last:
            self.standing.meet(there, judged=real and bool(entry.said))
        if real:
            return there, False
        expected = self._expected(entry, there)
        if expected is None or json.loads(expected) == json.loads(there.expected or "null"):
            return there, False
        mend(self.project, there, expected, entry.explanation, self.who)
        return there, True

    def _expected(self, entry: Entry, there: ItemThere | None) -> str | None:
        """The right answer as JSON, of gold, practice and test; the same wherever this import says it."""
        if self.part == Part.REAL:
            return None
        if not entry.said:
            raise UserError(
                f"a {self.part} item needs its right answer, as choice, ranking, rating or output_text, and "
                "there is none"
            )
        answer = json.loads(as_there(entry, there)[0])
        right = {key: answer[key] for key in CORE if key in answer}
        before = self.expected.setdefault(entry.name, right)
        if right != before:
            raise UserError(
                f"item {entry.name}: its right answer is {written(before)} there, and {written(right)} here: "
                "give it another name, as id"
            )
        return written(right)


class Saying:
    """Judgements of one batch."""

    def __init__(self, importer: Importer, rows: Rows, judged: Sequence[Entry], items: dict[str, ItemThere]):
        self._importer, self._rows, self._now = importer, rows, time.time()
        self._uuids: dict[str, tuple[int, str]] = {}  # (item, answer as JSON) of judgements that are there
        self._elsewhere: dict[str, tuple[str, int]] = {}
        if judged:
            self._load(judged, items)

    def _load(self, judged: Sequence[Entry], items: dict[str, ItemThere]) -> None:
        """What is there of these; of judgements that are new and say whose they are, only what these said."""
        uuids = [entry.uuid for entry in judged if entry.uuid]
        if self._importer.met:
            uuids = self._importer.met.maybe(uuids)
        there = uuids_there(uuids)
        load_free(self._importer.project.pk, items.values())
        if there or not all(entry.uuid and entry.annotator for entry in judged):
            load_judged(items, self._uuids)
            self._elsewhere = {uuid: there[uuid] for uuid in there if uuid not in self._uuids}
        else:
            people = self._importer.people
            load_shown([(items[one.name], people[one.annotator]) for one in judged if one.name in items])

    def add(self, entry: Entry, item: ItemThere) -> bool:
        """Whether it was not there.

        Raises:
            UserError: its UUID or its revision is there, and says something else.
        """
        text, order = entry.said, entry.order
        if entry.candidates != item.candidates:
            text, order = as_there(entry, item)
        if entry.own or (entry.hidden != item.hidden and not same_json(entry.hidden, item.hidden)):
            meta = {**json.loads(entry.hidden), **(entry.own or {})}
            text = written({**json.loads(text), "meta": meta})
        if entry.annotator:
            person, uuid = self._importer.people[entry.annotator], entry.uuid
            if not uuid:
                uuid = self._next_word(entry, item, person, text)
            elif uuid in self._elsewhere:
                uuid = self._uuid(entry, item, entry.annotator, text)
        else:
            person, uuid = self._nameless(entry, item, text)
        if uuid in self._uuids:
            there, said = self._uuids[uuid]
            if there != item.id or (said != text and json.loads(said) != json.loads(text)):
                raise UserError(f"judgement {uuid}: it is there, and says something else: {said}")
            return False
        self._uuids[uuid] = item.id, text
        at = self._now if entry.at is None else entry.at
        shown = item.shown.get(person)
        if shown is None:
            shown = item.shown[person] = self._rows.shown(item, person, order, at)
        if not shown.revision:
            shown.slot = self._rows.fill(item, person)
        revision = self._revision(entry, item, shown)
        shown.revision = max(shown.revision, revision)  # an older one changes no last word
        where = uuid, shown.id, item.id, person, shown.slot, revision, shown.surplus
        self._rows.judgements.append((*where, text, entry.guideline, entry.seconds, at))
        return True

    def _nameless(self, entry: Entry, item: ItemThere, text: str) -> tuple[int, str]:
        """(person, UUID): the first unnamed one who said this, or else who has not judged the item.

        Each is one row of this import: the same rows in another order are the same judgements.
        """
        number = 0
        while True:
            number += 1
            if number in item.unnamed:
                continue
            name = f"{UNNAMED}-{number}"
            self._importer.know([name])
            person, uuid = self._importer.people[name], self._uuid(entry, item, name, text)
            if uuid in self._uuids or person not in item.shown:
                item.unnamed.add(number)
                return person, uuid

    def _next_word(self, entry: Entry, item: ItemThere, person: int, text: str) -> str:
        """A UUID for what has none: somebody who comes back to what they said before says it anew."""
        first = self._uuid(entry, item, entry.annotator, text)
        before = item.shown[person].revision if person in item.shown else 0
        if before == 0 or (before == 1 and first in self._uuids):  # their first word, or their only one again
            return first

        def uuid_of(time: int) -> str:
            said = text if time == 1 else f"{text}\n{time}"
            return self._uuid(entry, item, entry.annotator, said)

        words = self._importer.words.setdefault((item.id, person), Words())
        return uuid_of(words.time(text, lambda time: uuid_of(time) in self._uuids))

    def _uuid(self, entry: Entry, item: ItemThere, annotator: str, text: str) -> str:
        """The judgement's own; or one made of what it says, so that it is the same at the next import.

        In one database a judgement has one number: a second project there gives it another.
        """
        project = self._importer.project
        if not entry.uuid:
            return uuid5(NAMESPACE_URL, "\n".join((project.name, item.name, annotator, text))).hex
        if entry.uuid not in self._elsewhere:
            return entry.uuid
        name, number = self._elsewhere[entry.uuid]
        if number == project.pk:
            raise UserError(
                f"judgement {entry.uuid}: it is there, of item {name}, and this is of {item.name}"
            )
        return uuid5(NAMESPACE_URL, f"{project.name}\n{entry.uuid}").hex

    def _revision(self, entry: Entry, item: ItemThere, shown: ShownThere) -> int:
        """Its own, which nothing may have that is there; or the next."""
        revision = entry.revision or shown.revision + 1
        if revision > shown.revision:
            return revision
        waiting = any((row[1], row[5]) == (shown.id, revision) for row in self._rows.judgements)
        if waiting or Judgement.objects.filter(shown=shown.id, revision=revision).exists():
            raise UserError(
                f"item {item.name}: {entry.annotator} judged it with revision {revision}, and this is "
                f"another judgement with revision {revision}"
            )
        return revision
