import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pipeline_fakes import QUIET, STAGES, Fault, recipe, run_json, stage
from rich.console import Console

from assent.config import ModelSource, Settings
from assent.errors import UserError
from assent.pipeline.artifacts import ArtifactStore
from assent.pipeline.clean import remove, unneeded
from assent.pipeline.guard import exclusive, stop_on_signal, working_process
from assent.pipeline.progress import Progress
from assent.pipeline.runner import Options, default_folder, run
from assent.pipeline.state import RunState, read_run
from assent.pipeline.status import problems
from assent.pipeline.summary import collect, write_comparison, write_reports
from assent.stages.workspace import Forecast

WHOLE = """
base:     {stage: train, data: corpus.txt}
answers:  {stage: rows, model: $base}
feedback: {stage: annotate, candidates: $answers, judgements: judged.jsonl}
tuned:    {stage: train, model: $base, data: $feedback}
aside:    {stage: train, learning_rate: 0.5}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "corpus.txt").write_text("one\n")
    (tmp_path / "judged.jsonl").write_text("a\nb\n")
    return tmp_path


def ran(folder, text, options=QUIET, stages=STAGES):
    return run(recipe(folder, text), folder / "run", stages, options)


def statuses(folder):
    return {name: state["status"] for name, state in run_json(folder / "run").items()}


def counted(stages=STAGES):
    """The stages, and a list of those that ran."""
    log = []

    def counting(module):
        def counted_run(config, work):
            log.append(work.name)
            module.run(config, work)

        return SimpleNamespace(**{**vars(module), "run": counted_run})

    return {kind: counting(module) for kind, module in stages.items()}, log


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
    # printf 'a\nb\n' | sha256sum
    assert run_json(folder / "run")["feedback"]["key"] == "annotate-911169ddaaf1"


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
    assert printed.out.startswith(f"a: failed: {message}\nb: pending\n0 of 2 stages done\n")


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


def test_a_missing_tracker_is_told_before_training(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)  # as if it were not installed
    with pytest.raises(UserError, match=r"pip install 'assent\[wandb\]'"):
        ran(folder, "a: {stage: train}", replace(QUIET, trackers=("wandb",)))
    assert not (folder / "run").exists()


def test_where_a_run_lies_by_default(folder):
    assert default_folder(recipe(folder, "a: {stage: train}", name="kl")) == Path("runs/kl")


SLOW = "a: {stage: train, steps: 40, step_seconds: 0.02}\nb: {stage: train}"

# A package that stands in for `assent.stages`, whose real stages would take four seconds to import torch.
SCRIPT = """
import sys
import types
import assent
sys.modules["assent.stages"] = types.ModuleType("assent.stages")
sys.modules["assent.stages"].__path__ = [assent.__path__[0] + "/stages"]
from pathlib import Path
from pipeline_fakes import QUIET, STAGES
from assent.config import Recipe
from assent.pipeline.runner import run
folder = Path(sys.argv[1])
sys.exit(run(Recipe.load(folder / "recipe.yaml"), folder / "run", STAGES, QUIET))
"""


def started(folder, text=SLOW, step=3):
    """The run in a process of its own, when its first stage has made some steps."""
    recipe(folder, text)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)],
        cwd=Path(__file__).parent,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        saved = list((folder / "run" / "artifacts").glob("*.partial/step"))
        if saved and saved[0].read_text() >= str(step):
            return process
        time.sleep(0.01)
    raise AssertionError(process.communicate()[1])


def metrics(folder, key):
    text = (folder / "run" / "artifacts" / key / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_sigterm_saves_and_the_same_command_goes_on(folder):
    process = started(folder)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 75
    assert "saving, then stopping" in error
    assert statuses(folder) == {"a": "interrupted", "b": "pending"}
    seconds = run_json(folder / "run")["a"]["seconds"]
    assert 0 < seconds < 5
    assert ran(folder, SLOW) == 0
    after = run_json(folder / "run")["a"]
    assert after["seconds"] > seconds
    assert metrics(folder, after["key"]) == [{"step": step, "loss": 0.1 / (step + 1)} for step in range(40)]


def test_a_kill_loses_nothing_that_was_saved(folder):
    process = started(folder)
    process.kill()
    process.communicate(timeout=20)
    assert run_json(folder / "run")["a"]["status"] == "running"
    assert read_run(folder / "run")[1]["a"].status == "interrupted"
    assert working_process(folder / "run") is None
    (rows,) = (folder / "run" / "artifacts").glob("*.partial/metrics.jsonl")
    rows.write_text(rows.read_text() + '{"step": 39, "lo')  # a torn last line
    assert ran(folder, SLOW) == 0
    key = run_json(folder / "run")["a"]["key"]
    assert metrics(folder, key) == [{"step": step, "loss": 0.1 / (step + 1)} for step in range(40)]


def test_a_second_signal_ends_at_once():
    script = "from assent.pipeline.guard import stop_on_signal\nimport time\n"
    script += "with stop_on_signal():\n    print('ready', flush=True)\n    time.sleep(30)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert "once more" in process.stderr.readline() + process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 75


def test_two_processes_do_not_share_a_folder(folder):
    process = started(folder)
    with pytest.raises(UserError, match=f"process {process.pid} works in this folder"):
        ran(folder, SLOW)
    assert working_process(folder / "run") == process.pid
    process.kill()
    process.communicate(timeout=20)
    with exclusive(folder / "run"):
        pass  # a killed process leaves no lock behind


def test_a_signal_between_stages_ends_the_run_there(folder):
    stages, log = counted()
    first = stages["train"].run

    def run_and_signal(config, work):
        first(config, work)
        os.kill(os.getpid(), signal.SIGTERM)

    stages["train"].run = run_and_signal
    assert ran(folder, "a: {stage: train}\nb: {stage: train, steps: 4}", stages=stages) == 75
    assert log == ["a"]
    assert statuses(folder) == {"a": "done", "b": "interrupted"}


def test_no_room_to_write_the_end_down_is_no_fault(folder, monkeypatch, capsys):
    put = RunState.put

    def full(self, name, state):
        if state.status == "interrupted":
            raise OSError(errno.ENOSPC, "No space left on device")
        put(self, name, state)

    monkeypatch.setattr(RunState, "put", full)
    assert ran(folder, "a: {stage: train, end: full}") == 75
    assert "no room to write that down" in capsys.readouterr().err


def test_a_lock_that_is_a_symlink_is_refused(folder):
    (folder / "lock").symlink_to(folder / "corpus.txt")
    with pytest.raises(UserError, match="cannot be locked"), exclusive(folder):
        pass
    assert (folder / "corpus.txt").read_text() == "one\n"


def test_signal_handlers_are_given_back():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with stop_on_signal() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_outside_the_main_thread_signals_are_left_alone(folder):
    codes = []
    thread = threading.Thread(target=lambda: codes.append(ran(folder, "a: {stage: train}")))
    thread.start()
    thread.join()
    assert codes == [0]


def evaluation_stages():
    class EvaluateConfig(Settings):
        policies: list[ModelSource]

    def evaluate(config, work):
        numbers = {
            "policies": {"a": {"score_mean": 0.5}},
            "comparisons": [{"a": "b", "b": "a", "win_rate": 0.75}],
        }
        (work.folder / "evaluation.json").write_text(json.dumps(numbers))
        line = {
            "prompt": "Hello?",
            "answers": {"a": {"text": "Hi", "scores": {}, "length": 1, "ended": True}},
        }
        (work.folder / "answers.jsonl").write_text(json.dumps(line) + "\n")

    def reward(config, work):
        (work.folder / "model").mkdir()
        (work.folder / "model" / "weights").write_text("w")
        numbers = {"accuracy": 0.8, "ci_low": 0.7, "ci_high": 0.9, "ece": 0.05, "n": 40, "loss": 0.4}
        (work.folder / "reward.json").write_text(json.dumps(numbers))
        (work.folder / "message.txt").write_text("stopped early: held-out loss rises\n")

    return {
        **STAGES,
        "evaluate": stage(EvaluateConfig, evaluate, "evaluation.json"),
        "reward": stage(STAGES["train"].Config, reward, "model"),
    }


EVALUATED = "a: {stage: train}\njudge: {stage: reward, model: $a}\nreport: {stage: evaluate, policies: [$a]}"


def test_the_summary_and_the_record(folder):
    assert ran(folder, EVALUATED, Options(quiet=True, command="assent run x"), evaluation_stages()) == 0
    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert summary["policies"] == {"a": {"score_mean": 0.5}}
    assert summary["comparisons"] == [{"a": "b", "b": "a", "win_rate": 0.75}]
    assert summary["reward_model"] == {"accuracy": 0.8, "ci_low": 0.7, "ci_high": 0.9, "ece": 0.05, "n": 40}
    assert summary["seconds"].keys() == {"a", "judge", "report"}
    record = collect(folder / "run")
    assert (record.name, record.command, record.seed) == ("recipe", "assent run x", None)
    assert record.answers[0]["prompt"] == "Hello?"
    assert record.reward["loss"] == 0.4
    stages = {stage.name: stage for stage in record.stages}
    assert stages["a"].metrics == [{"step": step, "loss": 0.1 / (step + 1)} for step in range(3)]
    assert stages["judge"].message == "stopped early: held-out loss rises"
    assert stages["report"].inputs == ["a"]
    assert summary["peak_rss_mb"] == max(stage.peak_rss_mb for stage in record.stages)


def test_the_report_can_be_made_anew_at_any_time(folder):
    (folder / "judged.jsonl").write_text("a\n")
    ran(folder, WHOLE)
    report = folder / "run" / "report.html"
    first = report.read_text()
    report.unlink()
    assert write_reports(folder / "run").read_text() == first
    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert (summary["policies"], summary["comparisons"], summary["reward_model"]) == ({}, [], None)
    waiting = {stage.name: stage.settings for stage in collect(folder / "run").stages}["tuned"]
    assert waiting == {"model": "$base", "data": "$feedback"}  # as the recipe says, before it began


def test_runs_are_compared_on_one_page(folder):
    ran(folder, EVALUATED, stages=evaluation_stages())
    shutil.copytree(folder / "run", folder / "again")
    page = write_comparison([folder / "run", folder / "again"], folder / "compare.html")
    assert "<html" in page.read_text()
    with pytest.raises(UserError, match="cannot be written"):
        write_comparison([folder / "run"], folder / "no" / "compare.html")


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(UserError, match="no run in this folder"):
        collect(tmp_path)
    (tmp_path / "run.json").write_text('{"stages": {}}')
    with pytest.raises(UserError, match="damaged"):
        collect(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        collect(tmp_path)


def test_clean_keeps_what_the_last_recipe_needs(folder):
    ran(folder, "a: {stage: train}")
    old = run_json(folder / "run")["a"]["key"]
    assert unneeded(folder / "run") == []
    ran(folder, "a: {stage: train, steps: 4}\nb: {stage: train, end: wait}")
    store = ArtifactStore(folder / "run" / "artifacts")
    store.partial("train-ffffffffffff").mkdir()
    (store.root / "link").symlink_to(folder / "corpus.txt")
    found = unneeded(folder / "run")
    assert {item.path.name for item in found} == {old, "train-ffffffffffff.partial", "link"}
    size = sum(path.stat().st_size for path in store.path(old).rglob("*") if path.is_file())
    assert {item.path.name: item.bytes for item in found}[old] == size
    remove(folder / "run", found)
    assert unneeded(folder / "run") == []
    assert (folder / "corpus.txt").exists()
    assert ran(folder, "a: {stage: train, steps: 4}") == 0


def test_a_line_each_tenth_where_there_is_no_terminal(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("assent.pipeline.progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, force_terminal=False, file=nowhere)
        with Progress(console=console).stage("[sft]") as advance:
            for step in range(100):
                now[0] += 0.5
                advance(step + 1, 100, "loss 2.1")
        lines = console.export_text().splitlines()
    assert len(lines) == 10  # each tenth takes 5 s
    assert lines[0] == "[sft]: 10 of 100 (10%) loss 2.1"


def test_a_slow_stage_is_heard_of_every_ten_seconds(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("assent.pipeline.progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, force_terminal=False, file=nowhere)
        with Progress(console=console).stage("sft") as advance:
            for step in range(30):
                now[0] += 1
                advance(step + 1, 1000, "")
        assert console.export_text().splitlines() == [
            "sft: 10 of 1000 (1%)",
            "sft: 20 of 1000 (2%)",
            "sft: 30 of 1000 (3%)",
        ]


def test_a_terminal_shows_a_bar(folder):
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, force_terminal=True, file=nowhere, width=100)
        with Progress(console=console).stage("sft") as advance:
            advance(5, 10, "loss 2.1")
        printed = console.export_text()
    assert "sft" in printed
    assert "5/10" in printed
    assert "loss 2.1" in printed
