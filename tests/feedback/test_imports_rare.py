"""Imports that are rare: answers in another order, judgements that name nobody, exports mended by hand."""

import gc
import json

import pytest
from exchanging import ASKED, TWO, alone, given, pair, rows_of, stored

from assent.errors import UserError

ONE_SCALE = {"task": "rating", "criteria": [{"name": "clear"}], **alone()}


def mended(text="a cat", candidate=0, candidates=("a dog", "a bird"), **meta):
    told = {"candidate": candidate, "candidates": list(candidates), "item": "x", **meta}
    return ASKED | {"output_text": text, "author": "ann", "meta": told}


def rating(value, text="a", **meta):
    return ASKED | {
        "output_text": text,
        "rating": value,
        "scale": [1, 5],
        "meta": {"annotator": "ann", **meta},
    }


def answers():
    from assent.feedback.schema.models import Judgement

    return list(Judgement.objects.order_by("id").values_list("person__name", "answer"))


# Answers in another order


def test_a_mend_is_of_the_same_answer_wherever_that_stands(world, tmp_path):
    project = world.project(task="edit")
    bob = mended("a fish", candidate=0, candidates=["a bird", "a dog"]) | {"author": "bob"}
    assert given(project, tmp_path, mended(), bob).items == 1
    assert answers() == [
        ("ann", {"candidate": 0, "text": "a cat"}),
        ("bob", {"candidate": 1, "text": "a fish"}),  # "a bird" is number 1 of the item
    ]


def test_a_ranking_is_of_the_same_answers_wherever_they_stand(world, tmp_path):
    texts = ("a", "b", "c")
    turned = {f"candidate_{number}": text for number, text in enumerate(("c", "a", "b"))}
    first = ASKED | {f"candidate_{number}": text for number, text in enumerate(texts)}
    first |= {"ranking": [0, 1, 2], "meta": {"annotator": "ann", "item": "x"}}
    second = ASKED | turned | {"ranking": [0, [2, 1]], "meta": {"annotator": "bob", "item": "x"}}
    given(world.project(task="ranking"), tmp_path, first, second)
    # bob: "c" is best, then "b" and "a" alike: numbers 2, then 0 and 1 of the item
    assert answers() == [("ann", {"ranking": [[0], [1], [2]]}), ("bob", {"ranking": [[2], [0, 1]]})]


def test_ratings_are_of_the_same_answers_wherever_they_stand(world, tmp_path):
    rows = [
        rating(value, text, annotator=name, candidate=place, item="x", criterion="clear")
        for name, told in (("ann", [("a", 1), ("b", 5)]), ("bob", [("b", 4), ("a", 2)]))
        for place, (text, value) in enumerate(told)
    ]
    given(world.project(**ONE_SCALE), tmp_path, *rows)
    assert answers() == [
        ("ann", {"ratings": [{"clear": 1}, {"clear": 5}]}),
        ("bob", {"ratings": [{"clear": 2}, {"clear": 4}]}),
    ]


def test_answers_that_are_stored_with_escaped_letters_are_the_same(world, tmp_path):
    """Django writes é as \\u00e9 into the database; the importer writes it as it is."""
    project = world.project()
    world.items(project, 1, candidates=("thé", "café"))
    told = {"input_text": "Prompt 0", "candidate_0": "thé of real 0", "candidate_1": "café of real 0"}
    done = given(project, tmp_path, told | {"choice": 1, "meta": {"annotator": "ann", "item": "real-0"}})
    assert (done.items, done.judgements) == (0, 1)
    assert answers() == [("ann", {"choice": 1})]


# Who is not named


def test_another_nameless_judgement_of_an_item_is_somebody_elses(world, tmp_path):
    project = world.project(**alone())
    given(project, tmp_path, pair("x", 0, ""))
    given(project, tmp_path, pair("x", 1, ""))  # in a file of its own
    assert answers() == [("unnamed-1", {"choice": 0}), ("unnamed-2", {"choice": 1})]


def test_a_nameless_judgement_keeps_its_number(world, tmp_path):
    uuid = "0f0f0f0f-0000-4000-8000-000000000001"
    project = world.project(**alone())
    assert given(project, tmp_path, pair("x", 0, "", judgement=uuid)).judgements == 1
    assert given(project, tmp_path, pair("x", 0, "", judgement=uuid)).same == 1
    assert [row["meta"]["judgement"] for row in rows_of(world, project)] == [uuid]


def test_an_item_that_somebody_is_looking_at_is_still_theirs(world, tmp_path):
    from assent.feedback.schema.models import Item, Shown

    project, cleo = world.project(**alone()), world.person("cleo")
    row = pair("x", annotator="")
    given(project, tmp_path, {key: row[key] for key in row if key not in ("choice", "meta")} | {"id": "x"})
    shown = Shown.objects.create(project=project, item=Item.objects.get(), person=cleo, order=[1, 0])
    given(project, tmp_path, row)
    assert answers() == [("unnamed-1", {"choice": 0})]
    assert list(Shown.objects.filter(person=cleo)) == [shown]


def test_more_people_than_are_kept_in_mind(world, tmp_path, monkeypatch):
    from assent.feedback.exchange import batches, imports

    monkeypatch.setattr(batches, "MOST_PEOPLE", 1)
    monkeypatch.setattr(imports, "HELD", 1)
    rows = [
        pair(item, 0, name) for item, name in zip("uvwxy", ("ann", "bob", "cleo", "ann", "bob"), strict=True)
    ]
    given(world.project(), tmp_path, *rows)
    assert [name for name, _ in answers()] == ["ann", "bob", "cleo", "ann", "bob"]


# Ratings


def test_ratings_without_a_criterion_are_by_the_only_one(world, tmp_path):
    given(world.project(**ONE_SCALE), tmp_path, rating(4))
    assert answers() == [("ann", {"ratings": [{"clear": 4}]})]


def test_ratings_of_two_items_that_say_the_same_stay_apart(world, tmp_path):
    given(world.project(**ONE_SCALE), tmp_path, rating(4, item="x"), rating(2, item="y"))
    assert answers() == [("ann", {"ratings": [{"clear": 4}]}), ("ann", {"ratings": [{"clear": 2}]})]


def test_what_nobody_has_rated_may_follow_what_somebody_has(world, tmp_path):
    done = given(world.project(**ONE_SCALE), tmp_path, rating(4), ASKED | TWO, rating(2, "b"))
    assert (done.items, done.judgements) == (3, 2)


def test_an_answer_has_a_number_that_there_can_be(world, tmp_path):
    with pytest.raises(UserError, match=r"given\.jsonl:1: meta\.candidate: expected 0 to 8, found 9"):
        given(world.project(**ONE_SCALE), tmp_path, rating(4, candidate=9))


# Mends


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            mended(candidates=[1, 2]),
            r"meta\.candidates: expected the answers that were shown, found \[1, 2\]",
        ),
        (mended(candidate=2), "meta.candidate: expected the number of the answer that was mended, 0 to 1, "),
        (pair("x"), "an edit project takes comparisons only as its own export writes them"),
    ],
)
def test_what_is_no_mend_is_refused(world, tmp_path, row, said):
    with pytest.raises(UserError, match=f"given.jsonl:1: {said}"):
        given(world.project(task="edit"), tmp_path, row)
    assert stored()[0] == 0


def test_a_collector_that_was_off_stays_off(world, tmp_path):
    gc.disable()
    try:
        given(world.project(), tmp_path, pair("x"))
        assert not gc.isenabled()
    finally:
        gc.enable()
    given(world.project("other"), tmp_path, pair("x"))
    assert gc.isenabled()


def test_a_read_file_has_rows_whose_keys_are_data_of_their_own(world, tmp_path, monkeypatch):
    """The kinds of rows that are remembered stay few; what was read does not hang on it."""
    from assent.tools import annotate_formats

    monkeypatch.setattr(annotate_formats, "MOST_SEEN", 2)
    reading = annotate_formats.Reading(str(tmp_path / "rows.jsonl"))
    rows = [{"input_text": f"q{number}", f"key {number}": number} for number in range(5)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [prompt.text for prompt in reading] == ["q0", "q1", "q2", "q3", "q4"]
