"""Ratings and labels as files, and what their readers refuse."""

import json

import pytest

from assent.data.files.jsonl import write_jsonl
from assent.data.judged import merge_ratings
from assent.data.ratings import rating_row, ratings
from assent.errors import UserError
from assent.records import Prompt, Rating

GOOD = {"input_text": "p", "output_text": "a", "rating": 4, "scale": [1, 5]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.jsonl"


def read(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ratings(str(path))


def test_a_rating_with_all_that_may_stand_beside(path):
    row = {**GOOD, "criterion": "clear", "id": "x", "meta": {"annotator": "ann", "topic": "tea"}}
    prompt = Prompt("p", id="x", meta={"topic": "tea"})
    assert read(path, row) == [Rating(prompt, "a", 4, (1, 5), "clear", "ann")]


def test_several_criteria_in_a_row(path):
    row = {"input_text": "p", "output_text": "a", "ratings": {"kind": 0.5, "clear": 2}, "scale": [0, 2]}
    assert read(path, row) == [
        Rating(Prompt("p"), "a", 0.5, (0, 2), "kind"),
        Rating(Prompt("p"), "a", 2, (0, 2), "clear"),
    ]


def test_labels(path):
    labels = ["good", "bad", True, False]
    rows = [{"input_text": "p", "output_text": "a", "label": label} for label in labels]
    assert read(path, *rows) == [Rating(Prompt("p"), "a", value, (0, 1)) for value in (1, 0, 1, 0)]


def test_a_rating_comes_back_as_it_was_written(path):
    chat = ({"role": "user", "content": "hi"},)
    given = [
        Rating(Prompt("p", id="x", meta={"topic": "tea"}), "a", 4.5, (1, 5), "clear", "ann"),
        Rating(Prompt("hi", chat), "", -1, (-1, 1)),
    ]
    write_jsonl(path, map(rating_row, given))
    assert ratings(str(path)) == given


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rating": 6}, "rating: expected a number from 1 to 5, found 6"),
        ({"rating": "4"}, "rating: expected a number from 1 to 5, found '4'"),
        ({"rating": True}, "rating: expected a number from 1 to 5, found True"),
        ({"rating": None}, "rating: expected a number from 1 to 5, found None"),
        ({"rating": ...}, "expected one of rating, ratings, label, found none of them"),
        ({"label": "good"}, "expected one of rating, ratings, label, found rating and label"),
        ({"scale": ...}, "scale: expected \\[lowest, highest\\], such as \\[1, 5\\], found None"),
        ({"scale": [5, 1]}, "scale: expected \\[lowest, highest\\]"),
        ({"scale": [1]}, "scale: expected"),
        ({"scale": [1, "5"]}, "scale: expected"),
        ({"scale": [1, 10**400]}, "scale: expected"),  # more than a float holds
        ({"rating": ..., "ratings": {}}, "ratings: expected {criterion: number}, found {}"),
        ({"rating": ..., "ratings": {"kind": 9}}, "ratings.kind: expected a number from 1 to 5, found 9"),
        ({"rating": ..., "label": "fine"}, 'label: expected "good", "bad", true or false, found \'fine\''),
        ({"rating": ..., "label": ["good"]}, 'label: expected "good", "bad", true or false, found'),
        ({"rating": ..., "label": 1}, 'label: expected "good", "bad", true or false, found 1'),
        ({"criterion": 7}, "criterion: expected text, found 7"),
        ({"output_text": ...}, "output_text is missing"),
        ({"input_text": ...}, "input_text is missing"),
        ({"meta": []}, "meta: expected an object"),
    ],
)
def test_a_bad_rating_is_named(path, change, message):
    bad = {key: value for key, value in {**GOOD, **change}.items() if value is not ...}
    with pytest.raises(UserError, match=f"^{path}:2: {message}"):
        read(path, GOOD, bad)


def test_a_scale_without_an_end_is_refused(path):
    """JSON has no infinity, and Python reads 1e999 as one: every rating would be 0 of it."""
    path.write_text('{"input_text": "p", "output_text": "a", "rating": 3, "scale": [1, 1e999]}')
    with pytest.raises(UserError, match=f"^{path}:1: scale: expected"):
        ratings(str(path))


def test_an_empty_file(path):
    with pytest.raises(UserError, match="no rows there"):
        read(path)


def test_ratings_of_one_answer_are_one_item():
    rated = [
        Rating(Prompt("p"), "a", 2, (1, 5), "clear", "ann"),
        Rating(Prompt("p"), "a", 10, (0, 10), "clear", "bob"),
        Rating(Prompt("p"), "a", 1, (1, 3), "kind", "bob"),
        Rating(Prompt("q"), "a", 3, (1, 3), "kind", "bob"),
    ]
    first, second = merge_ratings(rated)
    assert first.values == {"clear": (0.25 + 1) / 2, "kind": 0}
    assert (second.prompt.text, second.values) == ("q", {"kind": 1})
