"""The promise of the whole package: what a person clicks changes what the model is likely to say."""

import json

import pytest
import torch
from stage_world import artifact, ran, rows

from assent.errors import Waiting
from assent.models.load import load
from assent.records import Prompt

COLOURS = ("red", "blue")
THINGS = ("ball", "boat", "book", "bell", "coat", "door", "flag", "hat", "kite", "lamp", "rose", "ship")

STORY = """
seed: 1
base:
  stage: pretrain
  data: corpus.txt
  model: {family: gpt2, width: 32, depth: 1, heads: 2, context: 64, vocabulary: 400}
  pack: false
  steps: 30
  batch: 16
  learning_rate: 0.01
answers:  {stage: sample, model: $base, prompts: prompts.jsonl, sampling: {max_new_tokens: 4}}
feedback: {stage: annotate, candidates: $answers, judgements: clicks.jsonl, want: 8}
judge:    {stage: reward, model: $base, preferences: $feedback, steps: 20, batch: 8, learning_rate: 0.003}
tuned:
  stage: policy
  model: $base
  prompts: prompts.jsonl
  rewards: [{model: $judge}]
  steps: 8
  batch: 24
  minibatch: 24
  learning_rate: 0.003
  sampling: {max_new_tokens: 4}
"""


@pytest.fixture
def folder(tmp_path):
    said = [f"The {thing} is {colour}" for thing in THINGS for colour in COLOURS]
    (tmp_path / "corpus.txt").write_text("\n<|endoftext|>\n".join(said))
    asked = [{"input_text": f"The {thing} is"} for thing in THINGS]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    return tmp_path


def clicks(candidates):
    """One person is shown both colours in turn left and right, and always clicks the red one."""
    shown = []
    for index, row in enumerate(candidates):
        left, right = COLOURS if index % 2 else reversed(COLOURS)
        texts = {"candidate_0": f" {left}", "candidate_1": f" {right}", "choice": int(right == "red")}
        shown.append({"input_text": row["input_text"], **texts, "meta": {"annotator": "one person"}})
    return shown


@torch.no_grad()
def how_likely(model_folder, thing):
    """log p of the first token of each colour after `The <thing> is`."""
    model, tokenizer = load(str(model_folder))
    first = {colour: tokenizer.response_ids(f" {colour}")[0][0] for colour in COLOURS}
    assert first["red"] != first["blue"]
    found = {}
    for colour in COLOURS:
        asked, _ = tokenizer.prompts([Prompt(f"The {thing} is")])
        answered, _ = tokenizer.responses([f" {colour}"])
        found[colour] = model.eval().logprobs(asked, answered)[0][0, 0].item()
    return found


def test_a_click_changes_how_likely_a_token_is(folder):
    out = folder / "run"
    assert ran(folder, STORY, out) == Waiting.exit_code
    judged = clicks(rows(artifact(out, "answers") / "candidates.jsonl")[:8])
    (folder / "clicks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in judged))
    assert ran(folder, STORY, out) == 0
    assert len(rows(artifact(out, "feedback") / "judgements.jsonl")) == 8
    for thing in (THINGS[0], THINGS[-1]):  # one that was judged, and one that nobody ever judged
        before = how_likely(artifact(out, "base") / "model", thing)
        after = how_likely(artifact(out, "tuned") / "model", thing)
        assert before["red"] == pytest.approx(before["blue"], abs=1)  # the corpus says both equally often
        assert after["red"] > before["red"] + 0.1
        assert after["red"] - after["blue"] > before["red"] - before["blue"] + 1
