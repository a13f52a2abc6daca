"""`stage: annotate` with `judgements`: rows that say which judgement they are count once."""

import json
from pathlib import Path

import pytest
from stage_world import Lines, rows

from assent.config import check
from assent.errors import UserError, Waiting
from assent.stages import annotate
from assent.stages.workspace import Workspace


def uuid(number):
    return f"00000000-0000-4000-8000-{number:012}"


def pair(item="x", choice=0, annotator="ann", number=None, revision=1, **meta):
    told = {} if number is None else {"judgement": uuid(number), "revision": revision}
    texts = {"candidate_0": f"{item} one", "candidate_1": f"{item} two"}
    meta = {"annotator": annotator, "item": item, **told, **meta}
    return {"input_text": f"What is {item}?", **texts, "choice": choice, "meta": meta}


def written(path: Path, *given) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in given))
    return path


@pytest.fixture
def stage(tmp_path):
    """Runs the stage on files of judgements; what it froze, and what it said."""

    def run(*files, want=1, overlap=1, asked="xy"):
        for number, given in enumerate(files):
            written(tmp_path / f"day-{number}.jsonl", *given)
        items = [
            {key: value for key, value in pair(one).items() if key not in ("choice", "meta")} for one in asked
        ]
        given = {
            "candidates": str(written(tmp_path / "asked.jsonl", *items)),
            "want": want,
            "overlap": overlap,
        }
        work = Workspace("feedback", tmp_path, Lines(), lambda *_: None, lambda: False, warn=said.append)
        config = check(annotate.Config, {**given, "judgements": str(tmp_path / "day-*.jsonl")}, "feedback")
        annotate.run(config, work)
        return [
            (row["meta"]["item"], row["meta"].get("annotator"), row["choice"])
            for row in rows(tmp_path / "judgements.jsonl")
        ]

    said = run.said = []
    return run


def test_a_judgement_in_two_files_is_one(stage):
    early = pair("x", 0, number=1)
    with pytest.raises(Waiting, match="0 of 1 comparisons answered"):
        stage([early], [early], overlap=2)
    assert stage([early], [early, pair("y", 1, number=2)], want=2) == [("x", "ann", 0), ("y", "ann", 1)]


def test_of_several_revisions_the_highest_counts_whichever_file_it_stands_in(stage):
    words = [pair("x", choice, number=choice + 1, revision=choice + 1) for choice in (0, 1)]
    other = pair("x", 0, "bob", number=3)
    assert stage([words[0], other], [words[1]]) == [("x", "bob", 0), ("x", "ann", 1)]
    assert stage([words[1]], [words[0], other]) == [("x", "ann", 1), ("x", "bob", 0)]


def test_revisions_of_other_items_people_or_criteria_are_their_own(stage):
    again = {"number": 9, "revision": 2}
    given = [
        pair("x", 0, number=1),
        pair("y", 1, **again),
        pair("x", 1, "bob", number=2, revision=2),
        pair("x", 1, number=3, revision=2, criterion="kindness"),
        {**pair("x", 1, number=4, revision=2), "input_text": "Another question of that name?"},
    ]
    assert len(stage(given)) == 5


def test_rows_that_do_not_say_which_judgement_they_are_count_each(stage):
    twice = pair("x", 0)
    unnamed = pair("x", 1, "", number=1, revision=1), pair("x", 0, "", number=2, revision=2)
    assert len(stage([twice, twice], [twice, pair("x", 1), *unnamed])) == 6


def test_answers_in_another_order_are_the_same_judgement(stage):
    row = pair("x", 0, number=1)
    turned = {**row, "candidate_0": "x two", "candidate_1": "x one", "choice": 1}
    assert stage([row], [turned]) == [("x", "ann", 0)]


def test_one_number_for_two_judgements_is_told_with_both_places(stage):
    with pytest.raises(
        UserError, match=rf"day-1\.jsonl:1: judgement {uuid(1)} stands in .*day-0\.jsonl:1 as"
    ):
        stage([pair("x", 0, number=1)], [pair("x", 1, number=1)])


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"surplus": True}, "an export of surplus, which came when its item had all its judgements"),
        ({"expected": {"choice": 0}, "part": "gold"}, "an export of gold or qualification"),
    ],
)
def test_exports_that_are_no_judgements_are_refused(stage, more, what):
    with pytest.raises(UserError, match=rf"day-0\.jsonl:2: this is {what}"):
        stage([pair("x", 0, number=1), pair("y", 0, number=2, **more)])


def test_it_is_said_how_many_are_of_other_prompts_or_answers(stage):
    other = {**pair("y", 0), "candidate_1": "what the model said before"}
    turned = {**pair("x", 0, "bob"), "candidate_0": "x two", "candidate_1": "x one"}
    chat = {**pair("x", 0, "cleo"), "messages": [{"role": "user", "content": "What is x?"}]}
    del chat["input_text"]
    assert len(stage([pair("x", 0), turned, other, chat], want=1)) == 4
    [said] = stage.said
    assert said.startswith("feedback: 2 of 4 judgements in ")
    assert said.endswith("asked.jsonl: they count all the same")
    stage.said.clear()
    stage([pair("x", 0), turned, pair("y", 1)])
    assert stage.said == []
