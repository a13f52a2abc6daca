"""An item's own `meta` is never told as what somebody said; what JSON cannot say is told with its place."""

import json
from uuid import UUID

import pytest
from exchanging import alone, given, imported, pair, rows_of, stored, written
from feedback_world import new_uuid

from assent.errors import UserError

LIKE_A_JUDGEMENT = {
    "strength": "strong",
    "comment": "scraped 2020",
    "guideline": 7,
    "seconds": 3,
    "criterion": "tone",
    "part": "test",
    "expected": "B",
    "surplus": True,
    "votes": [1, 2],
}
HALF = "\ud83d"


def judged(person, project):
    """The next item, the left answer."""
    from assent.feedback.store.claims import claim
    from assent.feedback.store.judging import Submission, submit

    shown = claim(person, project)
    return submit(person, Submission(UUID(new_uuid()), shown.pk, {"choice": "left"}))


def unjudged(**meta):
    row = pair("x")
    return {key: row[key] for key in row if key != "choice"} | {"meta": {"item": "x", **meta}}


def test_what_an_item_is_known_by_is_not_what_was_said(world, tmp_path):
    project, other = world.project("one", **alone()), world.project("two", **alone())
    given(project, tmp_path, unjudged(source="web", item_meta="old", **LIKE_A_JUDGEMENT))
    judged(world.person("ann", "annotator", project), project)
    [row] = rows_of(world, project)
    kept = {key: value for key, value in LIKE_A_JUDGEMENT.items() if key != "part"}
    assert row["meta"]["item_meta"] == {**kept, "item_meta": "old"}
    assert row["meta"]["source"] == "web"
    said = {"annotator", "item", "shown_order", "judgement", "at", "revision"}
    assert row["meta"].keys() == said | {"item_meta", "source", "part"}
    assert imported(other, written(tmp_path / "again.jsonl", [row])).judgements == 1
    [again] = rows_of(world, other)
    again["meta"]["judgement"] = row["meta"]["judgement"]  # in another project it has another number
    assert again == row


def test_such_an_item_given_again_is_the_same(world, tmp_path):
    project = world.project(**alone())
    given(project, tmp_path, unjudged(**LIKE_A_JUDGEMENT))
    assert given(project, tmp_path, unjudged(**LIKE_A_JUDGEMENT)).same == 1


@pytest.mark.parametrize("choice", ["both_bad", 0])
def test_a_number_is_a_name_as_well(world, tmp_path, choice):
    project = world.project(**alone())
    given(project, tmp_path, pair("x", choice) | {"meta": {"annotator": "ann", "item": 0}})
    from assent.feedback.schema.models import Item

    assert Item.objects.get().name == "0"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (unjudged() | {"input_text": HALF, "meta": {}}, "a text holds half a character"),
        (pair("x", "both_bad", shown_order=[0, "a"]), "shown_order: expected each of the 2 candidates once"),
        (pair("x", "both_bad", shown_order=[[0], 1]), "shown_order: expected each of the 2 candidates once"),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_place(world, tmp_path, row, told):
    with pytest.raises(UserError, match=rf"given\.jsonl:1: .*{told}"):
        imported(world.project(**alone()), _ascii(tmp_path / "given.jsonl", row))


@pytest.mark.parametrize("judged", [True, False])
def test_infinity_is_told_with_its_place(world, tmp_path, judged):
    row = json.dumps(pair("x", weight=5) if judged else unjudged(weight=5)).replace(
        '"weight": 5', '"weight": 1e999'
    )
    (tmp_path / "given.jsonl").write_text(row + "\n")
    with pytest.raises(UserError, match=r"given\.jsonl:1: meta: expected what JSON can say: Out of range"):
        imported(world.project(**alone()), tmp_path / "given.jsonl")


def _ascii(path, row):
    path.write_text(json.dumps(row) + "\n")
    return path


# Who is not named


def test_nameless_rows_in_another_order_are_the_same_judgements(world, tmp_path):
    project = world.project(**alone())
    first, second = pair("x", 0, ""), pair("x", 1, "")
    given(project, tmp_path, first)
    assert given(project, tmp_path, second, first).judgements == 1
    assert given(project, tmp_path, first, second).judgements == 0
    assert given(project, tmp_path, second, first, first).judgements == 1  # somebody else said that too
    assert stored()[-1] == 3


# What cannot be written


def test_a_full_disk_is_told_as_that(world, tmp_path):
    """SQLite's own limit on pages stands for the disk: the same error, SQLITE_FULL."""
    from django.db import connection

    from assent.feedback.store.writer import Busy

    project = world.project(**alone())
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + 2}")
    rows = [pair(f"x{number}") | {"input_text": "long " * 200} for number in range(100)]
    with pytest.raises(Busy, match="disk of the server is full"):
        given(project, tmp_path, *rows)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1000000")
    assert given(project, tmp_path, *rows).judgements == 100
