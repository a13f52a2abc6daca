"""`assent convert`: what it writes, what it says, and what it refuses."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from interrupts import heeds_ctrl_c

from assent.cli import main
from assent.data.formats.dialects import DIALECTS
from assent.data.formats.writers import WRITERS

FEN = {"input_text": "What is a fen?", "candidate_0": "A bird.", "candidate_1": "A wetland.", "choice": 1}
TIE = {"input_text": "你好吗?", "candidate_0": "好", "candidate_1": "很好", "choice": None}
RATED = {"input_text": "q", "output_text": "a", "rating": 4, "scale": [1, 5]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name, *rows):
    with open(name, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return name


def rows_in(name):
    with open(name, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def convert(*words, code=0):
    done = CliRunner().invoke(main, ["convert", *words])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.output


def test_the_help_lists_every_format_and_marks_those_that_are_only_read():
    lines = convert("--help").split("Formats:\n")[1].splitlines()
    shown = [tuple(line.split(maxsplit=1)) for line in lines]
    assert shown == [(one.name, one.noun + ", only read" * (one.name not in WRITERS)) for one in DIALECTS]


def test_a_comparison_becomes_chosen_and_rejected(folder):
    row = FEN | {"id": "f1", "meta": {"annotator": "ann", "seconds": 2.5, "book": "peat"}}
    put("in.jsonl", row, FEN)
    said = convert("in.jsonl", "out.jsonl", "--to", "prompt-chosen-rejected", "--quiet")
    assert said.splitlines() == [
        "2 rows read, 2 written to out.jsonl as prompt-chosen-rejected",
        "left out: the side on which each answer was shown (2 rows)",
    ]
    plain = {"prompt": "What is a fen?", "chosen": "A wetland.", "rejected": "A bird."}
    assert rows_in("out.jsonl") == [plain | {"id": "f1", "meta": row["meta"]}, plain]
    assert "left out" not in convert("out.jsonl", "again.jsonl", "--to", "hh")  # it has no sides to lose
    convert("out.jsonl", "back.csv", "--to", "comparisons")
    convert("back.csv", "back.jsonl", "--to", "comparisons")
    swapped = {"candidate_0": "A wetland.", "candidate_1": "A bird.", "choice": 0}
    assert rows_in("back.jsonl") == [row | swapped, FEN | swapped]


def test_a_bad_row_ends_the_work_and_names_file_line_and_reason(folder):
    put("in.jsonl", FEN, TIE)
    said = convert("in.jsonl", "out.parquet", "--to", "hh", code=2)
    reason = "a tie, and this format holds a chosen and a rejected answer: choose comparisons"
    assert said == f"assent: in.jsonl:2: {reason}\n"
    assert os.listdir() == ["in.jsonl"]


def test_bad_rows_are_set_aside_counted_and_listed(folder):
    put("in.jsonl", FEN, *[TIE] * 7, FEN)
    with open("in.jsonl", "a", encoding="utf-8") as file:
        file.write("{broken 你\n")
    said = convert(
        "in.jsonl", "out.json", "--to", "prompt-chosen-rejected", "--quarantine", "bad.jsonl", "--quiet"
    )
    tie = "a tie, and this format holds a chosen and a rejected answer: choose comparisons"
    lines = said.splitlines()
    assert lines[:2] == [
        "10 rows read, 2 written to out.json as prompt-chosen-rejected",
        "8 set aside in bad.jsonl:",
    ]
    assert lines[2:8] == [*(f"  in.jsonl:{n}: {tie}" for n in range(2, 7)), "  ... and 3 more"]
    bad = rows_in("bad.jsonl")
    assert bad[0] == {"where": "in.jsonl:2", "problem": tie, "row": TIE}
    assert (bad[7]["where"], bad[7]["row"]) == ("in.jsonl:10", "{broken 你")
    assert bad[7]["problem"].startswith("not valid JSON")


def test_when_no_row_is_left_the_bad_ones_are_kept_and_nothing_is_written(folder):
    put("in.jsonl", TIE)
    said = convert("in.jsonl", "out.csv", "--to", "demonstrations", "--quarantine", "bad.jsonl", code=2)
    assert said == "assent: nothing to write to out.csv: all are set aside in bad.jsonl\n"
    assert sorted(os.listdir()) == ["bad.jsonl", "in.jsonl"]
    assert rows_in("bad.jsonl")[0]["row"] == TIE


@pytest.mark.parametrize(
    ("row", "to", "made", "left_out"),
    [
        (
            FEN | {"meta": {"annotator": "ann", "book": "peat"}},
            "prompts",
            {"input_text": "What is a fen?", "meta": {"book": "peat"}},
            "annotator (1 row), candidate_0 (1 row), candidate_1 (1 row), choice (1 row)",
        ),
        (
            FEN | {"meta": {"item": "i1"}},
            "candidates",
            {key: FEN[key] for key in ("input_text", "candidate_0", "candidate_1")} | {"id": "i1"},
            "item (1 row), the judgement (1 row)",
        ),
        (
            FEN,
            "demonstrations",
            {"input_text": "What is a fen?", "output_text": "A wetland."},
            "the other answers (1 row)",
        ),
        (
            {"prompt": "q", "responses": ["a", "b", "c"], "ranking": [2, 0, 1]},
            "messages",
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "c"}]},
            "the other answers (1 row)",
        ),
        (
            {"prompt": "q", "responses": ["a", "b"], "ranking": [1, 0], "choice": 1},
            "prompts",
            {"input_text": "q"},
            "choice (1 row), ranking (1 row), responses (1 row)",
        ),
        (RATED, "text", {"text": "q"}, "output_text (1 row), rating (1 row), scale (1 row)"),
        (
            FEN | {"ranking": [1, 0], "colour": "blue", "empty": ""},  # neither order is lost
            "comparisons",
            FEN | {"ranking": [1, 0]},
            "colour (1 row)",
        ),
    ],
)
def test_what_holds_less_says_what_it_leaves_out(folder, row, to, made, left_out):
    put("in.jsonl", row)
    said = convert("in.jsonl", "out.jsonl", "--to", to, "--quiet")
    assert rows_in("out.jsonl") == [made]
    assert said.splitlines()[1:] == [f"left out: {left_out}"]


def test_what_candidates_tell_of_themselves_may_have_any_name(folder):
    meta = {"prompt": "p-7", "temperature": None}
    put("in.jsonl", {"input_text": "q", "candidate_0": "a", "candidate_1": "b", "meta": meta})
    convert("in.jsonl", "out.jsonl", "--to", "candidates")
    assert rows_in("out.jsonl")[0]["meta"] == meta


def test_ratings_are_good_from_the_threshold_on(folder):
    put("in.jsonl", *(RATED | {"rating": rating} for rating in (3, 4, 5)))
    convert("in.jsonl", "out.jsonl", "--to", "good-bad", "--threshold", "4")
    assert [row["label"] for row in rows_in("out.jsonl")] == [False, True, True]
    said = convert("in.jsonl", "other.jsonl", "--to", "good-bad", code=2)
    assert "in.jsonl:1: a rating of 3 on the scale 1 to 5 is neither good nor bad" in said
    assert "--threshold" in said
    said = convert("in.jsonl", "other.jsonl", "--to", "good-bad", "--threshold", "9", code=2)
    assert "the threshold 9 parts nothing on the scale 1 to 5" in said


def test_labels_are_good_or_bad_without_a_threshold(folder):
    put("in.jsonl", {"prompt": "q", "completion": "a", "label": "bad"})
    convert("in.jsonl", "out.jsonl", "--to", "good-bad")
    assert rows_in("out.jsonl") == [{"prompt": "q", "completion": "a", "label": False}]


def test_rows_without_a_judgement_are_counted(folder):
    """A task that nobody has judged yet, and one whose judgement was cancelled."""
    task = {"id": 1, "data": {"prompt": "q", "answer1": "a", "answer2": "b"}, "annotations": []}
    picked = {"type": "pairwise", "value": {"selected": "right"}}
    done = {"id": 2, "result": [picked], "completed_by": 3, "was_cancelled": False}
    put("in.jsonl", task | {"annotations": [done]}, task | {"annotations": [done | {"was_cancelled": True}]})
    said = convert("in.jsonl", "out.jsonl", "--to", "hh", "--quiet").splitlines()
    assert said[:2] == [
        "2 rows read, 1 written to out.jsonl as hh",
        "1 row with nothing to write, such as a judgement that was cancelled",
    ]
    put("in.jsonl", task | {"annotations": [done | {"was_cancelled": True}]})
    said = convert("in.jsonl", "other.jsonl", "--to", "hh", code=2)
    assert said == "assent: nothing to write to other.jsonl in in.jsonl\n"


def test_a_scale_that_rows_lack_is_given_or_asked_for(folder):
    put("in.jsonl", {"prompt": "q", "response": "a", "score": 0.5})
    said = convert("in.jsonl", "out.jsonl", "--to", "ratings", code=2)
    assert "in.jsonl:1: scale is missing" in said
    convert("in.jsonl", "out.jsonl", "--to", "ratings", "--scale", "0-1")
    assert rows_in("out.jsonl") == [
        {"input_text": "q", "output_text": "a", "rating": 0.5, "scale": [0.0, 1.0]}
    ]


def test_columns_of_other_names(folder):
    put("in.jsonl", {"article": {"body": "long"}, "sum": "short"})
    words = ["in.jsonl", "out.jsonl", "--to", "prompt-completion"]
    convert(*words, "--column", "prompt=article.body", "--column", "completion=sum")
    assert rows_in("out.jsonl") == [{"prompt": "long", "completion": "short"}]
    said = convert(*words, "--force", "--column", "prompt=body", code=2)
    assert "in.jsonl:1: there is no column body; found the keys article, sum" in said


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["in.jsonl", "out.jsonl", "--to", "ratings"], "comparisons cannot become ratings"),
        (
            ["in.jsonl", "out.jsonl", "--to", "ratings"],
            "prompts, candidates, demonstrations, messages, comparisons",
        ),
        (["rated.jsonl", "out.jsonl", "--to", "hh"], "A reward stage learns from ratings as they are"),
        (
            ["in.jsonl", "out.jsonl", "--to", "tldr"],
            "tldr is a format that is only read; demonstrations are written as",
        ),
        (["in.jsonl", "out.jsonl", "--to", "comparison"], "did you mean comparisons?"),
        (["in.jsonl", "out.jsonl", "--to", "hh", "--from", "hhh"], "did you mean hh?"),
        (["in.jsonl", "out.xml", "--to", "hh"], "out.xml: the suffix says what to write"),
        (["in.jsonl", "in.jsonl", "--to", "hh", "--force"], "in.jsonl: is read as well"),
        (["*.jsonl", "./in.jsonl", "--to", "hh", "--force"], "in.jsonl: is read as well"),
        (["in.jsonl", "rated.jsonl", "--to", "hh"], "rated.jsonl: is there already; --force replaces it"),
        (["in.jsonl", "out.jsonl", "--to", "hh", "--quarantine", "in.jsonl"], "in.jsonl: is read as well"),
        (
            ["in.jsonl", "out.jsonl", "--to", "hh", "--quarantine", "rated.jsonl"],
            "rated.jsonl: is there already",
        ),
        (
            ["in.jsonl", "out.jsonl", "--to", "hh", "--quarantine", "out.jsonl"],
            "cannot hold the rows and those set",
        ),
        (
            ["in.jsonl", "out.jsonl", "--to", "hh", "--threshold", "1"],
            "--threshold says which ratings are good",
        ),
        (
            ["in.jsonl", "out.jsonl", "--to", "hh", "--scale", "1-5"],
            "--scale says from where to where ratings go",
        ),
        (
            ["rated.jsonl", "out.jsonl", "--to", "ratings", "--scale", "5-1"],
            "the lowest rating and then the highest",
        ),
        (["rated.jsonl", "out.jsonl", "--to", "ratings", "--scale", "many"], "--scale"),
        (["in.jsonl", "out.jsonl", "--to", "hh", "--column", "prompt"], "--column prompt: expected NEW=OLD"),
        (["nothing.jsonl", "out.jsonl", "--to", "hh"], "nothing.jsonl: no such file"),
        (["in.jsonl", "no/out.jsonl", "--to", "comparisons"], "no/out.jsonl: cannot be written"),
        (["missing.jsonl", "out.jsonl", "--to", "comparisons"], "missing.jsonl:1: expected candidate_0"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(folder, words, problem):
    put("in.jsonl", FEN)
    put("rated.jsonl", RATED)
    put("missing.jsonl", {"input_text": "q", "choice": 0})
    assert problem in convert(*words, code=2)
    assert sorted(os.listdir()) == ["in.jsonl", "missing.jsonl", "rated.jsonl"]


def test_a_file_is_replaced_only_when_asked(folder):
    put("in.jsonl", FEN)
    put("out.jsonl", TIE)
    convert("in.jsonl", "out.jsonl", "--to", "candidates", code=2)
    assert rows_in("out.jsonl") == [TIE]
    convert("in.jsonl", "out.jsonl", "--to", "prompts", "--force")
    assert rows_in("out.jsonl") == [{"input_text": "What is a fen?"}]


def test_a_whole_folder_becomes_one_file(folder):
    os.mkdir("parts")
    put("parts/a.jsonl", FEN)
    convert("parts/a.jsonl", "parts/b.csv", "--to", "prompt-chosen-rejected")
    convert("parts", "all.jsonl", "--to", "prompts")
    assert rows_in("all.jsonl") == [{"input_text": "What is a fen?"}] * 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_leaves_nothing(folder, number):
    put("in.jsonl", *[FEN] * 60_000)
    words = [sys.executable, "-m", "assent", "convert", "in.jsonl", "out.json.gz", "--to", "hh"]
    words += ["--quarantine", "bad.jsonl"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, preexec_fn=heeds_ctrl_c) as process:  # noqa: PLW1509 - no threads here
        while len(os.listdir()) < 3 and process.poll() is None:  # until both files stand beside, unfinished
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "interrupted; out.json.gz is not written" in said
    assert "Traceback" not in said
    assert os.listdir() == ["in.jsonl"]
