"""What ends a run early, signals and people who are not ready, costs time and changes nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from stage_world import artifact, facts, learned, made, ran, rows, states, tiny_world, written

from assent.errors import Interrupted, Waiting
from assent.pipeline.runner import Options

TRAINED = """
base:
  stage: pretrain
  data: corpus.txt
  model: {family: gpt2, width: 16, depth: 1, heads: 2, context: 128, vocabulary: 600}
  steps: 2
  batch: 4
sft: {stage: finetune, model: $base, data: demonstrations.jsonl, lora: {rank: 2}, steps: 20, batch: 4}
tuned:
  stage: policy
  model: $base
  prompts: prompts.jsonl
  rewards: [{function: "rewards.py:brevity", normalise: true}]
  steps: 12
  batch: 8
  minibatch: 4
  epochs: 2
  learning_rate: 0.003
  kl: {target: 0.5, horizon: 20}
  sampling: {max_new_tokens: 8}
"""

JUDGED = """
feedback: {stage: annotate, candidates: candidates.jsonl, judgements: people.jsonl, want: 3}
judge: {stage: reward, model: model, preferences: $feedback, steps: 1, held_out: 0}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two stages of training, never interrupted: `world / "run"`."""
    folder = tiny_world(tmp_path_factory.mktemp("world"))
    assert ran(folder, TRAINED, folder / "run") == 0
    return folder


@pytest.fixture
def unfinished(world, tmp_path):
    """A run in which only `base` is done."""
    kept = artifact(world / "run", "base")
    shutil.copytree(kept, tmp_path / "run" / "artifacts" / kept.name)
    return tmp_path / "run"


def steps_of(out, name):
    """Waits for the first steps of a stage that is under way."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for found in out.glob(f"artifacts/{name}-*.partial/metrics.jsonl"):
            if found.read_text().count("\n") >= 3:
                return
        time.sleep(0.002)
    raise AssertionError(f"{name}: no three steps within a minute")


def test_sigterm_saves_and_the_rest_gives_the_same_weights(world, unfinished):
    def terminate():
        steps_of(unfinished, "policy")
        os.kill(os.getpid(), signal.SIGTERM)

    def rerun():
        torch.rand(7)  # chance that other work has used up must not matter
        return ran(world, TRAINED, unfinished, Options(quiet=True, only="tuned"))

    sender = threading.Thread(target=terminate)
    sender.start()
    assert rerun() == Interrupted.exit_code
    sender.join()
    [saved] = unfinished.glob("artifacts/policy-*.partial/checkpoints/step-*")
    assert 3 <= int(saved.name.removeprefix("step-")) < 12
    assert "run the same command to go on" in states(unfinished)["tuned"]["message"]
    assert rerun() == 0
    assert learned(artifact(unfinished, "tuned")) == learned(artifact(world / "run", "tuned"))
    assert artifact(unfinished, "tuned").name == artifact(world / "run", "tuned").name


def test_a_kill_before_the_first_checkpoint_begins_again_with_the_same_weights(world, unfinished):
    recipe = written(world, TRAINED)
    command = [sys.executable, "-m", "assent", "run", str(recipe.folder / "recipe.yaml"), "--quiet"]
    process = subprocess.Popen(
        [*command, "--only", "sft", "--out", str(unfinished)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    steps_of(unfinished, "finetune")
    process.kill()
    assert process.wait(timeout=20) == -signal.SIGKILL
    assert not list(unfinished.glob("artifacts/finetune-*.partial/checkpoints"))
    assert ran(world, TRAINED, unfinished, Options(quiet=True, only="sft")) == 0
    assert learned(artifact(unfinished, "sft")) == learned(artifact(world / "run", "sft"))


def test_a_half_made_tokenizer_is_made_again(world, tmp_path):
    shape = {"family": "gpt2", "width": 16, "depth": 1, "heads": 2, "context": 64, "vocabulary": 300}
    settings = {"data": str(world / "corpus.txt"), "model": shape, "steps": 1, "batch": 2}
    whole, _ = made("pretrain", tmp_path / "whole", **settings)
    (tmp_path / "killed" / "tokenizer.partial").mkdir(parents=True)
    (tmp_path / "killed" / "tokenizer.partial" / "tokenizer.json").write_text("{")
    killed, _ = made("pretrain", tmp_path / "killed", **settings)
    assert (killed / "model" / "tokenizer.json").read_bytes() == (
        whole / "model" / "tokenizer.json"
    ).read_bytes()


def test_people_are_waited_for_and_come_in_when_asked_for(world, tmp_path, capfd):
    shutil.copytree(artifact(world / "run", "base") / "model", tmp_path / "model")
    asked = [{"input_text": f"{n}?", "candidate_0": "yes", "candidate_1": "no"} for n in range(4)]
    (tmp_path / "candidates.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    out = tmp_path / "run"

    def people(count):
        judged = "".join(json.dumps({**row, "choice": 0}) + "\n" for row in asked[:count])
        (tmp_path / "people.jsonl").write_text(judged)

    assert ran(tmp_path, JUDGED, out) == Waiting.exit_code
    assert "0 of 3 comparisons answered" in capfd.readouterr().out
    assert states(out)["judge"]["message"] == "waits for feedback"
    people(3)
    assert ran(tmp_path, JUDGED, out) == 0
    first = artifact(out, "feedback")
    people(4)
    assert ran(tmp_path, JUDGED, out) == 0
    assert artifact(out, "feedback") == first
    assert ran(tmp_path, JUDGED, out, Options(quiet=True, refresh_feedback=True)) == 0
    assert len(rows(artifact(out, "feedback") / "judgements.jsonl")) == 4
    assert len(rows(first / "judgements.jsonl")) == 3
    assert facts(artifact(out, "judge") / "stage.json")["name"] == "judge"
