"""The store against a simple model of it: whatever people, clocks and crashes do, in any order."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from feedback_world import new_uuid
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

LEASE_MINUTES = 30
PEOPLE = st.sampled_from(["ann", "ben", "cem"])
CHOICES = st.sampled_from(["left", "right", "tie"])


class Crash(Exception):
    """The process ends in the middle of a transaction."""


@dataclass
class Room:
    """One slot, as the model sees it."""

    holder: str = ""
    until: float = 0.0  # minutes
    uuid: str = ""  # of the first judgement in it; "": open

    def free(self, now: float) -> bool:
        return not self.uuid and (not self.holder or self.until < now)


@dataclass
class Showing:
    """What a person was given, and what they said of it so far."""

    number: int
    person: str
    item: int
    words: list[tuple[str, str, str]] = field(default_factory=list)  # uuid, choice, answer's row
    surplus: bool = False
    skipped: bool = False


class Store(RuleBasedStateMachine):
    world = None  # set by the test

    @initialize(slots=st.lists(st.integers(1, 3), min_size=1, max_size=3))
    def begin(self, slots):
        name = f"project-{new_uuid()[-6:]}"
        self.project = self.world.project(name, lease_minutes=LEASE_MINUTES)
        self.people = {one: self.world.person(f"{one} of {name}") for one in ("ann", "ben", "cem")}
        self.rooms: dict[int, list[Room]] = {}
        for position, count in enumerate(slots):
            self.item(name, position, count)
        self.showings: list[Showing] = []
        self.now = 1000.0
        self.clock.now = lambda: self.now * 60

    def item(self, name, position, count):
        from assent.feedback.schema.models import Item, Slot

        item = Item.objects.create(
            project=self.project,
            name=str(position),
            position=position,
            prompt="?",
            candidates=["one", "two"],
        )
        for number in range(count):
            Slot.objects.create(project=self.project, item=item, number=number, position=position)
        self.rooms[item.pk] = [Room() for _ in range(count)]

    # What the model says.

    def held_by(self, person):
        return [item for item, rooms in self.rooms.items() for room in rooms if room.holder == person]

    def ended(self, person):
        """Items that this person has judged or skipped."""
        return {one.item for one in self.showings if one.person == person and (one.words or one.skipped)}

    def free_for(self, person):
        return {
            item
            for item, rooms in self.rooms.items()
            if item not in self.ended(person) and any(room.free(self.now) for room in rooms)
        }

    def showing_of(self, person, item):
        return next((one for one in self.showings if (one.person, one.item) == (person, item)), None)

    def room_for(self, showing):
        rooms = self.rooms[showing.item]
        held = [room for room in rooms if room.holder == showing.person]
        return next(iter([*held, *(room for room in rooms if room.free(self.now))]), None)

    # What people do.

    @rule(person=PEOPLE)
    def claim(self, person):
        from assent.feedback.store import claims

        held, free = self.held_by(person), self.free_for(person)
        shown = claims.claim(self.people[person], self.project)
        if shown is None:
            assert not held
            assert not free
            return
        item = shown.item.pk
        fresh = [one for one in free if self.showing_of(person, one) is None]
        assert item == min(held or fresh or free)  # the first, and what was lost before only at the end
        known = self.showing_of(person, item)
        assert known is None or known.number == shown.pk
        if known is None:
            assert not held
            self.showings.append(Showing(shown.pk, person, item))
        self.lease(person, item)
        assert claims.current(self.people[person], self.project).pk == shown.pk

    def lease(self, person, item):
        rooms = self.rooms[item]
        room = next((one for one in rooms if one.holder == person), None)
        room = room or next(one for one in rooms if one.free(self.now))
        room.holder, room.until = person, self.now + LEASE_MINUTES

    @rule(data=st.data())
    @precondition(lambda self: self.showings)
    def heartbeat(self, data):
        from assent.feedback.store.claims import heartbeat

        showing = data.draw(st.sampled_from(self.showings))
        held = showing.item in self.held_by(showing.person)
        answer = heartbeat(self.people[showing.person], showing.number)
        assert answer == (held or bool(showing.words))
        if held:
            self.lease(showing.person, showing.item)

    @rule(data=st.data(), choice=CHOICES, crash=st.booleans())
    @precondition(lambda self: any(not one.words for one in self.showings))
    def first_word(self, data, choice, crash):
        """In time, late, or after a skip; now and then the process ends before the commit."""
        showing = data.draw(st.sampled_from([one for one in self.showings if not one.words]))
        uuid = new_uuid()
        if crash:
            self.crash(showing, uuid, choice)
        room = self.room_for(showing)
        outcome = self.submit(showing, uuid, choice, 1)
        assert (outcome.same, outcome.surplus) == (False, room is None)
        showing.surplus = room is None
        if room is not None:
            room.holder, room.uuid = "", uuid

    @rule(data=st.data(), choice=CHOICES)
    @precondition(lambda self: any(one.words for one in self.showings))
    def change_one_s_mind(self, data, choice):
        showing = data.draw(st.sampled_from([one for one in self.showings if one.words]))
        outcome = self.submit(showing, new_uuid(), choice, len(showing.words) + 1)
        assert (outcome.same, outcome.surplus) == (False, showing.surplus)

    @rule(data=st.data())
    @precondition(lambda self: any(one.words for one in self.showings))
    def send_again(self, data):
        showing = data.draw(st.sampled_from([one for one in self.showings if one.words]))
        revision = data.draw(st.integers(1, len(showing.words)))
        uuid, choice, row = showing.words[revision - 1]
        outcome = self.submit(showing, uuid, choice, revision)
        assert (outcome.same, outcome.judgement.pk) == (True, row)

    @rule(data=st.data(), new=st.booleans())
    @precondition(lambda self: any(one.words for one in self.showings))
    def contradict(self, data, new):
        """A number that is there with another answer; or a revision that is there by another number."""
        from assent.feedback.store.judging import Conflict

        showing = data.draw(st.sampled_from([one for one in self.showings if one.words]))
        revision = data.draw(st.integers(1, len(showing.words)))
        uuid = new_uuid() if new else showing.words[revision - 1][0]
        with pytest.raises(Conflict):
            self.sent(showing, uuid, "both_bad", revision)

    @rule(data=st.data())
    @precondition(lambda self: self.showings)
    def skip(self, data):
        from assent.feedback.store import judging

        showing = data.draw(st.sampled_from(self.showings))
        person = self.people[showing.person]
        if showing.words and not showing.skipped:
            with pytest.raises(judging.Conflict):
                judging.skip(person, showing.number, "")
            return
        judging.skip(person, showing.number, "")
        if showing.skipped:
            return
        showing.skipped = True
        for room in self.rooms[showing.item]:
            if room.holder == showing.person:
                room.holder = ""

    @rule(minutes=st.sampled_from([1, 29, 31, 1000]))
    def wait(self, minutes):
        self.now += minutes

    # How it is done.

    def sent(self, showing, uuid, choice, revision):
        from assent.feedback.store.judging import Submission, submit

        person = self.people[showing.person]
        return submit(person, Submission(UUID(uuid), showing.number, {"choice": choice}, revision))

    def submit(self, showing, uuid, choice, revision):
        outcome = self.sent(showing, uuid, choice, revision)
        if not outcome.same:
            showing.words.append((uuid, choice, outcome.judgement.pk))
        return outcome

    def crash(self, showing, uuid, choice):
        """All is done but the commit: the connection is gone, as after a kill."""
        from django.db import connection

        from assent.feedback.store.writer import writing

        def killed():
            with writing():
                self.sent(showing, uuid, choice, 1)
                connection.connection.rollback()
                raise Crash

        with pytest.raises(Crash):
            killed()

    # What always holds.

    @invariant()
    def nothing_is_lost_doubled_or_too_many(self):
        from django.db import connection

        if not hasattr(self, "rooms"):
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT item.id, judgement.uuid, judgement.revision, judgement.surplus, shown.person_id"
                " FROM feedback_judgement AS judgement JOIN feedback_shown AS shown"
                " ON shown.id = judgement.shown_id JOIN feedback_item AS item ON item.id = shown.item_id"
                " WHERE item.project_id = %s",
                [self.project.pk],
            )
            stored = cursor.fetchall()
            cursor.execute(
                "SELECT item_id, count(*) FROM feedback_slot WHERE project_id = %s AND judged"
                " GROUP BY item_id",
                [self.project.pk],
            )
            judged = dict(cursor.fetchall())
        said = {UUID(word[0]).hex for one in self.showings for word in one.words}
        assert sorted(row[1] for row in stored) == sorted(said)
        first = [row for row in stored if row[2] == 1]
        assert len({(item, person) for item, _, _, _, person in first}) == len(first)
        for item, rooms in self.rooms.items():
            filled = {row[1] for row in first if row[0] == item and not row[3]}
            assert filled == {UUID(room.uuid).hex for room in rooms if room.uuid}
            assert judged.get(item, 0) == len(filled) <= len(rooms)


def test_the_store_does_what_its_model_does(world, monkeypatch):
    from assent.feedback.store import clock

    monkeypatch.setattr(Store, "world", world)
    monkeypatch.setattr(Store, "clock", clock, raising=False)
    monkeypatch.setattr(clock, "now", clock.now)  # put back afterwards
    run_state_machine_as_test(
        Store,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
