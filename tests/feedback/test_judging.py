"""A judgement is stored once and for ever: sent twice it is one, changed it is another, late it is kept."""

from uuid import UUID

import pytest
from feedback_world import new_uuid

LEFT, RIGHT = {"choice": "left"}, {"choice": "right"}


def sent(shown, answer=LEFT, revision=1, uuid=None, seconds=None):
    from assent.feedback.store.judging import Submission

    return Submission(UUID(uuid or new_uuid()), shown.pk, answer, revision, seconds)


@pytest.fixture
def desk(world):
    """A project with three items that want one judgement each, and somebody who holds the first."""
    from assent.feedback.store.claims import claim

    project, ann = world.project(), world.person("ann")
    world.items(project, 3)
    return project, ann, claim(ann, project)


def rows():
    from assent.feedback.schema.models import Judgement

    return list(Judgement.objects.order_by("pk"))


def test_a_judgement_is_stored_as_it_was_shown(desk):
    from assent.feedback.schema.models import Slot
    from assent.feedback.store.judging import submit

    _, ann, shown = desk
    outcome = submit(ann, sent(shown, seconds=4.5))
    assert (outcome.same, outcome.surplus) == (False, False)
    (row,) = rows()
    assert row.answer == {"choice": shown.order[0]}
    assert (row.shown, row.item, row.person, row.seconds, row.revision) == (shown, shown.item, ann, 4.5, 1)
    slot = Slot.objects.get(item=shown.item)
    assert row.slot == slot
    assert (slot.judged, slot.holder, slot.lease_until) == (True, None, None)


def test_the_same_sent_again_is_the_first_answer_again(desk):
    from assent.feedback.store.judging import submit

    _, ann, shown = desk
    uuid = new_uuid()
    first = submit(ann, sent(shown, uuid=uuid, seconds=4.5))
    again = submit(ann, sent(shown, uuid=uuid, seconds=9.0))  # counted anew after a reload
    assert (again.same, again.judgement.pk) == (True, first.judgement.pk)
    (row,) = rows()
    assert row.seconds == 4.5


@pytest.mark.parametrize("changed", [{"answer": RIGHT}, {"revision": 2}])
def test_the_same_number_with_other_content_is_a_conflict(desk, changed):
    from assent.feedback.store.judging import Conflict, submit

    _, ann, shown = desk
    uuid = new_uuid()
    submit(ann, sent(shown, uuid=uuid))
    with pytest.raises(Conflict):
        submit(ann, sent(shown, uuid=uuid, **changed))
    assert len(rows()) == 1


def test_a_number_of_somebody_else_is_a_conflict(world, desk):
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Conflict, submit

    project, ann, shown = desk
    ben, uuid = world.person("ben"), new_uuid()
    submit(ann, sent(shown, uuid=uuid))
    with pytest.raises(Conflict):
        submit(ben, sent(claim(ben, project), uuid=uuid))


def test_a_changed_mind_is_another_row_and_the_last_word_counts(desk):
    from assent.feedback.store.judging import answer_of, submit

    _, ann, shown = desk
    first = submit(ann, sent(shown, LEFT)).judgement
    second = submit(ann, sent(shown, RIGHT, revision=2)).judgement
    assert [row.pk for row in rows()] == [first.pk, second.pk]
    assert (second.slot, second.surplus) == (first.slot, False)
    assert answer_of(shown) == second


@pytest.mark.parametrize("revision", [0, 1, 3])
def test_a_revision_that_is_not_the_next_is_a_conflict(desk, revision):
    from assent.feedback.store.judging import Conflict, submit

    _, ann, shown = desk
    submit(ann, sent(shown))
    with pytest.raises(Conflict):
        submit(ann, sent(shown, RIGHT, revision))
    assert len(rows()) == 1


def test_late_work_takes_a_slot_that_is_still_free_and_is_surplus_otherwise(world, desk, monkeypatch):
    from assent.feedback.store import clock
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import submit

    project, ann, shown = desk
    ben = world.person("ben")
    later = clock.now() + 3600
    monkeypatch.setattr(clock, "now", lambda: later)
    bens = claim(ben, project)
    assert bens.item == shown.item
    late = submit(ann, sent(shown))
    assert (late.surplus, late.judgement.slot) == (True, None)
    assert submit(ben, sent(bens)).surplus is False
    changed = submit(ann, sent(shown, RIGHT, revision=2))
    assert (changed.surplus, changed.judgement.slot) == (True, None)
    bens = claim(ben, project)  # the next, which nobody asks for when its lease ends
    later += 3600
    assert submit(ben, sent(bens)).surplus is False


def test_a_skip_is_thought_better_of(desk):
    from assent.feedback.store.judging import skip, submit

    _, ann, shown = desk
    skip(ann, shown.pk, "")
    assert submit(ann, sent(shown)).surplus is False


def test_what_is_judged_cannot_be_skipped(desk):
    from assent.feedback.store.judging import Conflict, skip, submit

    _, ann, shown = desk
    submit(ann, sent(shown))
    with pytest.raises(Conflict):
        skip(ann, shown.pk, "")


def test_a_flag_sent_twice_is_one(desk):
    from assent.feedback.schema.models import Flag
    from assent.feedback.store.judging import AnswerError, Conflict, flag

    _, ann, shown = desk
    uuid = UUID(new_uuid())
    first = flag(ann, uuid, shown.pk, "a name is in it")
    assert flag(ann, uuid, shown.pk, "a name is in it") == first
    with pytest.raises(Conflict):
        flag(ann, uuid, shown.pk, "something else")
    for text in (" ", "x" * 5001, "\ud800"):
        with pytest.raises(AnswerError):
            flag(ann, UUID(new_uuid()), shown.pk, text)
    assert Flag.objects.count() == 1


def test_nothing_of_somebody_else_is_found(world, desk):
    from assent.feedback.store.judging import NotYours, flag, skip, submit

    project, ann, shown = desk
    for person, place in ((world.person("ben"), project), (ann, world.project("another"))):
        for ask in (
            lambda who=person, at=place: submit(who, sent(shown), at),
            lambda who=person, at=place: skip(who, shown.pk, "", at),
            lambda who=person, at=place: flag(who, UUID(new_uuid()), shown.pk, "wrong", at),
        ):
            with pytest.raises(NotYours):
                ask()
    assert rows() == []
    again = sent(shown)
    submit(ann, again, project)
    with pytest.raises(NotYours):
        submit(ann, again, world.project("a third"))


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_half_answers_leave_nothing_and_can_be_mended(desk, seconds):
    from assent.feedback.store.judging import AnswerError, submit

    _, ann, shown = desk
    uuid = new_uuid()
    for wrong in (sent(shown, {"choice": "up"}, uuid=uuid), sent(shown, uuid=uuid, seconds=seconds)):
        with pytest.raises(AnswerError):
            submit(ann, wrong)
    assert rows() == []
    assert submit(ann, sent(shown, uuid=uuid)).same is False


def test_an_edit_must_change_something(world):
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import AnswerError, submit

    project, ann = world.project("mended", task="edit"), world.person("ann")
    (item,) = world.items(project, 1)
    shown = claim(ann, project)
    same = {"position": 1, "text": item.candidates[shown.order[1]]}
    with pytest.raises(AnswerError):
        submit(ann, sent(shown, same))
    kept = submit(ann, sent(shown, {**same, "text": "Mended."})).judgement
    assert kept.answer == {"candidate": shown.order[1], "text": "Mended."}


def test_each_row_says_under_which_guideline_it_was_made(desk):
    from assent.feedback.store.judging import submit
    from assent.feedback.store.projects import add_guideline

    project, ann, shown = desk
    submit(ann, sent(shown))
    add_guideline(project, "Short is better.", "ada")
    add_guideline(project, "Shorter is better.", "ada")
    submit(ann, sent(shown, RIGHT, revision=2))
    assert [row.guideline for row in rows()] == [0, 2]


@pytest.mark.parametrize("part", ["practice", "test"])
def test_practice_and_tests_are_answered_once_and_are_nobody_s_work(world, part):
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Conflict, last, mine, progress, submit

    project, ann = world.project(), world.person("ann")
    world.items(project, 1, part=part, expected={"choice": 0})
    shown = claim(ann, project)
    assert submit(ann, sent(shown)).surplus is False
    with pytest.raises(Conflict):
        submit(ann, sent(shown, RIGHT, revision=2))
    assert last(ann, project) is None
    assert mine(ann, project, 9) == []
    assert progress(ann, project).mine == 0


def test_after_an_imported_third_revision_comes_the_fourth(world):
    """Of a judgement made elsewhere the last revision may be all there is; it counts as any other."""
    from assent.feedback.asked import items_answered
    from assent.feedback.exchange.export import reading
    from assent.feedback.schema.models import Judgement, Shown, Slot
    from assent.feedback.store.judging import Conflict, submit
    from assent.feedback.store.overview import people_of

    project = world.project()
    ann = world.person("ann", "annotator", project)
    (item,) = world.items(project, 1)
    shown = Shown.objects.create(project=project, item=item, person=ann, order=[0, 1])
    slot = Slot.objects.get()
    Judgement.objects.create(
        uuid=new_uuid(), shown=shown, item=item, person=ann, slot=slot, revision=3, answer={"choice": 0}
    )
    Slot.objects.update(judged=True)
    assert world.client(ann).get(f"/p/pairs/mine/{shown.pk}").json()["revision"] == 4
    for wrong in (1, 2, 3, 5):
        with pytest.raises(Conflict):
            submit(ann, sent(shown, RIGHT, wrong))
    fourth = submit(ann, sent(shown, RIGHT, revision=4)).judgement
    assert (fourth.slot, fourth.surplus) == (slot, False)
    assert [one.judged for one in people_of(project)] == [1]
    with reading(world.database) as connection:
        assert items_answered(connection, "pairs", 1) == 1
        assert items_answered(connection, "pairs", 2) == 0


def test_late_work_takes_a_slot_that_is_held_by_a_clock_that_was_ahead(world, desk, monkeypatch):
    from assent.feedback.store import clock
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import submit

    project, ann, shown = desk
    now, year = clock.now(), 365 * 86400.0
    monkeypatch.setattr(clock, "now", lambda: now + year)
    assert claim(world.person("ben"), project).item == shown.item
    monkeypatch.setattr(clock, "now", lambda: now)
    assert submit(ann, sent(shown)).surplus is False


@pytest.mark.parametrize(("told", "stored"), [(None, 2), (1, 1), (2, 2), (0, 0), (-7, 0), (10**30, 2)])
def test_a_judgement_names_the_guideline_that_its_author_knew(desk, told, stored):
    """Never one that there is not; of a page that does not say, the one that holds now."""
    from dataclasses import replace

    from assent.feedback.store.judging import submit
    from assent.feedback.store.projects import add_guideline

    project, ann, shown = desk
    for text in ("Longer is better.", "Shorter is better."):
        add_guideline(project, text, "root")
    said = replace(sent(shown), guideline=told)
    assert submit(ann, said).judgement.guideline == stored
    # A page that was reloaded is told of another version, and sends the same number.
    assert submit(ann, replace(said, guideline=1)).same is True
