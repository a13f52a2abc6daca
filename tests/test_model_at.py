"""A model by its folder, its hub id, its run, or a stage of its run."""

import json

import pytest
from pipeline_fakes import ran, run_json

from assent.errors import UserError
from assent.tools.model_at import FoundModel, found_model, model_at, stage_models

RECIPE = """
base: {stage: train}
tuned: {stage: train, model: $base, steps: 2}
later: {stage: train, model: $tuned, end: stop}
rows: {stage: rows, model: $tuned}
"""


@pytest.fixture
def out(tmp_path):
    assert ran(tmp_path, RECIPE) == 4
    return tmp_path / "run"


def folder_of(out, stage):
    return out / "artifacts" / run_json(out)[stage]["key"] / "model"


def test_a_stage_of_a_run(out):
    assert model_at(f"{out}:base") == str(folder_of(out, "base"))
    assert found_model(f"{out}:base") == FoundModel(str(folder_of(out, "base")), out, "base")
    assert stage_models(out) == {name: folder_of(out, name) for name in ("base", "tuned")}


def test_a_run_is_its_last_finished_policy_and_that_is_said(out):
    said = []
    assert model_at(str(out), said.append) == str(folder_of(out, "tuned"))
    assert said == [f"{out}: the model of tuned, its last finished policy"]


def test_a_reward_model_is_not_the_policy_of_a_run(out):
    (folder_of(out, "tuned") / "assent.json").write_text(json.dumps({"kind": "reward"}))
    (out / "artifacts" / run_json(out)["tuned"]["key"] / "manifest.json").write_text('{"files": {}}')
    assert found_model(str(out)).stage == "base"
    assert found_model(f"{out}:tuned").stage == "tuned"


def test_a_folder_knows_its_run(out, monkeypatch):
    monkeypatch.chdir(out)
    key = run_json(out)["tuned"]["key"]
    assert found_model(f"artifacts/{key}/model") == FoundModel(
        f"artifacts/{key}/model", out.resolve(), "tuned"
    )
    assert found_model(f"artifacts/{key}").source == f"artifacts/{key}/model"


def test_a_bare_folder_and_a_hub_id(tmp_path):
    (tmp_path / "some").mkdir()
    assert found_model(str(tmp_path / "some")) == FoundModel(str(tmp_path / "some"))
    assert model_at("gpt2") == "gpt2"
    assert model_at("google/flan-t5-small") == "google/flan-t5-small"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{out}:tunde", "run: no stage has the name tunde; did you mean tuned"),
        ("{out}:x", "no stage has the name x; known: base, tuned"),
        ("{out}:rows", "rows has no model: it makes no model; stages with a model: base, tuned"),
        ("{out}:later", "later has no model: it is failed; stages with a model: base, tuned"),
        ("{out}/nowhere", "no such folder or run"),
        ("{out}/run.json", "no such folder or run"),
        ("{out}/artifacts:base", "no run in this folder"),
        ("no where", "expected a folder, a hub id or RUN:STAGE"),
    ],
)
def test_mistakes(out, words, message):
    with pytest.raises(UserError, match=message):
        model_at(words.format(out=out))


def test_a_run_without_a_policy(tmp_path):
    ran(tmp_path, "rows: {stage: rows}")
    with pytest.raises(
        UserError, match="no finished stage made a model that answers; it has no model at all"
    ):
        model_at(str(tmp_path / "run"))
