"""`assent annotate` on a file, as people type it: from an empty folder to judgements in a file."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from annotating import annotating
from click.testing import CliRunner
from stage_world import rows

from assent.cli import main
from assent.tools.annotate_files import beside


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pairs(folder, count=2, name="candidates.jsonl"):
    asked = [
        {"input_text": f"Prompt {n}", "candidate_0": f"one {n}", "candidate_1": f"two {n}", "id": f"pair-{n}"}
        for n in range(count)
    ]
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in asked))
    return folder / name


def typed(*words):
    return CliRunner().invoke(main, ["annotate", *map(str, words)])


def test_from_an_empty_folder_to_judgements_in_a_file(folder):
    """Three commands: candidates, the app, and (after Ctrl-C) a look at what came out."""
    pairs(folder)
    with annotating(folder, "candidates.jsonl", "--out", "judgements.jsonl") as app:
        assert "candidates: 0 of 2 comparisons answered\n" in app.said
        assert any("so the task is pairwise" in line for line in app.said)
        admin = app.visitor("ann")
        first = admin.judge("candidates", {"choice": "left"})
        assert first["stored"] is True
        assert app.end(signal.SIGINT) == 0
        assert "judgements.jsonl: 1 judgement\n" in app.said
    [row] = rows(folder / "judgements.jsonl")
    assert row["choice"] == row["meta"]["shown_order"][0]
    assert row["meta"]["annotator"] == "ann"
    inspected = [sys.executable, "-m", "assent", "inspect", "judgements.jsonl"]
    assert subprocess.run(inspected, cwd=folder, check=False, capture_output=True).returncode == 0


def test_the_files_are_written_when_all_is_judged_and_again_at_the_end(folder):
    pairs(folder)
    words = ("candidates.jsonl", "--out", "judgements.jsonl")
    with annotating(folder, *words) as app:
        admin = app.visitor("ann")
        admin.judge("candidates", {"choice": "tie"})
        admin.judge("candidates", {"choice": "both_bad"})
        app.until("all is judged")
        app.until("judgements.both_bad.jsonl: 1 both bad")
        assert [row["choice"] for row in rows(folder / "judgements.ties.jsonl")] == [None]
        assert [row["choice"] for row in rows(folder / "judgements.both_bad.jsonl")] == ["both_bad"]
        assert not (folder / "judgements.jsonl").exists()  # nobody has chosen anything
        assert not (folder / "judgements.cannot_judge.jsonl").exists()
        assert app.end(signal.SIGTERM) == 0
    with annotating(folder, *words) as again:
        assert again.admin_link is None
        assert "candidates: 2 of 2 comparisons answered\n" in again.said


def test_an_admin_who_lost_the_password_starts_it_with_another_link(folder):
    pairs(folder)
    words = ("candidates.jsonl", "--out", "judgements.jsonl")
    with annotating(folder, *words) as app:
        app.visitor("ann")
        assert app.end() == 0
    with annotating(folder, *words, "--new-admin-link") as again:
        assert "ann" in again.visitor("ann again").get("/admin/people")
        assert again.end() == 0


def test_export_writes_without_serving(folder):
    pairs(folder)
    words = ("candidates.jsonl", "--out", "judgements.jsonl")
    with annotating(folder, *words) as app:
        admin = app.visitor("ann")
        admin.judge("candidates", {"choice": "right"})
        shown = typed(*words, "--export")  # while the app goes on
        assert (shown.exit_code, shown.output) == (0, "judgements.jsonl: 1 judgement\n")
        assert len(rows(folder / "judgements.jsonl")) == 1
        assert app.end() == 0


def test_a_second_app_on_one_database_is_refused(folder):
    pairs(folder)
    words = ("candidates.jsonl", "--out", "judgements.jsonl")
    with annotating(folder, *words) as app:
        shown = typed(*words, "--port", "0")
        assert shown.exit_code == 2
        assert f"served already, by process {app.process.pid} at {app.address}" in shown.stderr
        assert app.end() == 0


def test_a_port_that_is_taken_names_the_option(folder):
    pairs(folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shown = typed("candidates.jsonl", "--out", "j.jsonl", "--port", port)
    assert shown.exit_code == 2
    assert f"127.0.0.1:{port}: cannot listen there: address already in use" in shown.stderr
    assert "--port" in shown.stderr


def test_judgements_of_somebody_else_are_not_written_over(folder):
    pairs(folder)
    (folder / "judgements.jsonl").write_text("precious\n")
    shown = typed("candidates.jsonl", "--out", "judgements.jsonl")
    assert shown.exit_code == 2
    assert "judgements.jsonl: is there already, and was not written from the project" in shown.stderr
    assert (folder / "judgements.jsonl").read_text() == "precious\n"


@pytest.mark.parametrize("there", ["judgements.ties.jsonl", "judgements.surplus.jsonl"])
def test_files_beside_that_are_somebody_elses_are_not_written_over(folder, there):
    pairs(folder)
    (folder / there).write_text("precious\n")
    shown = typed("candidates.jsonl", "--out", "judgements.jsonl")
    assert shown.exit_code == 2
    assert f"{there}: is there already, and was not written from the project candidates" in shown.stderr
    assert (folder / there).read_text() == "precious\n"


def test_one_out_is_for_one_file(world, folder):
    """`world` is the database beside `feedback.jsonl`; what one file has there, another would replace."""
    pairs(folder)
    world.project("candidates")
    (folder / "feedback.jsonl").write_text("precious\n")
    other = pairs(folder, name="others.jsonl")
    shown = typed(other, "--out", "feedback.jsonl")
    assert shown.exit_code == 2
    assert "feedback.sqlite3 is of candidates" in shown.stderr
    assert "give another --out" in shown.stderr
    (folder / "feedback.yaml").write_text("items: others.jsonl\nname: others\nout: feedback.jsonl\n")
    shown = typed("feedback.yaml")
    assert shown.exit_code == 2
    assert "feedback.jsonl: is there already, and was not written from the project others" in shown.stderr
    assert (folder / "feedback.jsonl").read_text() == "precious\n"


def test_a_packed_file_has_packed_ones_beside_it_however_that_is_written():
    assert beside(Path("j.jsonl.GZ"), "ties") == Path("j.ties.jsonl.GZ")
    assert beside(Path("j.jsonl.gz"), "ties") == Path("j.ties.jsonl.gz")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["candidates.jsonl"], "say where the judgements go: --out judgements.jsonl"),
        (["none.jsonl", "--out", "j.jsonl"], "none.jsonl: no such file"),
        (["none.yaml"], "none.yaml: no such file"),
        (["candidates.jsonl", "--out", "j.txt"], "the suffix says what to write"),
        (["candidates.jsonl", "--out", "j.jsonl", "--then-run"], "--then-run goes on with a recipe"),
        (["candidates.jsonl", "--out", "j.jsonl", "--set", "a=1"], "--set is for recipes"),
        (["candidates.jsonl", "--out", "j.jsonl", "--task", "rating"], "criteria: expected one of"),
        (["candidates.jsonl", "--out", "j.jsonl", "--export"], "there is no feedback yet"),
        (["ratings.jsonl", "--out", "j.jsonl"], "the task is not plain from its rows: give --task"),
        (["candidates.jsonl", "--out", "j.jsonl", "--guideline", "no.md"], "does not exist"),
    ],
)
def test_mistakes_end_with_a_message_and_2(folder, words, message):
    pairs(folder)
    rating = {"input_text": "a?", "output_text": "b", "rating": 3, "scale": [1, 5]}
    (folder / "ratings.jsonl").write_text(json.dumps(rating) + "\n")
    shown = typed(*words)
    assert shown.exit_code == 2, shown.output
    assert message in shown.stderr
    assert not list(folder.glob("*.sqlite3"))


@pytest.mark.parametrize(
    ("row", "task"),
    [
        ({"candidate_0": "a", "candidate_1": "b"}, "pairwise"),
        ({"candidate_0": "a", "candidate_1": "b", "choice": 1}, "pairwise"),
        ({"candidate_0": "a", "candidate_1": "b", "candidate_2": "c"}, "ranking"),
        ({}, "demonstration"),
    ],
)
def test_a_plain_task_is_taken_and_told(folder, row, task):
    from assent.tools.annotate_files import plain_task

    (folder / "rows.jsonl").write_text(json.dumps({"input_text": "a?", **row}) + "\n")
    found, told = plain_task("rows.jsonl")
    assert found == task
    assert f"so the task is {task}; another: --task" in told


def test_the_command_needs_no_torch(folder):
    """A page is served in about a second; models are for chats alone."""
    pairs(folder)
    script = (
        "import sys\nfrom assent.cli import main\n"
        "sys.argv = ['assent', 'annotate', 'candidates.jsonl', '--out', 'j.jsonl', '--export']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "import assent.tools.annotate_run, assent.tools.annotate_serving\n"
        "print('heavy:', sorted({'torch', 'transformers', 'datasets', 'pyarrow'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"
