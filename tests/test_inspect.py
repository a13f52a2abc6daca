"""`assent inspect` as people use it, on small files and on real ones."""

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console

from assent.cli import main
from assent.models.counting import token_counter
from assent.records import Demonstration, Prompt
from assent.stages.judgement_facts import tell_repeats
from assent.tools.inspect import inspect
from assent.tools.inspect_view import view

SHARED = Path(__file__).parents[2] / "shared"
CHINESE = "天空为什么是蓝色的？"


def typed(*words):
    return CliRunner().invoke(main, ["inspect", *map(str, words)])


def written(path, rows):
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def shared(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not there: it holds real data")
    return path


@pytest.fixture
def demonstrations(tmp_path):
    rows = [
        {"input_text": CHINESE, "output_text": "因为空气散射蓝光。"},
        {"input_text": "What is a fen?", "output_text": "A wetland."},
        "{broken",
    ]
    return written(tmp_path / "shown.jsonl", rows)


def test_what_is_printed(demonstrations):
    done = typed(demonstrations)
    assert done.exit_code == 0
    for words in ("2 demonstrations", CHINESE, "因为空气散射蓝光。", f"{demonstrations}:3", "not valid JSON"):
        assert words in done.output
    assert "2 in JSON lines, and 1 that cannot be read" in done.output


def test_json_is_one_object_with_the_same_facts(demonstrations):
    found = json.loads(typed(demonstrations, "--json").stdout)
    assert (found["rows"], found["records"], found["bad_rows"]["count"]) == (2, {"demonstrations": 2}, 1)
    assert found["sample"][0] == {
        "where": f"{demonstrations}:1",
        "format": "demonstrations",
        "prompt": CHINESE,
        "answers": ["因为空气散射蓝光。"],
    }
    assert found["lengths"]["prompt"]["words"]["max"] == 9
    assert [problem["what"] for problem in found["problems"]] == ["rows that cannot be read"]


def test_nothing_that_can_be_read_is_a_mistake(tmp_path):
    done = typed(written(tmp_path / "bad.jsonl", ["{broken", '{"unknown": 1}']))
    assert done.exit_code == 2
    assert "not one of 2 rows could be read. The first: " in done.output
    assert f"{tmp_path}/bad.jsonl:1" in done.output
    assert typed(tmp_path / "absent.jsonl").exit_code == 2


def test_bad_rows_are_set_aside(demonstrations, tmp_path):
    done = typed(demonstrations, "--quarantine", tmp_path / "bad.jsonl")
    assert done.exit_code == 0
    [row] = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text("utf-8").splitlines()]
    assert row["where"] == f"{demonstrations}:3"
    assert row["row"] == "{broken"
    assert "bad.jsonl" in done.output


def test_what_is_inspected_is_not_overwritten(demonstrations):
    before = demonstrations.read_bytes()
    done = typed(demonstrations, "--quarantine", demonstrations)
    assert (done.exit_code, demonstrations.read_bytes()) == (2, before)


def test_only_an_earlier_quarantine_is_replaced(demonstrations, tmp_path):
    other = written(tmp_path / "notes.jsonl", ['{"input_text": "mine"}'])
    before = other.read_bytes()
    done = typed(demonstrations, "--quarantine", other)
    assert (done.exit_code, other.read_bytes()) == (2, before)
    assert "notes.jsonl: is there already, and holds something else" in done.output
    done = typed(demonstrations, "--against", other, "--quarantine", other)
    assert (done.exit_code, other.read_bytes()) == (2, before)
    for _ in range(2):
        assert typed(demonstrations, "--quarantine", tmp_path / "bad.jsonl").exit_code == 0


def test_prompts_shared_with_another_file(demonstrations, tmp_path):
    rows = [
        {"input_text": "what is a  FEN?"},
        {"input_text": "What is a moor?"},
        {"input_text": CHINESE + "!"},
    ]
    held_out = written(tmp_path / "held_out.jsonl", rows)
    found = json.loads(typed(demonstrations, "--against", held_out, "--json").stdout)
    assert found["against"] == [
        {
            "file": str(held_out),
            "prompts": 3,
            "shared": 1,
            "rows": 1,
            "example": f"{demonstrations}:2",
            "there": f"{held_out}:1",
            "text": "What is a fen?",
            "unread": 0,
        }
    ]
    assert f"prompts that stand in {held_out} too (of its 3)" in [each["what"] for each in found["problems"]]


def test_a_chat_is_shared_when_all_of_it_is(tmp_path):
    def chat(*said):
        roles = ("user", "assistant")
        return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]}

    first = written(tmp_path / "a.jsonl", [chat("Hello", "Hi", "And then?", "Then."), chat("Why?", "So.")])
    second = written(tmp_path / "b.jsonl", [chat("Bye", "Oh", "And then?"), {"input_text": "Why?"}])
    [found] = inspect([str(first)], [str(second)])["against"]
    assert (found["shared"], found["text"]) == (1, "Why?")


def test_several_files_are_one_set(demonstrations, tmp_path):
    again = written(tmp_path / "again.jsonl", [{"input_text": "What is a fen?", "output_text": "A wetland."}])
    found = inspect([str(demonstrations), str(again)])
    assert found["files"] == {str(demonstrations): 2, str(again): 1}
    assert found["repeats"]["demonstrations"]["exact"] == {
        "count": 1,
        "example": f"{again}:1",
        "of": f"{demonstrations}:2",
    }


def test_a_table_with_a_title_and_one_without(tmp_path):
    titled = written(tmp_path / "a.tsv", ["input_text\toutput_text", "What is a fen?\tA wetland."])
    plain = written(tmp_path / "b.tsv", ["I am glad\t3", "Hm\t1,2"])
    assert inspect([str(titled)])["records"] == {"demonstrations": 1}
    assert inspect([str(plain)])["labelled"]["labels"] == {"3": 1, "1": 1, "2": 1}


def test_what_rows_do_not_tell(tmp_path):
    rows = [{"article": {"ask": "fen?"}, "response": "A wetland.", "score": 4}]
    path = written(tmp_path / "scores.jsonl", rows)
    assert typed(path).exit_code == 2
    words = ("--column", "prompt=article.ask", "--scale", "1-5", "--json")
    found = json.loads(typed(path, *words).stdout)
    assert found["ratings"]["criteria"][""]["scales"] == [[1.0, 5.0]]
    assert found["sample"][0]["prompt"] == "fen?"
    assert typed(path, "--from", "labelled", *words).exit_code == 2


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_fits_a_terminal(width, tmp_path):
    rows = [
        {"input_text": CHINESE * 30, "candidate_0": "好" * 200, "candidate_1": "x" * 300, "choice": n % 2}
        for n in range(4)
    ]
    facts = inspect([str(written(tmp_path / "wide.jsonl", rows))])
    printed = io.StringIO()
    console = Console(width=width, file=printed)
    for part in view(facts):
        console.print(part, markup=False)
    assert 0.8 * width < max(cell_len(line) for line in printed.getvalue().splitlines()) <= width


def test_a_terminal_is_not_driven_by_texts(tmp_path):
    row = {"input_text": "\x1b[31mred\x07", "output_text": "[bold]as it is[/bold] :smile:\nnext"}
    done = typed(written(tmp_path / "odd.jsonl", [row]))
    assert "\x1b" not in done.output
    assert "\x07" not in done.output
    assert "[bold]as it is[/bold] :smile:↵ next" in done.output


def test_what_repeats_is_told_before_training():
    told = []
    rows = [Demonstration(Prompt(text), "A wetland.") for text in ("fen?", "moor?", "fen?")]
    tell_repeats(rows, "shown.jsonl", "sft", told.append)
    assert told == [
        "sft: in shown.jsonl: 1 of 3 rows repeat another row; `assent inspect shown.jsonl` names them"
    ]
    tell_repeats(rows[:2], "shown.jsonl", "sft", told.append)
    assert len(told) == 1


@pytest.mark.shared
def test_tokens_of_a_model(tmp_path):
    model = shared("models", "stories260K")
    rows = [{"input_text": "Once upon a time", "output_text": "the end"}, {"input_text": "x " * 600}]
    rows[1]["output_text"] = "y"
    found = inspect([str(written(tmp_path / "told.jsonl", rows))], counter=token_counter(str(model)))
    vocabulary = json.loads((model / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    assert {"▁Once", "▁upon", "▁a", "▁time"} <= set(vocabulary)
    assert found["lengths"]["prompt"]["tokens"]["min"] == 5  # those four, and <s> before
    assert found["context"] == 512
    assert found["oddities"]["beyond_context"] == {"count": 1, "example": f"{tmp_path}/told.jsonl:2"}


@pytest.mark.shared
def test_real_comparisons():
    path = shared("data", "hh_harmless", "preferences.jsonl")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    chosen = [
        (len(row[f"candidate_{row['choice']}"]), len(row[f"candidate_{1 - row['choice']}"])) for row in rows
    ]
    found = inspect([str(path)])
    facts = found["comparisons"]
    assert found["rows"] == len(rows) == 4426
    assert facts["positions"][0]["wins"] == [Counter(row["choice"] for row in rows)[side] for side in (0, 1)]
    assert not facts["positions"][0]["biased"]
    assert facts["longer_wins"]["count"] == sum(won > lost for won, lost in chosen)
    assert facts["longer_wins"]["of"] == sum(won != lost for won, lost in chosen)
    assert found["prompts"] == len({" ".join(row["input_text"].casefold().split()) for row in rows})
    assert found["lengths"]["answer"]["characters"]["max"] == max(max(pair) for pair in chosen)


@pytest.mark.shared
def test_real_votes_on_pairs():
    path = shared("data", "qa_feedback", "feedback_100.json")
    rows = json.loads(path.read_text("utf-8"))
    votes = Counter(int(vote) for row in rows for vote in row["preference"])
    found = inspect([str(path)])
    pairs = found["comparisons"]["pairs"]
    assert (pairs["first"], pairs["second"], pairs["ties"]) == (votes[1], votes[2], votes[0])
    assert sum(votes.values()) == 600
    assert found["formats"] == {"qa-feedback": 100}
    assert found["comparisons"]["agreement"]["percent"]["units"] == 0  # one set of votes a question
    longest = max(len(row[f"prediction {k}"].strip()) for row in rows for k in (1, 2, 3, 4))
    assert found["lengths"]["answer"]["characters"]["max"] == pytest.approx(longest, abs=1)


@pytest.mark.shared
def test_real_labels():
    path = shared("data", "goemotions", "dev.tsv")
    lines = [line.split("\t") for line in path.read_text("utf-8").split("\n") if line.strip()]
    found = inspect([str(path)])["labelled"]
    assert found["labels"] == Counter(label for line in lines for label in line[1].split(","))
    assert found["labels_a_text"] == Counter(len(line[1].split(",")) for line in lines)
