"""Judged rankings and ratings into judgements."""

import pytest
from exchanging import ASKED, given

from assent.errors import UserError

SCALES = {"task": "rating", "criteria": [{"name": "clear"}, {"name": "kind", "lowest": 0, "highest": 2}]}


@pytest.mark.parametrize(
    ("row", "ranking"),
    [
        ({"ranking": [2, 0, 1]}, [[2], [0], [1]]),
        ({"ranking": [2, [0, 1]]}, [[2], [0, 1]]),
        ({"ranking": [[0, 1, 2]]}, [[0, 1, 2]]),
        ({"pairs": [[0, 1, 1], [0, 2, 0], [1, 2, 1]]}, [[1], [0], [2]]),
    ],
)
def test_rankings(world, tmp_path, row, ranking):
    from assent.feedback.schema.models import Judgement

    three = {"candidate_0": "a", "candidate_1": "b", "candidate_2": "c"}
    given(world.project(task="ranking"), tmp_path, ASKED | three | row)
    assert Judgement.objects.get().answer == {"ranking": ranking}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"choice": 1}, None),  # the best against both others, which are not compared
        ({"pairs": [[0, 1, 1]]}, "tells only a part of it"),
        ({"pairs": [[0, 1, 0], [1, 2, 1], [0, 2, 2]]}, "go round in a circle"),
    ],
)
def test_what_is_no_ranking_is_refused(world, tmp_path, row, said):
    three = {"candidate_0": "a", "candidate_1": "b", "candidate_2": "c"}
    with pytest.raises(UserError, match=said or "tells only a part of it"):
        given(world.project(task="ranking"), tmp_path, ASKED | three | row)


def rating(text, value, criterion, scale=(1, 5), **meta):
    row = ASKED | {"output_text": text, "rating": value, "scale": list(scale), "criterion": criterion}
    return row | {"meta": {"annotator": "ann", **meta}}


def test_ratings_of_one_judgement_stand_together(world, tmp_path):
    from assent.feedback.schema.models import Item, Judgement

    rows = [
        rating(text, value, name, scale, candidate=number, item="x")
        for number, text in enumerate("ab")
        for name, value, scale in (("clear", 4 - number, (1, 5)), ("kind", 1 + number, (0, 2)))
    ]
    done = given(world.project(**SCALES), tmp_path, *rows)
    assert (done.items, done.judgements) == (1, 1)
    assert Item.objects.get().candidates == ["a", "b"]
    assert Judgement.objects.get().answer == {"ratings": [{"clear": 4, "kind": 1}, {"clear": 3, "kind": 2}]}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([rating("a", 4, "clear")], "ratings by clear, and this project rates by clear, kind"),
        (
            [rating("a", 4, "clear"), rating("a", 4, "kind")],
            "kind is rated from 1 to 5 here, and from 0 to 2",
        ),
        (
            [rating("a", 4.5, "clear"), rating("a", 1, "kind", (0, 2))],
            "clear: expected a whole number, found 4.5",
        ),
        (
            [rating("a", 4, "clear", candidate=1), rating("a", 1, "kind", (0, 2), candidate=1)],
            "meta.candidate",
        ),
    ],
)
def test_ratings_that_are_not_those_of_the_project(world, tmp_path, rows, said):
    with pytest.raises(UserError, match=f"given.jsonl:1: {said}"):
        given(world.project(**SCALES), tmp_path, *rows)
