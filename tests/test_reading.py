"""Records of every noun out of rows of any format: what is taken, what is refused, what is remembered."""

import gzip
import json
from pathlib import Path

import pytest

from assent.data import sources
from assent.data.formats.reading import Reader, records
from assent.data.labelled import labelled
from assent.data.ratings import ratings
from assent.errors import UserError
from assent.records import Candidates, Comparison, Demonstration, Labelled, Prompt, Rating

SHARED = Path(__file__).parents[2] / "shared" / "data"
OURS = {"input_text": "p", "candidate_0": "a", "candidate_1": "b", "choice": 1}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.jsonl"


def write(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_file_may_mix_formats(path):
    mixed = [
        OURS,
        {"prompt": "p", "chosen": "b", "rejected": "a"},
        {"prompt": [{"role": "user", "content": "p"}], "chosen": "b", "rejected": "a"},
        {"chosen": "\n\nHuman: p\n\nAssistant: b", "rejected": "\n\nHuman: p\n\nAssistant: a"},
        OURS,
    ]
    found = sources.comparisons(write(path, *mixed))
    assert [row.candidates[row.choice or 0] for row in found] == ["b"] * 5
    assert [row.prompt.text for row in found] == ["p"] * 5


def test_a_row_of_the_same_keys_and_other_types_is_looked_at_anew(path):
    text = {"prompt": "p", "chosen": "b", "rejected": "a"}
    user, good, bad = (
        {"role": role, "content": text}
        for role, text in (("user", "p"), ("assistant", "b"), ("assistant", "a"))
    )
    chat = {"prompt": [user], "chosen": [good], "rejected": [bad]}
    first, second = sources.comparisons(write(path, text, chat))
    assert (first.prompt, second.prompt) == (Prompt("p"), Prompt("p", (user,)))
    assert first.candidates == second.candidates == ("b", "a")


def test_prompts_are_read_from_any_row_that_has_one(path):
    rows = [
        {"input_text": "p0"},
        {"input_text": "p1", "output_text": "a"},
        OURS | {"input_text": "p2"},
        {"prompt": "p3", "response": "a", "score": 1},
        {"chosen": "\n\nHuman: p4\n\nAssistant: b", "rejected": "\n\nHuman: p4\n\nAssistant: a"},
        {"instruction": "p5", "input": "", "output": "a"},
        {"text": "p6", "label": "joy"},
        {"messages": [{"role": "user", "content": "p7"}, {"role": "assistant", "content": "a"}]},
        {"messages": [{"author": "user", "content": "p8"}]},
    ]
    found = sources.prompts(write(path, *rows))
    assert [prompt.text for prompt in found] == [f"p{number}" for number in range(9)]
    assert found[7].messages == ({"role": "user", "content": "p7"},)  # its answer is no part of it


def test_the_instances_of_one_task_are_prompts_each(path):
    task = {
        "instruction": "Add.",
        "instances": [{"input": "1 1", "output": "2"}, {"input": "2 2", "output": "4"}],
    }
    assert [prompt.text for prompt in sources.prompts(write(path, task))] == ["Add.\n\n1 1", "Add.\n\n2 2"]


def test_several_judgements_of_a_prompt_are_one_prompt(path):
    done = {"result": [{"type": "pairwise", "value": {"selected": "left"}}]}
    task = {"data": {"prompt": "p", "answer1": "a", "answer2": "b"}, "annotations": [done, done]}
    assert len(sources.comparisons(write(path, task))) == 2
    assert len(sources.prompts(str(path))) == 1


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        (OURS, Demonstration, "expected demonstrations, and this row holds comparisons .*assent convert"),
        ({"prompt": "p", "completion": "a"}, Comparison, "expected comparisons, .* holds demonstrations"),
        ({"prompt": "p", "completion": "a", "label": True}, Demonstration, "this row holds ratings"),
        ({"prompt": "p", "response": "a", "score": 1}, Demonstration, "this row holds ratings"),
        ({"input_text": "p", "output_text": "a", "rating": 1}, Demonstration, "this row holds ratings"),
        ({"input_text": "p", "output_text": "a", "label": "bad"}, Demonstration, "this row holds ratings"),
        ({"prompt": "p", "responses": ["a", "b"], "scores": [1, 2]}, Comparison, "this row holds ratings"),
        ({"article": "p"}, Prompt, "no known format of prompts has these keys: article(.|\n)*--column"),
        ({"article": "p"}, Comparison, '(.|\n)*prompt-chosen-rejected: {"prompt": "What is a fen'),
        ({}, Rating, "no known format of ratings has these keys: none"),
        ({"question": "2 + 2?", "answer": 4}, Demonstration, r"question, answer \(a number, not a text\)"),
    ],
)
def test_a_row_of_something_else_is_refused_by_name(path, row, kind, message):
    with pytest.raises(UserError, match=f"^{path}:1: (.|\n)*{message}"):
        list(records(write(path, row), kind))


def test_a_dialect_can_be_named(path):
    transcript = {"text": "\n\nHuman: p\n\nAssistant: a", "label": "x"}
    [found] = records(write(path, transcript), Labelled)
    assert found.text == transcript["text"]
    with pytest.raises(UserError, match="expected labelled, and the format hh holds comparisons"):
        list(records(str(path), Labelled, dialect="hh"))
    with pytest.raises(
        UserError, match=r"rows.jsonl:1: expected the format hh, as .*; found the keys text, label"
    ):
        list(records(str(path), Comparison, dialect="hh"))
    with pytest.raises(
        UserError, match=r"unknown format 'prompt-chosen'; did you mean prompt-chosen-rejected?"
    ):
        list(records(str(path), Comparison, dialect="prompt-chosen"))


def test_bad_rows_are_told_and_the_others_read(path):
    told = []
    write(path, OURS, {**OURS, "choice": 7}, OURS)
    path.write_text(path.read_text() + "{broken\n")
    found = list(records(str(path), Comparison, bad=lambda *bad: told.append(bad)))
    assert len(found) == 2
    assert [where for where, _, _ in told] == [f"{path}:2", f"{path}:4"]
    assert told[0][1] == {**OURS, "choice": 7}
    assert "choice 7 is not one of the 2 candidates" in str(told[0][2])


def test_a_row_with_one_bad_judgement_gives_none_of_its_own(path):
    good = {"id": 1, "result": [{"type": "pairwise", "value": {"selected": "left"}}]}
    wrong = {"id": 2, "result": [{"type": "pairwise", "value": {"selected": "up"}}]}
    task = {"data": {"prompt": "p", "answer1": "a", "answer2": "b"}, "annotations": [good, wrong]}
    told = []
    assert list(records(write(path, task), Comparison, bad=lambda *bad: told.append(bad))) == []
    assert len(told) == 1


def test_columns_are_renamed_and_defaults_filled_in(path):
    write(
        path,
        {"article": "p", "deep": {"best": "a"}, "score": 3},
        {"article": "q", "deep": {"best": "b"}, "score": 5, "scale": "1-7"},
    )
    columns = {"prompt": "article", "response": "deep.best"}
    found = list(records(str(path), Rating, defaults={"scale": "1-5"}, columns=columns))
    assert found == [Rating(Prompt("p"), "a", 3, (1, 5)), Rating(Prompt("q"), "b", 5, (1, 7))]
    with pytest.raises(
        UserError, match=r"rows.jsonl:1: there is no column deep.worst; found the keys article"
    ):
        list(records(str(path), Rating, columns={"response": "deep.worst"}))


def test_candidates_are_named_by_their_place(path):
    row = {key: OURS[key] for key in ("input_text", "candidate_0", "candidate_1")}
    found = list(records(write(path, row, row | {"id": "x"}, row), Candidates))
    assert [one.prompt.id for one in found] == ["item-0", "x", "item-2"]


def test_a_demonstration_may_be_a_chat_and_its_answer(path):
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "p"}]
    [found] = sources.demonstrations(write(path, {"messages": chat, "output_text": "a"}))
    assert (found.prompt.messages, found.response) == (tuple(chat), "a")
    write(path, {"messages": [*chat, {"role": "assistant", "content": "a"}], "output_text": "b"})
    with pytest.raises(
        UserError, match="messages end with the assistant's answer, and output_text is another"
    ):
        sources.demonstrations(str(path))


def test_labelled_lines_beside_a_table_with_a_heading(tmp_path):
    (tmp_path / "a.tsv").write_text("fine\tjoy,calm\tid1\n")
    (tmp_path / "b.tsv").write_text("id\ttext\tlabel\n7\tawful\tanger\n")
    with gzip.open(tmp_path / "c.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("还好\tcalm\n")
    expected = [Labelled("fine", ("joy", "calm")), Labelled("awful", ("anger",)), Labelled("还好", ("calm",))]
    assert labelled(str(tmp_path)) == expected


def test_a_bad_labelled_line_is_told(tmp_path):
    told = []
    (tmp_path / "a.tsv").write_bytes(b"fine\tjoy\nalone\n\xff\tjoy\n")
    found = list(records(str(tmp_path / "a.tsv"), Labelled, bad=lambda *bad: told.append(bad)))
    assert found == [Labelled("fine", ("joy",))]
    assert [where.rpartition(":")[2] for where, _, _ in told] == ["2", "3"]


def test_documents_come_compressed_and_by_pieces(tmp_path):
    with gzip.open(tmp_path / "a.txt.gz", "wt", encoding="utf-8") as file:
        file.write("one\nline<|endoftext|>two\n<|endoftext|>\n三\n")
    assert list(sources.documents(str(tmp_path))) == ["one\nline", "two", "三"]
    (tmp_path / "b.txt").write_text("a\nb\n\nc\n")
    assert list(sources.documents(str(tmp_path / "b.txt"), separator="\n\n")) == ["a\nb", "c"]
    assert list(sources.documents(str(tmp_path / "b.txt"), separator="")) == ["a\nb\n\nc"]


def test_a_reader_takes_rows_by_hand():
    reader = Reader.of(Rating)
    assert reader.read({"prompt": "p", "completion": "a", "label": 1}, "here") == [
        Rating(Prompt("p"), "a", 1, (0, 1))
    ]


def shared(name):
    if not (SHARED / name).exists():
        pytest.skip(f"{SHARED / name} is not there")
    return str(SHARED / name)


@pytest.mark.shared
def test_harmless_preferences_whole():
    found = sources.comparisons(shared("hh_harmless/preferences.jsonl"))
    assert len(found) == 4_426
    assert sum(one.choice == 0 for one in found) == 2_251  # as `grep -c` counts them
    assert (len(found[0].prompt.text), [len(text) for text in found[0].candidates]) == (36, [4, 32])


@pytest.mark.shared
def test_qa_feedback_whole():
    """The first question's `preference` is [0, 1, 2, 1, 0, 2], on the pairs 12 13 14 23 24 34."""
    found = sources.comparisons(shared("qa_feedback/feedback_100.json"))
    assert len(found) == 100
    assert sum(len(one.pairs) for one in found) == 600
    assert sum(winner is None for one in found for _, _, winner in one.pairs) == 44  # as jq counts the zeros
    first = found[0]
    assert first.prompt.text == "When does bloom by troye sivan come out?"
    assert first.candidates[1].startswith(
        "Bloom, the second studio album by Australian singer-songwriter Troye"
    )
    assert first.pairs == ((0, 1, None), (0, 2, 0), (0, 3, 3), (1, 2, 1), (1, 3, None), (2, 3, 3))


@pytest.mark.shared
def test_qa_feedback_corrections():
    """100 questions, 4 of which had nothing left after correction."""
    found = sources.demonstrations(shared("qa_feedback/feedback_100.json"))
    assert len(found) == 96
    assert found[0].response.endswith("was released on May 2, 2018 as the third single. ")


@pytest.mark.shared
def test_summaries_and_instructions_whole():
    posts = sources.demonstrations(shared("tldr/posts_500.jsonl"))
    assert len(posts) == 500
    assert (posts[0].prompt.id, posts[0].prompt.meta["subreddit"]) == ("t3_1wbdsh", "relationships")
    assert posts[0].prompt.text.startswith("Hello hello everybody. I hope this isn't too trivial")
    assert len(posts[0].response) == 184
    tasks = sources.demonstrations(shared("self_instruct/seed_tasks.jsonl"))
    assert len(tasks) == 175
    assert tasks[0].prompt.text.endswith("has roughly 700-1000 calories?")  # its input is empty
    assert sum("\n\n" in task.prompt.text for task in tasks) >= 125  # so many have an input


@pytest.mark.shared
def test_emotions_whole():
    assert sum(1 for _ in records(shared("goemotions/dev.tsv"), Labelled)) == 5_426


@pytest.mark.shared
def test_a_folder_of_ratings_is_not_one_of_comparisons():
    with pytest.raises(UserError, match=r"expected one of rating, ratings, label|this row holds"):
        ratings(shared("hh_harmless"))
