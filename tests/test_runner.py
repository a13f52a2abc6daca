import errno
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_fakes import (
    QUIET,
    STAGES,
    WHOLE,
    Fault,
    counted,
    ran,
    recipe,
    run_json,
    stage,
    statuses,
    with_inputs,
)

from assent.config import Settings
from assent.errors import UserError
from assent.pipeline.people import default_folder
from assent.pipeline.runner import run
from assent.pipeline.state import RunState
from assent.pipeline.status import problems
from assent.stages.workspace import Forecast


@pytest.fixture
def folder(tmp_path):
    return with_inputs(tmp_path)


def test_a_whole_run_and_then_nothing_left_to_do(folder, capsys):
    stages, log = counted()
    assert ran(folder, WHOLE, stages=stages) == 0
    assert log == ["base", "answers", "feedback", "tuned", "aside"]
    out = folder / "run"
    assert capsys.readouterr().out == f"5 of 5 stages done\nreport: {out / 'report.html'}\n"
    assert set(statuses(folder).values()) == {"done"}
    assert ran(folder, WHOLE, stages=stages) == 0
    assert len(log) == 5
    assert problems(out) == []
    assert json.loads((out / "exports.json").read_text()).keys() == {run_json(out)["feedback"]["request"]}
    assert (out / "lock").read_text() == ""


def test_an_artifact_tells_what_made_it(folder):
    ran(folder, WHOLE)
    out = folder / "run"
    state = run_json(out)["tuned"]
    artifact = out / "artifacts" / state["key"]
    told = json.loads((artifact / "stage.json").read_text())
    assert (told["kind"], told["name"], told["key"]) == ("train", "tuned", state["key"])
    assert told["settings"]["model"] == "$base"
    assert told["settings"]["steps"] == 3
    assert told["seconds"] == state["seconds"]
    assert told["peak_rss_mb"] > 10
    assert told["versions"]["python"] == sys.version.split()[0]
    assert json.loads((artifact / "metrics.jsonl").read_text().splitlines()[1]) == {"step": 1, "loss": 0.05}
    assert str(folder) not in (artifact / "stage.json").read_text()


def test_an_export_is_named_by_its_bytes(folder):
    ran(folder, WHOLE)
    # printf '{"input_text": "%s", "choice": 0}\n' a b | sha256sum
    assert run_json(folder / "run")["feedback"]["key"] == "annotate-876b1d3cd26b"


def test_waiting_lets_the_other_branches_go_on(folder, capsys):
    (folder / "judged.jsonl").write_text("a\n")
    assert ran(folder, WHOLE) == 3
    assert statuses(folder) == {
        "base": "done",
        "answers": "done",
        "feedback": "waiting",
        "tuned": "pending",
        "aside": "done",
    }
    printed = capsys.readouterr().out
    assert "feedback: waiting: 1 of 2 comparisons answered" in printed
    assert "tuned: pending: waits for feedback" in printed
    (folder / "judged.jsonl").write_text("a\nb\n")
    stages, log = counted()
    assert ran(folder, WHOLE, stages=stages) == 0
    assert log == ["feedback", "tuned"]


def test_later_judgements_come_in_only_when_asked_for(folder):
    ran(folder, WHOLE)
    before = run_json(folder / "run")
    (folder / "judged.jsonl").write_text("a\nb\nc\n")
    stages, log = counted()
    assert ran(folder, WHOLE, stages=stages) == 0
    assert log == []
    assert ran(folder, WHOLE, replace(QUIET, refresh_feedback=True), stages) == 0
    assert log == ["feedback", "tuned"]
    after = run_json(folder / "run")
    assert before["feedback"]["key"] != after["feedback"]["key"]
    assert before["tuned"]["key"] != after["tuned"]["key"]
    assert {path.name for path in (folder / "run" / "artifacts").iterdir()} >= {
        before["feedback"]["key"],
        after["feedback"]["key"],
    }
    log.clear()
    assert ran(folder, WHOLE, replace(QUIET, refresh_feedback=True), stages) == 0
    assert log == ["feedback"]  # the same bytes: what follows is kept


def test_a_stopped_stage_fails_and_independent_ones_go_on(folder, capsys):
    text = "a: {stage: train, end: stop}\nb: {stage: train, model: $a}\nc: {stage: train}"
    assert ran(folder, text) == 4
    assert statuses(folder) == {"a": "failed", "b": "pending", "c": "done"}
    assert "a: loss is NaN" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["mistake", "reward"])
def test_a_users_mistake_ends_the_run_at_once(folder, capsys, how):
    assert ran(folder, f"a: {{stage: train, end: {how}}}\nb: {{stage: train}}") == 2
    assert statuses(folder) == {"a": "failed", "b": "pending"}
    message = {"mistake": "line 3 is not JSON", "reward": "length gave 3 scores for 4 answers"}[how]
    printed = capsys.readouterr()
    assert printed.err == f"a: {message}\n"
    assert printed.out.startswith("a: failed\nb: pending\n0 of 2 stages done\n")


def test_stopped_outweighs_waiting(folder):
    assert ran(folder, "a: {stage: train, end: wait}\nb: {stage: train, end: stop}") == 4


def test_a_full_disk_is_resumable(folder, capsys):
    assert ran(folder, "a: {stage: train, end: full}\nb: {stage: train}") == 75
    assert statuses(folder) == {"a": "interrupted", "b": "pending"}
    assert "the disk is full" in capsys.readouterr().err


def test_a_fault_of_the_program_shows_itself_and_is_written_down(folder):
    with pytest.raises(Fault):
        ran(folder, "a: {stage: train, end: fault}")
    assert statuses(folder) == {"a": "failed"}


def test_a_stage_that_makes_no_result_is_refused(folder, capsys):
    class Config(Settings):
        pass

    stages = {"idle": stage(Config, lambda config, work: None, "model")}
    assert ran(folder, "a: {stage: idle}", stages=stages) == 2
    assert "ended without making it" in capsys.readouterr().err


def test_only_one_stage_and_what_it_rests_on(folder):
    assert ran(folder, WHOLE, replace(QUIET, only="answers")) == 0
    assert statuses(folder) == {
        "base": "done",
        "answers": "done",
        "feedback": "pending",
        "tuned": "pending",
        "aside": "pending",
    }
    with pytest.raises(UserError, match="no stage has the name answer;"):
        ran(folder, WHOLE, replace(QUIET, only="answer"))


def test_stages_that_make_the_same_run_once(folder):
    stages, log = counted()
    assert ran(folder, "a: {stage: train}\nb: {stage: train}", stages=stages) == 0
    assert log == ["a"]
    assert statuses(folder) == {"a": "done", "b": "done"}


def test_a_mistake_in_the_recipe_leaves_no_folder(folder):
    with pytest.raises(UserError):
        ran(folder, "a: {stage: train, steps: many}")
    assert not (folder / "run").exists()


def test_overrides_are_part_of_the_effective_recipe(folder):
    loaded = recipe(folder, "seed: 3\na: {stage: train}", overrides=("a.steps=2",))
    assert run(loaded, folder / "run", STAGES, QUIET) == 0
    assert (folder / "run" / "recipe.yaml").read_text() == "seed: 3\na:\n  stage: train\n  steps: 2\n"


def test_a_truncated_artifact_is_set_aside_and_made_anew(folder, capsys):
    ran(folder, "a: {stage: train}")
    key = run_json(folder / "run")["a"]["key"]
    (folder / "run" / "artifacts" / key / "model" / "weights").write_text("")
    assert ran(folder, "a: {stage: train}") == 0
    assert f"its artifact was damaged, now {key}.damaged" in capsys.readouterr().err
    assert problems(folder / "run") == []


def test_inputs_that_change_under_way_are_refused(folder, capsys):
    stages, _ = counted()
    first = stages["train"].run

    def run_and_edit(config, work):
        first(config, work)
        (folder / "corpus.txt").write_text("changed\n")

    stages["train"].run = run_and_edit
    text = "a: {stage: train}\nb: {stage: rows, model: $a, data: corpus.txt}"
    assert ran(folder, text, stages=stages) == 2
    assert "recipe: b: its input files have changed since this run began" in capsys.readouterr().err


def test_too_little_disk_is_told_before_training(folder):
    stages, log = counted()
    stages["train"].forecast = lambda config, inputs: Forecast(disk_bytes=1e18)
    with pytest.raises(UserError, match=r"needs about 1000000.0 TB of disk, .* are free"):
        ran(folder, "a: {stage: train}", stages=stages)
    assert log == []


def test_a_folder_that_cannot_be_written_is_told_before_training(folder):
    (folder / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        run(recipe(folder, "a: {stage: train}"), folder / "file" / "run", STAGES, QUIET)


@pytest.mark.parametrize("name", ["recipe.yaml", "summary.json", "report.html"])
def test_a_file_of_ones_own_is_not_written_over(folder, name):
    theirs = folder / "run" / name
    theirs.parent.mkdir()
    theirs.write_text("mine")
    with pytest.raises(
        UserError, match=rf"{name}: is there already.*; give another --out, such as .*/run/run"
    ):
        ran(folder, "a: {stage: train}")
    assert theirs.read_text() == "mine"
    assert [path.name for path in theirs.parent.iterdir()] == [name]
    theirs.unlink()
    assert ran(folder, "a: {stage: train}") == 0
    assert ran(folder, "a: {stage: train}") == 0  # what a run has written, a run writes anew


def test_a_missing_tracker_is_told_before_training(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)  # as if it were not installed
    with pytest.raises(UserError, match=r"pip install 'assent\[wandb\]'"):
        ran(folder, "a: {stage: train}", replace(QUIET, trackers=("wandb",)))
    assert not (folder / "run").exists()


def test_where_a_run_lies_by_default(folder):
    assert default_folder(recipe(folder, "a: {stage: train}", name="kl")) == Path("runs/kl")


def test_no_room_to_write_the_end_down_is_no_fault(folder, monkeypatch, capsys):
    put = RunState.put

    def full(self, name, state):
        if state.status == "interrupted":
            raise OSError(errno.ENOSPC, "No space left on device")
        put(self, name, state)

    monkeypatch.setattr(RunState, "put", full)
    assert ran(folder, "a: {stage: train, end: full}") == 75
    assert "no room to write that down" in capsys.readouterr().err
