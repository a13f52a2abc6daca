"""Who is given what: exactly so many judgements an item, leases that end, and nobody sees an item twice."""

import pytest

MINUTE = 60.0


class Clock:
    """The store's clock, stopped; a test moves it."""

    def __init__(self):
        self.seconds = 1_000_000.0

    def now(self) -> float:
        return self.seconds

    def wait(self, minutes: float) -> None:
        self.seconds += minutes * MINUTE


@pytest.fixture
def clock(world, monkeypatch) -> Clock:
    from assent.feedback.store import clock

    stopped = Clock()
    monkeypatch.setattr(clock, "now", stopped.now)
    return stopped


def answered(person, shown, revision=1):
    from uuid import UUID

    from feedback_world import new_uuid

    from assent.feedback.store.judging import Submission, submit

    return submit(person, Submission(UUID(new_uuid()), shown.pk, {"choice": "left"}, revision))


def test_each_item_is_given_to_as_many_people_as_it_has_slots(world):
    from assent.feedback.store.claims import claim

    project = world.project()
    world.items(project, 1, slots=2)
    ann, ben, cem = (world.person(name) for name in ("ann", "ben", "cem"))
    assert claim(ann, project).item == claim(ben, project).item
    assert claim(cem, project) is None


def test_a_reload_shows_the_same_in_the_same_order(world):
    from assent.feedback.store.claims import claim, current

    project, ann = world.project(task="ranking"), world.person("ann")
    world.items(project, 3, candidates=[str(number) for number in range(9)])
    first = claim(ann, project)
    again = claim(ann, project)
    assert (again.pk, again.order) == (first.pk, first.order)
    assert current(ann, project).pk == first.pk
    assert sorted(first.order) == list(range(9))


def test_nobody_gets_an_item_again_that_they_judged(world):
    from assent.feedback.store.claims import claim

    project, ann = world.project(), world.person("ann")
    world.items(project, 2, slots=3)
    for _ in range(2):
        answered(ann, claim(ann, project))
    assert claim(ann, project) is None


def test_items_are_given_out_in_their_order(world):
    from assent.feedback.store.claims import claim

    project, ann = world.project(), world.person("ann")
    world.items(project, 4)
    given = []
    for _ in range(4):
        shown = claim(ann, project)
        given.append(shown.item.position)
        answered(ann, shown)
    assert given == [0, 1, 2, 3]


def test_a_lease_that_ended_goes_to_whoever_asks_first(world, clock):
    from assent.feedback.store.claims import claim, current, heartbeat

    project = world.project(lease_minutes=30)
    world.items(project, 1)
    ann, ben = world.person("ann"), world.person("ben")
    shown = claim(ann, project)
    clock.wait(29.9)
    assert claim(ben, project) is None
    clock.wait(0.2)
    assert claim(ben, project).item == shown.item
    assert heartbeat(ann, shown.pk) is False
    assert current(ann, project) is None
    assert claim(ann, project) is None


def test_a_lease_that_ended_stays_with_its_holder_while_nobody_asks(world, clock):
    from assent.feedback.store.claims import claim

    project = world.project(lease_minutes=30)
    world.items(project, 2)
    ann, ben = world.person("ann"), world.person("ben")
    shown = claim(ann, project)
    clock.wait(600)
    assert claim(ann, project).pk == shown.pk  # and it is theirs for another half hour
    clock.wait(29)
    assert claim(ben, project).item != shown.item


def test_heartbeats_keep_a_lease(world, clock):
    from assent.feedback.store.claims import claim, heartbeat

    project = world.project(lease_minutes=30)
    world.items(project, 1)
    ann, ben = world.person("ann"), world.person("ben")
    shown = claim(ann, project)
    for _ in range(10):
        clock.wait(20)
        assert heartbeat(ann, shown.pk) is True
        assert claim(ben, project) is None
    answered(ann, shown)
    assert heartbeat(ann, shown.pk) is True  # what one judged and looks at again is not lost


def test_what_was_lost_and_given_back_is_offered_again_when_nothing_else_is_left(world, clock):
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import skip

    project = world.project(lease_minutes=30)
    world.items(project, 1)
    ann, ben = world.person("ann"), world.person("ben")
    first = claim(ann, project)
    clock.wait(31)
    skip(ben, claim(ben, project).pk, "not my language")
    assert claim(ben, project) is None
    assert claim(ann, project).pk == first.pk


def test_a_lease_of_a_clock_that_was_ahead_holds_nothing(world, clock):
    """A day is the longest lease there is: what ends later was given by a clock that was wrong."""
    from assent.feedback.store.claims import claim

    project = world.project(lease_minutes=24 * 60)
    world.items(project, 1)
    ann, ben, cem = (world.person(name) for name in ("ann", "ben", "cem"))
    clock.wait(60 * 24 * 365)
    ahead = claim(ann, project)
    clock.wait(-60 * 24 * 365)
    assert claim(ben, project).item == ahead.item
    assert claim(cem, project) is None  # a lease of a whole day, given now
    assert claim(ann, project) is None


def test_what_was_lost_to_a_clock_that_was_ahead_is_offered_again(world, clock):
    from assent.feedback.store.claims import claim

    project = world.project()
    world.items(project, 1)
    ann, ben = world.person("ann"), world.person("ben")
    first = claim(ann, project)
    clock.wait(60 * 24 * 365)
    claim(ben, project)
    assert claim(ann, project) is None
    clock.wait(-60 * 24 * 365)
    assert claim(ann, project).pk == first.pk


def test_a_skipped_item_goes_to_others_and_never_comes_back(world):
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import skip

    project = world.project()
    world.items(project, 1)
    ann, ben = world.person("ann"), world.person("ben")
    shown = claim(ann, project)
    first = skip(ann, shown.pk, "I know the author")
    assert skip(ann, shown.pk, "again").pk == first.pk
    assert first.reason == "I know the author"
    assert claim(ann, project) is None
    assert claim(ben, project).item == shown.item


def test_a_closed_project_gives_nothing_new_and_takes_what_was_given(world, clock):
    from assent.feedback.store.claims import claim

    project, ann, ben = world.project(), world.person("ann"), world.person("ben")
    world.items(project, 2)
    shown = claim(ann, project)
    project.closed = clock.now()
    project.save()
    assert claim(ann, project).pk == shown.pk
    assert claim(ben, project) is None
    assert answered(ann, shown).surplus is False
    assert claim(ann, project) is None


def test_gold_comes_among_the_others_and_waits_without_a_lease(world, clock):
    from assent.feedback.store.claims import claim, current, heartbeat

    project = world.project(gold={"items": "gold.jsonl", "every": 2})
    ann = world.person("ann")
    world.items(project, 6)
    world.items(project, 2, part="gold", expected={"choice": 0})
    parts = []
    while (shown := claim(ann, project)) is not None:
        clock.wait(600)
        assert claim(ann, project).pk == shown.pk == current(ann, project).pk
        assert heartbeat(ann, shown.pk) is True
        parts.append(shown.item.part)
        answered(ann, shown)
    assert sorted(parts) == ["gold"] * 2 + ["real"] * 6


def test_the_last_test_item_ends_the_attempt_though_nothing_is_given(world):
    from assent.feedback.quality.rotation import NotQualified
    from assent.feedback.schema.models import Attempt
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import skip

    project, ann = world.project(), world.person("ann")
    world.items(project, 1)
    world.items(project, 1, part="test", expected={"choice": 0})
    skip(ann, claim(ann, project).pk, "")
    with pytest.raises(NotQualified):
        claim(ann, project)
    assert Attempt.objects.get().passed is False


def test_what_was_shown_to_somebody_else_is_not_found(world):
    from assent.feedback.store.claims import NotYours, claim, heartbeat, own

    project = world.project()
    world.items(project, 1)
    ann, ben = world.person("ann"), world.person("ben")
    shown = claim(ann, project)
    for ask in (heartbeat, own):
        with pytest.raises(NotYours):
            ask(ben, shown.pk)
        for number in (0, -1, 999_999, 10**30):
            with pytest.raises(NotYours):
                ask(ann, number)
        with pytest.raises(NotYours):
            ask(ann, shown.pk, world.project(f"other {ask.__name__}"))


def test_finding_the_next_item_walks_along_the_index_of_open_slots(world):
    """Of a million items it looks at those before the first that fits: nothing is sorted or scanned."""
    from django.db import connection

    from assent.feedback.store import claims

    with connection.cursor() as cursor:
        for query, values in ((claims._FREE, [1, 0, 9, 0.0, 9.0, 1]), (claims._END_OF_FRONT, [1, 64])):
            cursor.execute(f"EXPLAIN QUERY PLAN {query}", values)
            plan = [row[3] for row in cursor.fetchall()]
            assert any("INDEX open_slots" in step for step in plan)
            assert not any(step.startswith("SCAN") or "TEMP B-TREE" in step for step in plan)


def test_somebody_alone_goes_on_behind_what_they_have_seen(world, monkeypatch):
    """Each item wants three and one person works: after the front, the walk begins at their last item."""
    from assent.feedback.store import claims

    monkeypatch.setattr(claims, "FRONT", 2)
    project, ann, ben = world.project(), world.person("ann"), world.person("ben")
    world.items(project, 6, slots=3)
    given = []
    while (shown := claims.claim(ann, project)) is not None:
        given.append(shown.item.position)
        answered(ann, shown)
    assert given == [0, 1, 2, 3, 4, 5]
    assert claims.claim(ben, project).item.position == 0


@pytest.mark.parametrize("every", [2, 3, 10])
def test_gold_cannot_be_told_by_the_numbers_of_progress(world, every):
    """What is done and what is left add up to the same at every step, whatever is shown."""
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import progress

    project = world.project(gold={"items": "gold.jsonl", "every": every})
    ann = world.person("ann")
    world.items(project, 7)
    world.items(project, 3, part="gold", expected={"choice": 0})
    told, parts = [progress(ann, project)], []
    while (shown := claim(ann, project)) is not None:
        told.append(progress(ann, project))
        parts.append(shown.item.part)
        answered(ann, shown)
        told.append(progress(ann, project))
    assert "gold" in parts
    assert {one.mine + one.left for one in told} == {len(parts)}
    assert told[-1].left == 0
