"""The statements of an import: what is there, by a few queries a batch; what is new, by a few more.

Through the same connection and in the same transaction as all else that is written. Rows get their numbers
here, so that those that refer to each other are written together.
"""

import json
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from assent.feedback.exchange.entries import Entry, written
from assent.feedback.projects import LONGEST_LEASE_SECONDS
from assent.feedback.schema.models import Part, Person

_NUMBERED = ("item", "slot", "shown", "judgement")
_ITEMS = """SELECT id, name, part, position, prompt, candidates, hidden, expected, listed FROM feedback_item
WHERE project_id = ? AND name IN ({names})"""
_OF_ITEMS = """SELECT s.item_id, s.person_id, s.id, j.revision, j.slot_id, j.surplus, j.uuid, j.answer
FROM feedback_shown s LEFT JOIN feedback_judgement j ON j.shown_id = s.id
WHERE s.attempt = 0 AND s.item_id IN ({names}) ORDER BY j.revision"""
_OF_PAIRS = """WITH pair (item, person) AS (VALUES {names})
SELECT s.item_id, s.person_id, s.id, j.revision, j.slot_id, j.surplus FROM pair
CROSS JOIN feedback_shown s ON s.item_id = pair.item AND s.person_id = pair.person AND s.attempt = 0
LEFT JOIN feedback_judgement j ON j.shown_id = s.id ORDER BY j.revision"""
# By position, which is one item's: the index `open_slots` holds no others.
_SLOTS = """SELECT item_id, id, holder_id, lease_until FROM feedback_slot
WHERE project_id = ? AND NOT judged AND position IN ({names}) ORDER BY position, number"""
_NUMBERS = "SELECT item_id, max(number) + 1 FROM feedback_slot WHERE item_id IN ({names}) GROUP BY item_id"
_UUIDS = """SELECT j.uuid, i.name, i.project_id
FROM feedback_judgement j JOIN feedback_item i ON i.id = j.item_id WHERE j.uuid IN ({names})"""
_POSITION = "SELECT max(position) FROM feedback_item WHERE project_id = %s AND part = %s"
_ITEM = "id, project_id, name, part, position, listed, prompt, candidates, hidden, expected, explanation"
_SLOT = "id, project_id, item_id, number, position, judged"
_SHOWING = 'id, project_id, item_id, person_id, attempt, "order", created'
_JUDGEMENT = (
    "id, uuid, shown_id, item_id, person_id, slot_id, revision, surplus, answer, guideline, seconds, "
    "created, payload_sha256"
)
_FILL = "UPDATE feedback_slot SET judged = 1, holder_id = NULL, lease_until = NULL WHERE id = %s"
MOST_VALUES = 10_000  # in one query
ROWS_AT_ONCE = 100  # in one statement


@dataclass(slots=True)
class ShownThere:
    """An item was shown to somebody, and the last that they said of it."""

    id: int
    revision: int = 0  # 0: nothing yet
    slot: int | None = None
    surplus: bool = False


@dataclass(slots=True)
class ItemThere:
    """An item that is there, or will be when this batch is written."""

    id: int
    name: str
    part: str
    position: int
    prompt: str  # JSON, as the columns of that name
    candidates: str
    hidden: str
    expected: str | None
    listed: int | None  # see models.Item
    explanation: str = ""
    slots: int = 0  # made in this batch
    shown: dict[int, ShownThere] = field(default_factory=dict)  # by person
    free: list[tuple[int, int | None]] = field(default_factory=list)  # (slot, who holds it)
    unnamed: set[int] = field(default_factory=set)  # numbers of those without a name, in this import

    @property
    def texts(self) -> list[str]:
        return json.loads(self.candidates)


def same_json(mine: str, stored: str) -> bool:
    """Whether what is stored says the same; Django writes letters that are not English as `\\u....`."""
    return mine == stored or ("\\u" in stored and mine == written(json.loads(stored)))


def items_there(project: int, names: Collection[str]) -> dict[str, ItemThere]:
    """By name, those that are there."""
    rows = _several(_ITEMS, list(names), project)
    return {row[1]: ItemThere(*row) for row in rows}


def load_judged(items: dict[str, ItemThere], uuids: dict[str, tuple[int, str]]) -> None:
    """All that was said of these items; (item, answer) by UUID."""
    by_number = {item.id: item for item in items.values()}
    for item, person, shown, revision, slot, surplus, uuid, answer in _several(_OF_ITEMS, list(by_number)):
        # ordered by revision: the last is what counts
        by_number[item].shown[person] = ShownThere(shown, revision or 0, slot, bool(surplus))
        if uuid is not None:
            uuids[uuid] = item, answer


def load_shown(pairs: Sequence[tuple[ItemThere, int]]) -> None:
    """What these people said last of these items, and no more: a tenth of the time of `load_judged`."""
    by_number = {item.id: item for item, _ in pairs}
    values = [value for item, person in pairs for value in (item.id, person)]
    for item, person, shown, revision, slot, surplus in _several(_OF_PAIRS, values, row="(?, ?)"):
        by_number[item].shown[person] = ShownThere(shown, revision or 0, slot, bool(surplus))


def load_free(project: int, items: Iterable[ItemThere]) -> None:
    """Which slots of these items are free, in the order of their numbers."""
    by_number, now = {item.id: item for item in items}, time.time()
    positions = [item.position for item in by_number.values()]
    for item, slot, holder, lease_until in _several(_SLOTS, positions, project):
        lost = lease_until is not None and not now <= lease_until <= now + LONGEST_LEASE_SECONDS
        by_number[item].free.append((slot, None if lost else holder))


def uuids_there(uuids: Sequence[str]) -> dict[str, tuple[str, int]]:
    """(name of the item, project) of the judgements that are there."""
    return {uuid: (name, project) for uuid, name, project in _several(_UUIDS, uuids)}


def people_there(names: Collection[str]) -> dict[str, int]:
    """The numbers of these people; who is not there is made, and cannot log in."""
    found = dict(Person.objects.filter(name__in=names).values_list("name", "pk"))
    missing = [Person(name=name, is_active=False) for name in dict.fromkeys(names) if name not in found]
    for person in missing:
        person.set_unusable_password()
    made = Person.objects.bulk_create(missing)
    return found | {person.name: person.pk for person in made}


def _several(query: str, values: Sequence[Any], *first: Any, row: str = "?") -> list[tuple[Any, ...]]:
    """Rows of a query that names `values`, some thousand at a time, of which each `row` takes some."""
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(values), MOST_VALUES):
        some = values[start : start + MOST_VALUES]
        names = ", ".join([row] * (len(some) // row.count("?")))
        found += _plainly(query.format(names=names), [*first, *some]).fetchall()
    return found


def _add(table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
    """Many rows by one statement: half the time of as many statements."""
    row = f"({', '.join(['?'] * (columns.count(',') + 1))})"
    whole = len(rows) - len(rows) % ROWS_AT_ONCE
    # OR FAIL: a row that may not be ends the transaction anyway, and SQLite need not note for each statement
    # how the pages looked before it.
    query = f"INSERT OR FAIL INTO feedback_{table} ({columns}) VALUES "  # noqa: S608 - names that stand above
    several = query + ", ".join([row] * ROWS_AT_ONCE)
    for start in range(0, whole, ROWS_AT_ONCE):
        _plainly(several, list(chain.from_iterable(rows[start : start + ROWS_AT_ONCE])))
    connection.connection.executemany(query + row, rows[whole:])


def _plainly(query: str, values: Sequence[Any]) -> Any:
    """Past Django, which reads through each query for its %s, of which there are thousands here."""
    return connection.connection.execute(query, values)


def _place(free: Sequence[tuple[int, int | None]], person: int) -> int | None:
    """Which of these slots this person may fill."""
    if free and free[0][1] is None:
        return 0
    return next((k for k, (_, holder) in enumerate(free) if holder in (None, person)), None)


class Rows:
    """What is new, until it is written."""

    def __init__(self, project: int, listed: bool | None = None):
        self._project, self._listed = project, listed
        self._items: list[ItemThere] = []
        self._slots: dict[int, list[Any]] = {}
        self._filled: list[tuple[int]] = []
        self._shown: list[tuple[Any, ...]] = []
        self.judgements: list[tuple[Any, ...]] = []  # all columns but the first and the last
        with connection.cursor() as cursor:
            self._next = {name: count(_last_number(cursor, name) + 1).__next__ for name in _NUMBERED}
            self._position = max(_last_position(cursor, project, part) for part in Part.values)

    def item(self, entry: Entry, part: str, expected: str | None, slots: int) -> ItemThere:
        """A new item, with its slots."""
        self._position += 1
        made = ItemThere(
            id=self._next["item"](),
            name=entry.name,
            part=part,
            position=self._position,
            prompt=entry.prompt,
            candidates=entry.candidates,
            hidden=entry.hidden,
            expected=expected,
            listed=self._listed,
            explanation=entry.explanation,
        )
        self._items.append(made)
        made.free = [(self._slot(made, judged=False), None) for _ in range(slots)]
        return made

    def shown(self, item: ItemThere, person: int, order: str, at: float) -> ShownThere:
        made = ShownThere(self._next["shown"]())
        self._shown.append((made.id, self._project, item.id, person, 0, order, at))
        return made

    def fill(self, item: ItemThere, person: int) -> int:
        """A slot for what this person said: their own, a free one, or one more. Nobody loses theirs."""
        place = _place(item.free, person)
        if place is None:
            return self._slot(item, judged=True)
        slot, _ = item.free.pop(place)
        if slot in self._slots:
            self._slots[slot][-1] = True
        else:
            self._filled.append((slot,))
        return slot

    def write(self) -> None:
        """Each kind of rows by one statement."""
        new = [self._columns(item) for item in self._items]
        _add("item", _ITEM, new)
        self._number_slots()
        _add("slot", _SLOT, list(self._slots.values()))
        with connection.cursor() as cursor:
            cursor.executemany(_FILL, self._filled)
        _add("shown", _SHOWING, self._shown)
        number = self._next["judgement"]
        _add("judgement", _JUDGEMENT, [(number(), *row, "") for row in self.judgements])

    def _number_slots(self) -> None:
        """Those of items that were there come after the ones that these have."""
        grown = {row[2] for row in self._slots.values()}.difference(item.id for item in self._items)
        first = dict(_several(_NUMBERS, list(grown)))
        for row in self._slots.values():
            row[3] += first.get(row[2], 0)

    def _slot(self, item: ItemThere, judged: bool) -> int:
        number = self._next["slot"]()
        self._slots[number] = [number, self._project, item.id, item.slots, item.position, judged]
        item.slots += 1
        return number

    def _columns(self, item: ItemThere) -> tuple[Any, ...]:
        return (
            *(item.id, self._project, item.name, item.part, item.position, item.listed),
            *(item.prompt, item.candidates, item.hidden, item.expected, item.explanation),
        )


def _last_number(cursor: CursorWrapper, name: str) -> int:
    """That a table has given out, also to rows that are gone."""
    cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [f"feedback_{name}"])
    found = cursor.fetchone()
    return found[0] if found else 0


def _last_position(cursor: CursorWrapper, project: int, part: str) -> int:
    cursor.execute(_POSITION, [project, part])
    found = cursor.fetchone()
    return -1 if found is None or found[0] is None else found[0]


class Unnamed:
    """Judgements without an annotator that an import has met, by item."""

    def __init__(self):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE IF NOT EXISTS unnamed (item INTEGER PRIMARY KEY, met TEXT)")
            cursor.execute("DELETE FROM unnamed")

    def load(self, items: Iterable[ItemThere]) -> None:
        by_number = {item.id: item for item in items}
        for number, met in _several("SELECT item, met FROM unnamed WHERE item IN ({names})", list(by_number)):
            by_number[number].unnamed = set(json.loads(met))

    def keep(self, items: Iterable[ItemThere]) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT OR REPLACE INTO unnamed VALUES (%s, %s)",
                [(item.id, json.dumps(sorted(item.unnamed))) for item in items if item.unnamed],
            )
