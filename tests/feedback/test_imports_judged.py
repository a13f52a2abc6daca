"""Judged pairs into judgements and slots: once, under their annotators."""

import time

import pytest
from exchanging import AT, alone, given, pair, rows_of, stored

from assent.errors import UserError


def test_a_judgement_is_stored_as_it_was_made(world, tmp_path):
    from assent.feedback.schema.models import Judgement

    told = {
        "seconds": 7.5,
        "strength": 2 / 3,
        "shown_order": [1, 0],
        "comment": "好",
        "guideline": 2,
        "at": AT,
    }
    uuid = "0f0f0f0f-0000-4000-8000-000000000001"
    given(world.project(), tmp_path, pair("x", 1, "ann", **told, judgement=uuid, revision=3))
    found = Judgement.objects.get()
    assert found.answer == {"choice": 1, "strength": 2, "comment": "好"}
    assert (found.seconds, found.guideline, found.revision, str(found.uuid)) == (7.5, 2, 3, uuid)
    assert found.created == 1795253400.123  # date -u -d 2026-11-21T09:30:00 +%s
    assert (found.shown.order, found.item.name, found.person.name) == ([1, 0], "x", "ann")
    assert (found.slot.judged, found.surplus) == (True, False)


def test_annotators_come_without_a_way_in(world, tmp_path):
    from assent.feedback.schema.models import Person

    there = world.person("ann")
    given(world.project(), tmp_path, pair("x", annotator="ann"), pair("x", annotator="bob"))
    bob = Person.objects.get(name="bob")
    assert (bob.is_active, bob.has_usable_password(), bob.role) == (False, False, "annotator")
    assert Person.objects.get(name="ann").pk == there.pk
    assert Person.objects.get(name="ann").is_active


@pytest.mark.parametrize("together", [1, 2, 1000])
def test_the_same_file_again_adds_nothing(world, tmp_path, together):
    rows = [
        pair("x"),
        pair("y", None),
        pair("x", "both_bad", "bob"),
        pair("z", "cannot_judge"),
        pair("x", annotator=""),
        pair("x", annotator=""),  # somebody else who says the same
        {"prompt": "q", "chosen": "good", "rejected": "bad"},
        {"prompt": "q", "chosen": "good", "rejected": "bad"},
    ]
    project = world.project()
    first = given(project, tmp_path, *rows, together=together)
    before = stored()
    again = given(project, tmp_path, *rows, together=together)
    assert (first.items, first.judgements, first.same) == (4, 8, 0)
    assert (again.items, again.judgements, again.same) == (0, 0, 8)
    assert stored() == before


def test_slots_are_filled_and_more_are_made_where_more_have_judged(world, tmp_path):
    one, three = world.project("one", **alone()), world.project("three", **alone(overlap=3))
    rows = [pair("x", annotator=name) for name in ("ann", "bob")]
    given(one, tmp_path, *rows)
    assert stored() == (1, 2, 2, 2, 2)  # one was wanted, two judged
    given(three, tmp_path, *rows)
    assert stored() == (2, 5, 4, 4, 4)  # one of three is open


def test_judgements_of_an_item_that_waits_fill_its_slots_but_take_none_from_anybody(world, tmp_path):
    from assent.feedback.schema.models import Slot

    project, cleo = world.project(**alone(overlap=2)), world.person("cleo")
    row = pair("x")
    given(
        project,
        tmp_path,
        {key: row[key] for key in ("input_text", "candidate_0", "candidate_1")} | {"id": "x"},
    )
    Slot.objects.filter(number=0).update(holder=cleo, lease_until=time.time() + 600)
    given(project, tmp_path, pair("x", annotator="ann"), pair("x", annotator="bob"))
    assert list(Slot.objects.order_by("number").values_list("judged", "holder__name")) == [
        (False, "cleo"),
        (True, None),
        (True, None),
    ]


def test_a_changed_mind_is_the_next_revision_and_the_last_counts(world, tmp_path):
    project = world.project()
    given(project, tmp_path, pair("x", 0), pair("x", 1), pair("x", 1))
    [row] = rows_of(world, project)
    assert (row["choice"], row["meta"]["revision"]) == (1, 2)
    assert stored() == (1, stored()[1], 1, 1, 2)


def test_answers_in_another_order_are_the_same_item(world, tmp_path):
    project = world.project()
    other = pair("x", 0, "bob", shown_order=[0, 1])
    other |= {"candidate_0": "x two", "candidate_1": "x one"}
    given(project, tmp_path, pair("x", 0, "ann"), other)
    ann, bob = rows_of(world, project)
    assert (ann["choice"], bob["choice"]) == (0, 1)
    assert bob["meta"]["shown_order"] == [1, 0]
    assert bob["candidate_1"] == "x two"


def test_a_judgement_that_is_there_and_says_something_else_is_refused(world, tmp_path):
    uuid = "0f0f0f0f-0000-4000-8000-000000000001"
    project = world.project()
    given(project, tmp_path, pair("x", 0, judgement=uuid))
    with pytest.raises(UserError, match="is there, and says something else"):
        given(project, tmp_path, pair("x", 1, judgement=uuid))
    with pytest.raises(UserError, match="of item x, and this is of y"):
        given(project, tmp_path, pair("y", 0, judgement=uuid))
    with pytest.raises(UserError, match="ann judged it with revision 1, and this is another judgement with"):
        given(project, tmp_path, pair("x", 1, revision=1))


def test_another_project_of_the_same_database_may_have_the_same_judgements(world, tmp_path):
    uuid = "0f0f0f0f-0000-4000-8000-000000000001"
    one, two = world.project("one"), world.project("two")
    given(one, tmp_path, pair("x", 0, judgement=uuid))
    assert given(two, tmp_path, pair("x", 0, judgement=uuid)).judgements == 1
    assert given(two, tmp_path, pair("x", 0, judgement=uuid)).judgements == 0
    assert rows_of(world, one)[0]["meta"]["judgement"] == uuid
    assert rows_of(world, two)[0]["meta"]["judgement"] != uuid


def test_a_strength_that_is_none_of_the_steps_is_kept_as_it_was(world, tmp_path):
    project = world.project()
    given(
        project,
        tmp_path,
        pair("x", 0, strength=0.4),
        pair("y", None, strength=1 / 3),
        pair("z", 0, strength=1),
    )
    assert [row["meta"]["strength"] for row in rows_of(world, project)] == [0.4, 1.0]
    assert [row["meta"]["strength"] for row in rows_of(world, project, "ties")] == [1 / 3]


def test_a_later_file_changes_a_mind_in_the_same_slot_and_never_back(world, tmp_path):
    from assent.feedback.schema.models import Judgement

    project = world.project(**alone(overlap=2))
    first, second, third = (f"0f0f0f0f-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
    given(project, tmp_path, pair("x", 0, judgement=first, revision=1))
    given(project, tmp_path, pair("x", 1, judgement=second, revision=2))
    assert stored() == (1, 2, 1, 1, 2)
    assert len(set(Judgement.objects.values_list("slot", flat=True))) == 1
    with pytest.raises(UserError, match="judged it with revision 2, and this is another judgement with rev"):
        given(project, tmp_path, pair("x", 0, judgement=third, revision=2))


NUMBERS = [f"0f0f0f0f-0000-4000-8000-{number:012}" for number in range(1, 5)]


@pytest.mark.parametrize("more", [{}, {"annotator": "bob", "item": "z"}])  # by the fast way, and by the other
def test_an_older_export_after_a_newer_one_leaves_the_last_word(world, tmp_path, more):
    """Tuesday's is read first, then Monday's, which also has what Tuesday's has not; then both again."""
    from assent.feedback.schema.models import Judgement

    project = world.project(**alone())
    tuesday = [pair("x", 1, judgement=NUMBERS[1], revision=2)]
    monday = [pair("x", 0, judgement=NUMBERS[0], revision=1), pair("y", 0, judgement=NUMBERS[2], revision=1)]
    monday += [pair(**more)] if more else []
    given(project, tmp_path, *tuesday)
    given(project, tmp_path, *monday)
    said = [(row["meta"]["item"], row["choice"]) for row in rows_of(world, project)]
    assert said == [("x", 1), ("y", 0), *([("z", 0)] if more else [])]
    of_x = Judgement.objects.filter(item__name="x").order_by("revision")
    assert [(one.revision, one.answer["choice"]) for one in of_x] == [(1, 0), (2, 1)]
    assert len({one.slot for one in of_x}) == 1
    before = stored()
    assert given(project, tmp_path, *tuesday, *monday).judgements == 0
    assert stored() == before


def test_an_older_revision_that_is_there_is_not_another_one(world, tmp_path):
    project = world.project(**alone())
    first, last = (pair("x", n, judgement=NUMBERS[n], revision=n + 1) for n in (0, 1))
    other = pair("x", 1, judgement=NUMBERS[2], revision=1)
    message = "x: ann judged it with revision 1, and this is another judgement with revision 1"
    with pytest.raises(UserError, match=message):
        given(project, tmp_path, last, first, other)  # all in one batch
    given(project, tmp_path, last, first)
    with pytest.raises(UserError, match=message):
        given(project, tmp_path, other)


def test_a_person_goes_on_from_the_newest_revision(world, tmp_path):
    from uuid import UUID

    from assent.feedback.schema.models import Judgement
    from assent.feedback.store.judging import Submission, submit

    project = world.project(**alone())
    for number in (1, 0):
        given(project, tmp_path, pair("x", number, judgement=NUMBERS[number], revision=number + 1))
    shown = Judgement.objects.first().shown
    submit(shown.person, Submission(UUID(NUMBERS[3]), shown.pk, {"choice": "tie"}, revision=3))
    assert [row["meta"]["revision"] for row in rows_of(world, project, "ties")] == [3]
