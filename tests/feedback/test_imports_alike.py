"""Rows whose answers are all the same words: nobody is asked, and the number of them is told."""

import json

import pytest
from annotating import annotating
from exchanging import ASKED, alone, given, pair, rows_of, stored, written

SAME = {**ASKED, "candidate_0": "a", "candidate_1": "a"}
OTHER = {**ASKED, "candidate_0": "a", "candidate_1": "b"}


@pytest.mark.parametrize("task", ["pairwise", "ranking"])
def test_nobody_is_asked_what_has_no_answer(world, tmp_path, task):
    done = given(world.project(task=task, **alone()), tmp_path, SAME, OTHER, {**SAME, "id": "x"})
    assert (done.items, done.judgements, done.same, done.alike) == (1, 0, 0, 2)
    assert stored() == (1, 1, 0, 0, 0)


def test_a_ranking_where_some_are_equal_is_asked(world, tmp_path):
    three = {**SAME, "candidate_2": "b"}
    done = given(world.project(task="ranking"), tmp_path, three, {**three, "candidate_2": "a"})
    assert (done.items, done.alike) == (1, 1)


def test_what_somebody_has_judged_stays_as_it_is(world, tmp_path):
    project = world.project(**alone())
    row = {**SAME, "choice": 1, "meta": {"annotator": "ann", "item": "x"}}
    done = given(project, tmp_path, row, pair("y"), {**SAME, "id": "x"})
    assert (done.items, done.judgements, done.alike) == (2, 2, 1)
    assert [(one["meta"]["item"], one["choice"]) for one in rows_of(world, project)] == [("x", 1), ("y", 0)]


@pytest.mark.parametrize(
    ("task", "more", "row"),
    [
        ("rating", {"criteria": "summary"}, SAME),
        ("edit", {}, SAME),
        ("demonstration", {}, ASKED),
    ],
)
def test_other_tasks_ask_of_each_answer_alone(world, tmp_path, task, more, row):
    done = given(world.project(task=task, **more), tmp_path, row)
    assert (done.items, done.alike) == (1, 0)


def test_many_of_them_beside_each_other(world, tmp_path):
    rows = [{**SAME, "id": f"same-{number}"} for number in range(5000)]
    done = given(world.project(), tmp_path, *rows, OTHER, *rows)
    assert (done.items, done.alike) == (1, 10_000)


def test_the_admin_is_told(world, tmp_path):
    from django.core.files.uploadedfile import SimpleUploadedFile

    world.project()
    admin = world.client(world.person("eve", "admin"))
    content = "".join(json.dumps(row) + "\n" for row in (SAME, OTHER)).encode()
    sent = {"file": SimpleUploadedFile("rows.jsonl", content), "part": "real"}
    page = admin.post("/admin/p/pairs/items", sent).content.decode()
    assert "1 row is left out: its answers are all the same" in page


def test_the_command_tells_it_when_it_starts(tmp_path):
    written(tmp_path / "rows.jsonl", [SAME, OTHER])
    with annotating(tmp_path, "rows.jsonl", "--out", "judgements.jsonl") as app:
        assert any("rows: 1 left out: their answers are all the same words" in line for line in app.said)
        assert "rows: 0 of 1 comparisons answered\n" in app.said
        assert app.end() == 0
