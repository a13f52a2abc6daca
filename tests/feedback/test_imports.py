"""Files into items and slots: once, and nothing that does not fit."""

import json

import pytest
from exchanging import ASKED, TWO, alone, given, imported, pair, stored

from assent.errors import UserError


@pytest.mark.parametrize(
    ("task", "row", "prompt", "candidates"),
    [
        ("demonstration", {"input_text": "What is a moor?"}, "What is a moor?", []),
        ("demonstration", {"prompt": "What is a moor?"}, "What is a moor?", []),
        ("pairwise", ASKED | TWO, "什么是湿地？", ["常年有水的土地。", "一种鸟。"]),
        ("ranking", {"prompt": "q", "responses": ["a", "b", "c"]}, "q", ["a", "b", "c"]),
        ("edit", {"prompt": "q", "completion": "a"}, "q", ["a"]),
        (
            "pairwise",
            {"messages": [{"role": "user", "content": "Hi"}], **TWO},
            [{"role": "user", "content": "Hi"}],
            ["常年有水的土地。", "一种鸟。"],
        ),
    ],
)
def test_what_nobody_has_judged_becomes_an_item_with_open_slots(
    world, tmp_path, task, row, prompt, candidates
):
    from assent.feedback.schema.models import Item

    done = given(world.project(task=task, **alone(overlap=2)), tmp_path, row)
    item = Item.objects.get()
    assert (done.items, done.judgements, done.same) == (1, 0, 0)
    assert (item.prompt, item.candidates, item.slot_set.count(), item.part) == (prompt, candidates, 2, "real")
    assert stored() == (1, 2, 0, 0, 0)


def test_names_of_policies_are_hidden_in_the_item(world, tmp_path):
    from assent.feedback.schema.models import Item

    meta = {"policies": ["sft", "tuned"], "topic": "水"}
    given(world.project(), tmp_path, ASKED | TWO | {"id": "7", "meta": meta})
    assert (Item.objects.get().name, Item.objects.get().hidden) == ("7", meta)


def test_items_without_a_name_are_known_by_what_they_say(world, tmp_path):
    project = world.project()
    given(project, tmp_path, ASKED | TWO, {**ASKED, "candidate_0": "a", "candidate_1": "b"})
    swapped = {"candidate_0": TWO["candidate_1"], "candidate_1": TWO["candidate_0"]}
    done = given(project, tmp_path, ASKED | swapped)
    assert (done.items, done.same) == (0, 1)
    assert stored()[0] == 2


def test_the_shared_pool_is_a_share_of_the_items_and_the_same_in_every_project(world, tmp_path):
    from assent.feedback.schema.models import Item

    rows = [pair(f"item-{number}") for number in range(2000)]
    for name in ("one", "two"):
        project = world.project(name, shared={"share": 0.25, "overlap": 3})
        given(project, tmp_path, *({k: v for k, v in row.items() if k != "choice"} for row in rows))
    one, two = (
        [item.slot_set.count() for item in Item.objects.filter(project__name=name).order_by("position")]
        for name in ("one", "two")
    )
    assert one == two
    assert set(one) == {1, 3}
    assert 440 <= one.count(3) <= 560  # a binomial of 2000 and 1/4: 500, and three deviations are 58


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (pair("x") | {"input_text": "Another?"}, "item x: an item of this name is there with another prompt"),
        (pair("x") | {"candidate_1": "else"}, "item x: an item of this name is there with another answers"),
        (pair("y") | {"candidate_2": "third"}, "expected 2 answers for a pairwise project, found 3"),
        ({"input_text": "q"}, "a pairwise project needs two answers to a prompt, and this is a prompt"),
        (
            {"input_text": "q", "output_text": "a"},
            "needs two answers to a prompt, and this is a demonstration",
        ),
        (pair("y", shown_order=[0, 0]), "shown_order: expected each of the 2 candidates once"),
        (pair("y", judgement="7"), "meta.judgement: expected a UUID, found '7'"),
        (pair("y", at="noon"), "meta.at: expected a time such as"),
        (pair("y", at=1795253400), "meta.at: expected a time such as"),
        (pair("y", at="2026-02-30T09:30:00.000Z"), "meta.at: expected a time such as"),
        (pair("y", at="2026-02-20T09:30:00.000"), "meta.at: expected a time such as"),  # of which zone?
        (pair("y", revision=0), "meta.revision: expected a whole number from 1"),
        (pair("y", comment=7), "meta.comment: expected a text"),
        (pair("y", seconds=-1), "seconds: expected a number from 0 on, found -1"),
        (pair("y" * 201), "the item's name is longer than 200 characters"),
        (pair("y", annotator="a" * 81), "annotator: expected at most 80 characters"),
        (pair("y") | {"candidate_0": "\ud83d"}, "a text holds half a character"),
    ],
)
def test_what_does_not_fit_is_named_with_file_and_line(world, tmp_path, row, said):
    project = world.project()
    path = tmp_path / "bad.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (pair("x"), row)))
    with pytest.raises(UserError) as error:
        imported(project, path)
    assert str(error.value).startswith(f"{path}:2: ")
    assert said in str(error.value)


def test_more_than_nine_answers_are_too_many(world, tmp_path):
    row = {"prompt": "q", "responses": [str(number) for number in range(10)]}
    with pytest.raises(
        UserError, match=r"given\.jsonl:1: expected 2 to 9 answers for a ranking project, found 10"
    ):
        given(world.project(task="ranking"), tmp_path, row)


def test_a_chat_project_has_no_items(world, tmp_path):
    with pytest.raises(UserError, match="a chat project needs no items"):
        given(world.project(task="chat", policies=["m"]), tmp_path, ASKED)


# Gold, practice and test


@pytest.mark.parametrize("part", ["gold", "practice", "test"])
def test_known_answers_are_expected_and_nobody_has_judged(world, tmp_path, part):
    from assent.feedback.schema.models import Item

    project = world.project()
    row = pair("x", 1, explanation="It is **wet**.", topic="fens", comment="not told")
    done = given(project, tmp_path, row, pair("y", "both_bad"), part=part)
    item = Item.objects.get(name="x")
    assert (item.part, item.expected, item.explanation) == (part, {"choice": 1}, "It is **wet**.")
    assert (item.hidden, item.slot_set.count()) == ({"topic": "fens"}, 0)
    assert Item.objects.get(name="y").expected == {"choice": "both_bad"}
    assert (done.items, stored()) == (2, (2, 0, 0, 0, 0))
    assert given(project, tmp_path, row, part=part).same == 1


@pytest.mark.parametrize(
    ("row", "part", "said"),
    [
        (ASKED | TWO, "gold", "a gold item needs its right answer"),
        (pair("x", 1), "real", "it is there as gold, and here as real"),
        (pair("x", 1), "bronze", "part 'bronze': expected one of real, gold, practice, test"),
    ],
)
def test_what_cannot_be_known(world, tmp_path, row, part, said):
    project = world.project()
    given(project, tmp_path, pair("x", 1), part="gold")
    with pytest.raises(UserError, match=said):
        given(project, tmp_path, row, part=part)
