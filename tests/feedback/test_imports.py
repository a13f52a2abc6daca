"""Files into items, slots and judgements: once, under their annotators, and nothing that does not fit."""

import json
import sys

import pytest
from exchanging import AT, given, imported, pair, rows_of, written

from assent.errors import UserError
from assent.tools.annotate_formats import Reading

ASKED = {"input_text": "什么是湿地？"}
TWO = {"candidate_0": "常年有水的土地。", "candidate_1": "一种鸟。"}
SCALES = {"task": "rating", "criteria": [{"name": "clear"}, {"name": "kind", "lowest": 0, "highest": 2}]}


def stored():
    """(items, slots, judged slots, shown, judgements)."""
    from assent.feedback.schema.models import Item, Judgement, Shown, Slot

    slots = Slot.objects
    return (
        Item.objects.count(),
        slots.count(),
        slots.filter(judged=True).count(),
        Shown.objects.count(),
        Judgement.objects.count(),
    )


def alone(**changed):
    """Settings under which each item wants one judgement."""
    return {"shared": {"share": 0}, **changed}


# Items


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
    assert (item.prompt, item.candidates, item.slots, item.part) == (prompt, candidates, 2, "real")
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
        [item.slots for item in Item.objects.filter(project__name=name).order_by("position")]
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


# Judgements


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
    Slot.objects.filter(number=0).update(holder=cleo, lease_until=4e9)
    given(project, tmp_path, pair("x", annotator="ann"), pair("x", annotator="bob"))
    assert list(Slot.objects.order_by("number").values_list("judged", "holder__name")) == [
        (False, "cleo"),
        (True, None),
        (True, None),
    ]
    assert Slot.objects.get(number=0).item.slots == 3


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


# Gold, practice and test


@pytest.mark.parametrize("part", ["gold", "practice", "test"])
def test_known_answers_are_expected_and_nobody_has_judged(world, tmp_path, part):
    from assent.feedback.schema.models import Item

    project = world.project()
    row = pair("x", 1, explanation="It is **wet**.", topic="fens", comment="not told")
    done = given(project, tmp_path, row, pair("y", "both_bad"), part=part)
    item = Item.objects.get(name="x")
    assert (item.part, item.expected, item.explanation) == (part, {"choice": 1}, "It is **wet**.")
    assert (item.hidden, item.slots) == ({"topic": "fens"}, 0)
    assert Item.objects.get(name="y").expected == {"choice": "both_bad"}
    assert (done.items, stored()) == (2, (2, 0, 0, 0, 0))
    assert given(project, tmp_path, row, part=part).same == 1


@pytest.mark.parametrize(
    ("row", "part", "said"),
    [
        (ASKED | TWO, "gold", "a gold item needs its right answer"),
        (pair("x", 0), "gold", "its right answer is"),
        (pair("x", 1), "real", "it is there as gold, and here as real"),
        (pair("x", 1), "bronze", "part 'bronze': expected one of real, gold, practice, test"),
    ],
)
def test_what_cannot_be_known(world, tmp_path, row, part, said):
    project = world.project()
    given(project, tmp_path, pair("x", 1), part="gold")
    with pytest.raises(UserError, match=said):
        given(project, tmp_path, row, part=part)


# Other people's files, each as docs/formats.md shows it

LABEL_STUDIO = {
    "id": 7,
    "data": {"prompt": "What is a fen?", "answer1": "A wetland.", "answer2": "A bird."},
    "annotations": [
        {
            "id": 1,
            "completed_by": 3,
            "lead_time": 12.5,
            "was_cancelled": False,
            "result": [
                {
                    "from_name": "pw",
                    "to_name": "answer1,answer2",
                    "type": "pairwise",
                    "value": {"selected": "left"},
                }
            ],
        }
    ],
}
ARGILLA = {
    "id": "7",
    "instruction": "What is a fen?",
    "response-1": "A wetland.",
    "response-2": "A bird.",
    "best.responses": ["response-1"],
    "best.responses.users": ["3"],
    "best.responses.status": ["submitted"],
}
HH = {
    "chosen": "\n\nHuman: What is a fen?\n\nAssistant: A wetland.",
    "rejected": "\n\nHuman: What is a fen?\n\nAssistant: A bird.",
}
TRL = {"prompt": "What is a fen?", "chosen": "A wetland.", "rejected": "A bird.", "annotator": "3"}


@pytest.mark.parametrize(
    ("row", "annotator"), [(LABEL_STUDIO, "3"), (ARGILLA, "3"), (HH, "unnamed-1"), (TRL, "3")]
)
def test_judgements_made_elsewhere(world, tmp_path, row, annotator):
    project = world.project()
    given(project, tmp_path, row)
    [out] = rows_of(world, project)
    assert (out["candidate_0"], out["candidate_1"], out["choice"]) == ("A wetland.", "A bird.", 0)
    assert out["meta"]["annotator"] == annotator
    asked = out["input_text"] if "input_text" in out else out["messages"][-1]["content"]
    assert asked == "What is a fen?"


def test_tables(world, tmp_path):
    csv = tmp_path / "pairs.csv"
    csv.write_text(
        'input_text,candidate_0,candidate_1,choice,meta\nq,=a,"b,\nc",1,"{""annotator"": ""ann""}"\n'
    )
    project = world.project()
    imported(project, csv)
    [row] = rows_of(world, project)
    assert (row["candidate_0"], row["candidate_1"], row["choice"]) == ("=a", "b,\nc", 1)


def test_parquet(world, tmp_path):
    pytest.importorskip("pyarrow")
    from assent.data.files.written import written as table

    with table(tmp_path / "pairs.parquet") as add:
        add([pair("x", 1), pair("y", 0)])
    project = world.project()
    imported(project, tmp_path / "pairs.parquet")
    assert [row["choice"] for row in rows_of(world, project)] == [1, 0]


def test_labelled_texts_are_no_items(world, tmp_path):
    with pytest.raises(UserError, match=r"given\.jsonl:1: a labelled text is nothing that the app shows"):
        given(world.project(), tmp_path, {"text": "So glad!", "label": "joy"})


def test_training_does_not_read_what_is_no_tie(tmp_path):
    from assent.data.sources import comparisons

    for choice in ("both_bad", "cannot_judge"):
        with pytest.raises(UserError, match="choice: expected 0 to 1, or null for a tie"):
            comparisons(str(written(tmp_path / "rows.jsonl", [pair("x", choice)])))


def test_a_file_of_prompts_and_answered_chats_keeps_them_apart(world, tmp_path):
    """Both have only `messages`: the last of them says which it is."""
    chat = [{"role": "user", "content": "Hi"}]
    answered = [*chat, {"role": "assistant", "content": "Hello."}]
    rows = [
        {"messages": chat},
        {"messages": answered},
        {"messages": [*answered, *chat]},
        {"messages": answered},
    ]
    done = given(world.project(task="demonstration"), tmp_path, *rows)
    assert (done.items, done.judgements) == (2, 2)


# Large files, read in a process of their own


@pytest.fixture
def apart(monkeypatch):
    """Every file counts as large, on a machine that has two cores."""
    from assent.feedback.exchange import ahead

    monkeypatch.setattr(ahead, "WORTH_BYTES", 0)
    monkeypatch.setattr(ahead.os, "sched_getaffinity", lambda _: {0, 1})


def test_what_another_process_reads_is_the_same(world, tmp_path, apart):
    from assent.feedback.exchange.imports import import_records

    one, two = world.project("one"), world.project("two")
    rows = [pair(f"条目-{number}", number % 2, strength=0.4, topic=[1.5, None]) for number in range(1100)]
    done = given(one, tmp_path, *rows)
    assert (done.items, done.judgements) == (1100, 1100)
    assert [row["choice"] for row in rows_of(world, one)] == [number % 2 for number in range(1100)]
    import_records(two, list(Reading(str(tmp_path / "given.jsonl"))))  # here: a list is read by nobody else
    told = [[row["meta"][key] for key in ("item", "topic", "strength")] for row in rows_of(world, one)]
    assert told == [
        [row["meta"][key] for key in ("item", "topic", "strength")] for row in rows_of(world, two)
    ]


def test_another_process_names_file_and_line_too(world, tmp_path, apart):
    with pytest.raises(UserError, match=r"given\.jsonl:2: seconds: expected a number from 0 on"):
        given(world.project(), tmp_path, pair("x"), pair("y", seconds=-1))
    path = tmp_path / "half.jsonl"
    path.write_text(json.dumps(pair("x") | {"candidate_0": "\ud83d"}) + "\n")
    with pytest.raises(UserError, match=r"half\.jsonl:1: a text holds half a character"):
        imported(world.project("two"), path)


def test_a_process_that_dies_is_no_end_of_the_file(apart):
    from assent.errors import AssentError
    from assent.feedback.exchange.ahead import entries_of
    from assent.feedback.exchange.answers_in import Wanted

    class Dying(list):
        again, bytes = sys.exit, 1

    with pytest.raises(AssentError, match="ended too early"):
        list(entries_of(Wanted("pairwise"), Dying(), known=False))
