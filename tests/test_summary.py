import json
import shutil

import pytest
from pipeline_fakes import STAGES, WHOLE, ran, run_json, stage, with_inputs

from assent.config import ModelSource, Settings
from assent.errors import UserError
from assent.pipeline.artifacts import ArtifactStore
from assent.pipeline.clean import remove, unneeded
from assent.pipeline.runner import Options
from assent.pipeline.summary import collect, write_comparison, write_reports


@pytest.fixture
def folder(tmp_path):
    return with_inputs(tmp_path)


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
    assert record.rewards["judge"]["loss"] == 0.4
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
