"""Imports of several transactions: what is known of UUIDs without asking, and rooms for more people."""

from uuid import UUID

import pytest
from exchanging import given, pair, rows_of, stored

from assent.errors import UserError

UUIDS = [str(UUID(int=number << 100 | 7, version=4)) for number in range(4)]  # alike at the end
OTHER = str(UUID(int=1 << 100 | 8, version=4))


def test_a_judgement_that_comes_again_much_later_in_a_file_is_stored_once(world, tmp_path):
    rows = [pair("x", judgement=UUIDS[0]), pair("y", judgement=OTHER), pair("x", judgement=UUIDS[0])]
    done = given(world.project(), tmp_path, *rows, together=1)
    assert (done.items, done.judgements, done.same) == (2, 2, 1)


def test_judgements_whose_numbers_end_alike_are_all_stored(world, tmp_path):
    project = world.project()
    rows = [pair(f"item-{number}", judgement=uuid) for number, uuid in enumerate(UUIDS)]
    done = given(project, tmp_path, *rows, together=1)
    assert (done.judgements, done.same) == (4, 0)
    assert [row["meta"]["judgement"] for row in rows_of(world, project)] == UUIDS


def test_a_number_that_says_something_else_much_later_in_a_file_is_refused(world, tmp_path):
    rows = [pair("x", 0, judgement=OTHER), pair("y"), pair("z"), pair("x", 1, judgement=OTHER)]
    with pytest.raises(UserError, match=f"4: judgement {UUID(OTHER).hex}: it is there"):
        given(world.project(), tmp_path, *rows, together=1)
    assert stored()[-1] == 3


def test_what_others_store_between_two_transactions_is_seen(world, tmp_path):
    from assent.feedback.exchange.imports import import_records
    from assent.records import Comparison, Prompt

    project = world.project()
    one, other, last = (
        Comparison(
            Prompt(f"prompt {name}", meta={"judgement": uuid}), ("a", "b"), 0, annotator="ann", item=name
        )
        for name, uuid in (("x", UUIDS[0]), ("y", UUIDS[1]), ("z", OTHER))
    )

    def records():
        yield one
        yield other
        import_records(project, [last])  # outside of the transactions of this import
        yield last

    done = import_records(project, records(), together=1)
    assert (done.judgements, done.same) == (2, 1)
    assert stored()[-1] == 3


def test_rooms_for_more_people_are_numbered_after_those_that_are_there(world, tmp_path):
    from assent.feedback.schema.models import Slot

    project = world.project(overlap=2, shared={"share": 0})
    for together in (1, 1000):
        people = [f"{name}-{together}" for name in "abc"]
        given(project, tmp_path, *(pair("x", annotator=name) for name in people), together=together)
    slots = Slot.objects.order_by("number").values_list("number", "judged")
    assert list(slots) == [(number, True) for number in range(6)]
