"""`algorithm: dpo` as a stage: from judgements to a policy, killed and resumed, and what it refuses."""

import json
import math

import pytest
import torch
from stage_world import Lines, artifact, facts, learned, made, ran, rows, tiny_world
from transformers import AutoModelForCausalLM

from assent.config import check
from assent.data.stream import held_out
from assent.errors import Interrupted, UserError
from assent.models.load import load, weights_hash
from assent.stages import preference_policy
from assent.stages.preference_policy import Direct
from assent.stages.workspace import Forecast, Workspace

TINY = {"family": "gpt2", "width": 16, "depth": 1, "heads": 2, "context": 112, "vocabulary": 600}
LIKED, DISLIKED = "Mara sold the house.", "On Monday it rained."

RECIPE = """
seed: 3
base:
  stage: pretrain
  data: corpus.txt
  model: {family: gpt2, width: 16, depth: 1, heads: 2, context: 128, vocabulary: 600}
  steps: 4
  batch: 4
answers: {stage: sample, model: $base, prompts: prompts.jsonl, per_prompt: 2, sampling: {max_new_tokens: 12}}
feedback: {stage: annotate, candidates: $answers, panel: "assent.demo.panel:judge", want: 24}
tuned:
  stage: policy
  algorithm: dpo
  model: $base
  preferences: $feedback
  held_out: 0.25
  epochs: 2
  batch: 8
  learning_rate: 0.003
report:
  stage: evaluate
  policies: [$base, $tuned]
  prompts: held_out.jsonl
  judges: [{name: gold, function: "assent.demo.gold:score"}]
  batch: 8
  sampling: {max_new_tokens: 12}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Files of the tiny world, and a model that has read a little of it: `world / "base"`."""
    folder = tiny_world(tmp_path_factory.mktemp("world"))
    made("pretrain", folder / "made", data=str(folder / "corpus.txt"), model=TINY, steps=3, batch=4)
    (folder / "made" / "model").rename(folder / "base")
    return folder


def judged(path, count, **changes):
    """People who like one of two answers, whichever side it is on; two of them judge each item."""
    found = []
    for n in range(2 * count):
        sides = (LIKED, DISLIKED) if n % 3 else (DISLIKED, LIKED)
        texts = {"candidate_0": sides[0], "candidate_1": sides[1], "choice": sides.index(LIKED)}
        found.append({"input_text": f"Report {n // 2}:", **texts, **changes})
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return str(path)


def directed(folder, stop=lambda: False, **settings):
    """Run the stage by itself; its folder, and what it logged."""
    folder.mkdir(parents=True, exist_ok=True)
    log, told = Lines(), []
    work = Workspace("tuned", folder, log, lambda done, total, note: told.append(note), stop)
    preference_policy.run(check(Direct, settings, "tuned"), work)
    return folder, log


@pytest.fixture
def given(world, tmp_path):
    preferences = judged(tmp_path / "judged.jsonl", 20)
    return {"model": str(world / "base"), "preferences": preferences, "batch": 8, "learning_rate": 0.01}


@pytest.mark.parametrize("lora", [None, {"rank": 2}])
def test_a_preference_becomes_a_policy(world, given, tmp_path, lora):
    folder, log = directed(tmp_path / "it", **given, epochs=6, lora=lora, evaluate_every=5)
    assert len(log) == math.ceil(17 * 6 / 8)  # 3 of 20 prompts are held out, and two judgements are one item
    assert log[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert log[0]["chosen_drift"] == pytest.approx(0, abs=1e-4)
    assert [row["step"] for row in log if "held_out_accuracy" in row] == [4, 9, 12]
    assert log[-1]["held_out_accuracy"] == 1.0
    assert log[-1]["held_out_loss"] < 0.6
    AutoModelForCausalLM.from_pretrained(folder / "model", use_safetensors=True)
    tuned, tokenizer = load(str(folder / "model"))
    base, _ = load(given["model"])
    assert log_ratio(tuned, base, tokenizer, LIKED) > log_ratio(tuned, base, tokenizer, DISLIKED) + 1


@torch.no_grad()
def log_ratio(tuned, base, tokenizer, text):
    asked, (answer, _) = (
        tokenizer.inner("Report 0:", return_tensors="pt").input_ids,
        tokenizer.response_ids(text),
    )
    ids = torch.cat([asked, torch.tensor([answer])], dim=1)
    now, before = (model.network(input_ids=ids[:, :-1]).logits.log_softmax(-1) for model in (tuned, base))
    gained = (now - before).gather(-1, ids[:, 1:, None]).squeeze(-1)
    return gained[0, asked.shape[1] - 1 :].sum().item()


def test_one_judgement_of_each_is_half_a_vote(given, tmp_path):
    """Two people who disagree teach nothing: the best policy is the reference, and the gradient is 0."""
    texts = {"input_text": "Report:", "candidate_0": LIKED, "candidate_1": DISLIKED}
    lines = [json.dumps({**texts, "choice": choice}) + "\n" for choice in (0, 1)]
    (tmp_path / "torn.jsonl").write_text("".join(lines))
    settings = {**given, "preferences": str(tmp_path / "torn.jsonl"), "held_out": 0, "steps": 2}
    _, log = directed(tmp_path / "it", **settings)
    assert log[0]["grad_norm"] < 1e-5
    assert log[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert "held_out_accuracy" not in log[-1]


def test_held_out_judgements_are_not_learned_from(given, tmp_path):
    """Whatever people said of the held-out prompts, the policy is the same; not so its accuracy on them."""
    found = rows(tmp_path / "judged.jsonl")
    out = held_out([row["input_text"] for row in found], 0.3, seed=0)
    turned = [
        {**row, "choice": 1 - row["choice"]} if is_out else row
        for row, is_out in zip(found, out, strict=True)
    ]
    (tmp_path / "turned.jsonl").write_text("".join(json.dumps(row) + "\n" for row in turned))
    settings = {**given, "held_out": 0.3, "epochs": 4}
    first, log = directed(tmp_path / "first", **settings)
    settings["preferences"] = str(tmp_path / "turned.jsonl")
    second, turned_log = directed(tmp_path / "second", **settings)
    assert weights_hash(load(str(first / "model"))[0]) == weights_hash(load(str(second / "model"))[0])
    assert (log[-1]["held_out_accuracy"], turned_log[-1]["held_out_accuracy"]) == (1.0, 0.0)


def test_ties_say_nothing_of_an_accuracy(given, tmp_path):
    ties = judged(tmp_path / "ties.jsonl", 4, choice=None)
    _, log = directed(tmp_path / "it", **{**given, "preferences": ties, "steps": 1})
    assert "held_out_accuracy" not in log[0]
    assert log[0]["accuracy"] == 0.5


def test_an_interrupted_stage_ends_as_if_nothing_had_happened(given, tmp_path):
    settings = {**given, "steps": 6, "lora": {"rank": 2}, "micro_batch": 3}
    whole, log = directed(tmp_path / "whole", **settings)
    calls = iter(range(10**6))
    with pytest.raises(Interrupted, match="stopped after step 3 of 6"):
        directed(tmp_path / "cut", lambda: next(calls) >= 2, **settings)
    torch.rand(3)  # chance that other work has used up must not matter
    cut, rest = directed(tmp_path / "cut", **settings)
    assert list(rest) == list(log)[3:]
    assert weights_hash(load(str(cut / "model"))[0]) == weights_hash(load(str(whole / "model"))[0])


def test_recomputation_changes_no_result(given, tmp_path):
    results = [
        directed(tmp_path / str(on), **given, steps=2, gradient_checkpointing=on)[1] for on in (False, True)
    ]
    for plain, recomputed in zip(*results, strict=True):
        assert plain == pytest.approx(recomputed, rel=1e-4, abs=1e-6)


def test_what_is_cut_is_told(given, tmp_path):
    _, log = directed(tmp_path / "it", **given, steps=1, max_response_tokens=3)
    assert log[0]["responses_cut"] == 80  # both answers of 20 items, judged twice
    assert "prompts_cut" not in log[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kl_coef": 0}, "kl_coef: input should be greater than 0"),
        ({"label_noise": 0.5}, "label_noise: input should be less than 0.5"),
        ({"beta": 0.1}, "unknown key beta"),
        ({"steps": 3, "epochs": 1}, "give steps or epochs, not both"),
        ({"algorithm": "ppo"}, "algorithm: input should be 'dpo'"),
    ],
)
def test_wrong_settings_are_refused(given, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        directed(tmp_path / "it", **{**given, **changes})


@pytest.mark.parametrize(("asked", "answer"), [(60, 60), (1, 120)])  # tokens at least; 112 can be read
def test_answers_beyond_the_model_are_refused(given, tmp_path, asked, answer):
    texts = {"input_text": "2 " * (asked // 2), "candidate_0": "3 " * (answer // 2), "choice": 0}
    long = judged(tmp_path / "long.jsonl", 2, **texts)
    with pytest.raises(
        UserError, match=r"tuned: the longest prompt and answer of .*long.jsonl have \d+ tokens"
    ):
        directed(tmp_path / "it", **{**given, "preferences": long})


def test_one_number_of_candidates_a_file(given, tmp_path):
    pairs, triples = (
        judged(tmp_path / f"{len(more)}.jsonl", 2, **more) for more in ({}, {"candidate_2": "No."})
    )
    assert pairs != triples
    with pytest.raises(UserError, match=r"tuned: items have \[2, 3\] candidates"):
        directed(tmp_path / "it", **{**given, "preferences": str(tmp_path / "[01].jsonl")})


def test_the_forecast_counts_the_reference(given):
    model = {given["model"]: Forecast(parameters=1e6, layers=2)}
    full, adapters = (
        preference_policy.forecast(check(Direct, {**given, "lora": lora, "epochs": 2}, ""), model)
        for lora in (None, {"rank": 2})
    )
    assert full.steps == math.ceil(
        34 * 2 / 8
    )  # 40 judgements, 15% held out; how many share an item is not read
    # weights, a copy of them, and gradient and moments: 4 + 4 + 12 bytes a weight; adapters: 4 + 2% of 12
    assert full.memory_bytes - adapters.memory_bytes == pytest.approx((20 - 4.24) * 1e6)


def test_a_recipe_from_judgements_to_a_policy(world, tmp_path):
    assert ran(world, RECIPE, tmp_path / "run") == 0
    folder = artifact(tmp_path / "run", "tuned")
    told = rows(folder / "metrics.jsonl")
    assert told[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert told[-1]["loss"] < told[0]["loss"]
    assert "held_out_accuracy" in told[-1]
    assert learned(folder)
    compared = facts(artifact(tmp_path / "run", "report") / "evaluation.json")
    assert [(duel["a"], duel["b"]) for duel in compared["comparisons"]] == [("tuned", "base")]
    assert compared["policies"]["tuned"]["kl_per_answer"] != 0
    assert "tuned" in (tmp_path / "run" / "report.html").read_text()
