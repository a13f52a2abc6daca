"""Other people's files, each as docs/formats.md shows it."""

import pytest
from exchanging import given, imported, pair, rows_of, written

from assent.errors import UserError

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
