"""What goes out: what stands in which file, and in which form."""

import json
import sqlite3
import subprocess
import sys
from uuid import UUID

import pytest
from exchanging import AT, given, pair, rows_of
from feedback_world import new_uuid

from assent.errors import UserError
from assent.feedback.exchange.export import exported, kinds_of, reading

ALONE = {"shared": {"share": 0}}


def judge(item, person, answer, order=(0, 1), **columns):
    """A judgement as the app stores it."""
    from assent.feedback.schema.models import Judgement, Shown, Slot

    attempt = columns.pop("attempt", 0)
    shown = Shown.objects.filter(item=item, person=person, attempt=attempt).first() or Shown.objects.create(
        project=item.project, item=item, person=person, order=list(order), attempt=attempt
    )
    slot = Slot.objects.filter(item=item, judged=False).first()
    if slot is not None and columns.get("revision", 1) == 1:
        Slot.objects.filter(pk=slot.pk).update(judged=True)
    values = {"uuid": new_uuid(), "payload_sha256": "", "created": 1795253400.1239, **columns}
    first = Judgement.objects.filter(shown=shown).first()
    place = first.slot if first else slot
    return Judgement.objects.create(
        shown=shown, item=item, person=person, slot=place, answer=answer, **values
    )


# The form of rows


def test_a_pair_has_four_keys_and_meta(world):
    project, ann = world.project(), world.person("ann")
    [item] = world.items(project, 1, hidden={"policies": ["sft", "tuned"]})
    made = judge(item, ann, {"choice": 1, "strength": 3, "comment": "klar"}, (1, 0), seconds=4.5, guideline=2)
    assert rows_of(world, project) == [
        {
            "input_text": "Prompt 0",
            "candidate_0": "one of real 0",
            "candidate_1": "two of real 0",
            "choice": 1,
            "meta": {
                "annotator": "ann",
                "item": "real-0",
                "seconds": 4.5,
                "strength": 1.0,
                "shown_order": [1, 0],
                "judgement": str(UUID(made.uuid)),
                "guideline": 2,
                "at": "2026-11-21T09:30:00.123Z",
                "revision": 1,
                "comment": "klar",
                "policies": ["sft", "tuned"],
            },
        }
    ]


def test_five_answers_stand_in_four_files(world):
    project, ann = world.project(), world.person("ann")
    said = [0, 1, "tie", "both_bad", "cannot_judge"]
    for item, choice in zip(world.items(project, 5), said, strict=True):
        judge(item, ann, {"choice": choice})
    found = {kind: [row["choice"] for row in rows_of(world, project, kind)] for kind in kinds_of("pairwise")}
    assert {kind: choices for kind, choices in found.items() if choices and kind != "votes"} == {
        "judgements": [0, 1],
        "ties": [None],
        "both_bad": ["both_bad"],
        "cannot_judge": ["cannot_judge"],
    }


def test_only_the_last_word_counts_in_the_order_in_which_it_came(world):
    project, ann, bob = world.project(), world.person("ann"), world.person("bob")
    one, two = world.items(project, 2, slots=2)
    judge(one, ann, {"choice": 0})
    judge(two, ann, {"choice": 0})
    judge(one, bob, {"choice": 0})
    judge(one, ann, {"choice": 1}, revision=2)
    judge(two, ann, {"choice": "tie"}, revision=2)
    told = [
        (row["meta"]["annotator"], row["choice"], row["meta"]["revision"]) for row in rows_of(world, project)
    ]
    assert told == [("bob", 0, 1), ("ann", 1, 2)]
    assert len(rows_of(world, project, "ties")) == 1


def test_surplus_gold_and_tests_are_kept_apart(world):
    project, ann = world.project(), world.person("ann")
    [real] = world.items(project, 1)
    [gold] = world.items(project, 1, part="gold", expected={"choice": 0})
    [test] = world.items(project, 1, part="test", expected={"choice": "tie"})
    judge(real, ann, {"choice": "both_bad"}, surplus=True)
    judge(gold, ann, {"choice": 1})
    judge(test, ann, {"choice": "tie"}, attempt=2)
    assert rows_of(world, project) == rows_of(world, project, "both_bad") == []
    assert [row["choice"] for row in rows_of(world, project, "surplus")] == ["both_bad"]
    [known] = rows_of(world, project, "gold")
    assert (known["choice"], known["meta"]["expected"], known["meta"]["part"]) == (1, {"choice": 0}, "gold")
    [asked] = rows_of(world, project, "qualification")
    assert (asked["choice"], asked["meta"]["expected"], asked["meta"]["attempt"]) == (
        None,
        {"choice": "tie"},
        2,
    )


def test_votes_are_fractions_and_what_is_neither_is_no_vote(world):
    project = world.project()
    people = [world.person(name) for name in ("ann", "bob", "cleo", "dan")]
    first, second, third = world.items(project, 3, slots=4)
    for person, choice in zip(people, (0, 0, 1, "tie"), strict=True):
        judge(first, person, {"choice": choice})
    for person, choice in zip(people, (0, 1, "both_bad", "cannot_judge"), strict=True):
        judge(second, person, {"choice": choice})
    judge(third, people[0], {"choice": "both_bad"})
    one, two = rows_of(world, project, "votes")
    # 2 and a half, 1 and a half, of 4
    assert (one["choice"], one["meta"]) == (0, {"item": "real-0", "votes": [0.625, 0.375], "judgements": 4})
    assert (two["choice"], two["meta"]) == (None, {"item": "real-1", "votes": [0.5, 0.5], "judgements": 2})


def test_votes_of_rankings_are_shares_of_the_first_place(world):
    project = world.project(task="ranking")
    [item] = world.items(project, 1, slots=2, candidates=("one", "two", "three"))
    judge(item, world.person("ann"), {"ranking": [[2], [0, 1]]}, (0, 1, 2))
    judge(item, world.person("bob"), {"ranking": [[0, 2], [1]]}, (0, 1, 2))
    [row] = rows_of(world, project, "votes")
    assert (row["choice"], row["meta"]["votes"]) == (2, [0.25, 0.0, 0.75])


def test_ratings_have_a_row_for_each_answer_and_criterion(world):
    from assent.data.ratings import ratings

    project = world.project(task="rating", criteria=[{"name": "clear"}, {"name": "kind", "highest": 3}])
    [item] = world.items(project, 1)
    judge(item, world.person("ann"), {"ratings": [{"clear": 4, "kind": 1}, {"clear": 2, "kind": 3}]})
    rows = rows_of(world, project)
    assert [(row["output_text"], row["criterion"], row["rating"], row["scale"]) for row in rows] == [
        ("one of real 0", "clear", 4, [1, 5]),
        ("one of real 0", "kind", 1, [1, 3]),
        ("two of real 0", "clear", 2, [1, 5]),
        ("two of real 0", "kind", 3, [1, 3]),
    ]
    path = world.database.with_name("rated.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [one.value for one in ratings(str(path))] == [4, 1, 2, 3]


def test_a_mend_is_a_demonstration_and_a_comparison(world):
    project = world.project(task="edit")
    [item] = world.items(project, 1)
    judge(item, world.person("ann"), {"candidate": 1, "text": "better"}, (1, 0))
    [shown] = rows_of(world, project)
    assert (shown["input_text"], shown["output_text"], shown["author"]) == ("Prompt 0", "better", "ann")
    [judged] = rows_of(world, project, "edits")
    told = judged["candidate_0"], judged["candidate_1"], judged["choice"]
    assert told == ("better", "two of real 0", 0)


def test_skips_flags_and_guidelines(world):
    from assent.feedback.schema.models import Flag, Guideline, Shown, Skip

    project, ann = world.project(), world.person("ann")
    [item] = world.items(project, 1)
    shown = Shown.objects.create(project=project, item=item, person=ann, order=[0, 1])
    at = {"created": 1795253400.123}
    Skip.objects.create(shown=shown, reason="too long", **at)
    Flag.objects.create(uuid=new_uuid(), shown=shown, text="cut off", **at)
    Guideline.objects.create(project=project, version=1, text="# Be fair", created_by="eve", **at)
    told = {"item": "real-0", "annotator": "ann", "at": AT}
    assert rows_of(world, project, "skips") == [told | {"reason": "too long"}]
    [flag] = rows_of(world, project, "flags")
    assert {key: flag[key] for key in (*told, "text")} == told | {"text": "cut off"}
    assert rows_of(world, project, "guidelines") == [
        {"version": 1, "text": "# Be fair", "by": "eve", "at": AT}
    ]


def test_implicit_feedback_stands_apart_with_the_words_it_is_about(world):
    from assent.feedback.schema.models import Conversation, Implicit, Turn

    project, ann = world.project(task="chat", policies=["m"]), world.person("ann")
    chat = Conversation.objects.create(uuid=new_uuid(), project=project, person=ann, policy="m")
    turn = Turn.objects.create(uuid=new_uuid(), conversation=chat, number=1, role="assistant", text="Hello.")
    Implicit.objects.create(uuid=new_uuid(), turn=turn, kind="dwell", position=0, seconds=2.5)
    [row] = rows_of(world, project, "implicit")
    told = {key: row[key] for key in ("annotator", "policy", "text", "kind", "position", "seconds")}
    assert told == {
        "annotator": "ann",
        "policy": "m",
        "text": "Hello.",
        "kind": "dwell",
        "position": 0,
        "seconds": 2.5,
    }
    assert row["turn"] == str(UUID(turn.uuid))


# What has an end


def test_an_export_is_of_one_moment(world, tmp_path):
    project = world.project()
    given(project, tmp_path, *(pair(f"item-{number}") for number in range(50)))
    with reading(world.database) as connection:
        rows = exported(connection, project.name)
        next(rows)
        given(project, tmp_path, pair("late"))
        assert len(list(rows)) == 49
        assert len(list(exported(connection, project.name))) == 50
    assert len(rows_of(world, project)) == 51


def test_nothing_can_be_written_through_it(world):
    with reading(world.database) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM feedback_project")


def test_what_is_not_there_is_said(world, tmp_path):
    with pytest.raises(UserError, match="there is no feedback yet"), reading(tmp_path / "none.sqlite3"):
        pass
    (tmp_path / "notes.txt").write_text("not a database, though long enough to be one" * 100)
    with pytest.raises(UserError, match="not a feedback database"), reading(tmp_path / "notes.txt"):
        pass
    world.project("one")
    with reading(world.database) as connection:
        with pytest.raises(UserError, match="no project 'two' there; there are: one"):
            exported(connection, "two")
        with pytest.raises(UserError, match="no export 'edits': a project of task pairwise has judgements"):
            exported(connection, "one", "edits")


def test_reading_needs_neither_django_nor_torch():
    code = (
        "import sys, assent.feedback.exchange.export, assent.tools.annotate_formats; "
        "print([name for name in ('django', 'torch', 'numpy', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
