import json
import math
import shutil
from collections import Counter

import pytest
import torch
from stage_world import (
    HELD_OUT,
    PROMPTS,
    WANT,
    WHOLE,
    artifact,
    facts,
    ran,
    rows,
    states,
    tiny_world,
)
from transformers import AutoModelForCausalLM, AutoTokenizer

from assent.data.sources import comparisons
from assent.models.load import load, load_reward, saved_template, weights_hash
from assent.models.sampler import Sampling
from assent.pipeline.runner import Options
from assent.records import Prompt


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The whole loop, run once: `world / "run"`."""
    folder = tiny_world(tmp_path_factory.mktemp("world"))
    assert ran(folder, WHOLE, folder / "run") == 0
    return folder


@pytest.fixture(scope="module")
def out(world):
    return world / "run"


@pytest.fixture
def copy(world, tmp_path):
    """The finished run, to be changed."""
    shutil.copytree(world, tmp_path / "world")
    return tmp_path / "world"


def stems(out):
    return {name: state["key"] for name, state in states(out).items()}


@pytest.mark.parametrize("name", ["base", "sft", "adapted", "tuned", "judge"])
def test_a_model_is_a_folder_that_transformers_loads(out, name):
    folder = artifact(out, name) / "model"
    network = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("Report: On Monday", return_tensors="pt").input_ids
    assert network(ids).logits.shape[-1] == len(tokenizer)
    assert tokenizer.decode(ids[0]) == "Report: On Monday"


def test_a_template_stays_with_the_model(out):
    prefixes = {name: saved_template(str(artifact(out, name) / "model")).prefix for name in ("base", "tuned")}
    assert prefixes == {"base": "", "tuned": "Report: "}


def test_each_training_changed_the_weights(out):
    models = [load(str(artifact(out, name) / "model"))[0] for name in ("base", "sft", "adapted", "tuned")]
    assert len({weights_hash(model) for model in models}) == 4


def test_language_losses_fall_and_are_told(out):
    for name, steps in (("base", 8), ("sft", 12)):
        told = rows(artifact(out, name) / "metrics.jsonl")
        assert [row["step"] for row in told] == list(range(steps))
        assert {"loss", "learning_rate", "grad_norm", "tokens"} <= told[0].keys()
        assert told[-1]["loss"] < told[0]["loss"]
    assert [row["step"] for row in told if "held_out_loss" in row] == [3, 7, 11]


def test_candidates_name_the_model_and_the_settings_that_wrote_them(out):
    found = rows(artifact(out, "answers") / "candidates.jsonl")
    assert [row["id"] for row in found] == [f"item-{index}" for index in range(PROMPTS)]
    assert {key for row in found for key in row if key.startswith("candidate_")} == {
        "candidate_0",
        "candidate_1",
    }
    model, _ = load(str(artifact(out, "sft") / "model"))
    [meta] = {json.dumps(row["meta"]) for row in found}
    assert json.loads(meta) == {
        "model": weights_hash(model),
        "policy": "sft",
        "sampling": Sampling(max_new_tokens=12).model_dump(),
        "seed": 3,
    }


def test_judgements_are_of_the_candidates(out):
    judged = comparisons(str(artifact(out, "feedback") / "judgements.jsonl"))
    shown = {row["id"]: row for row in rows(artifact(out, "answers") / "candidates.jsonl")}
    assert len({comparison.item for comparison in judged}) == WANT
    for comparison in judged:
        row = shown[comparison.item]
        assert comparison.prompt.text == row["input_text"]
        assert comparison.candidates == tuple(row[f"candidate_{index}"] for index in comparison.shown_order)


def test_a_reward_models_accuracy_is_that_of_its_held_out_judgements(out):
    folder = artifact(out, "judge")
    told = facts(folder / "reward.json")
    clear = [row for row in rows(folder / "held_out.jsonl") if row["choice"] is not None]
    model, tokenizer = load_reward(str(folder / "model"))
    credit = 0.0
    for row in clear:
        answers, _ = tokenizer.responses([row["candidate_0"], row["candidate_1"]])
        asked, _ = tokenizer.prompts([Prompt(row["input_text"])] * 2)
        left, right = model.scores(asked, answers).tolist()
        credit += 0.5 if left == right else float((left < right) == bool(row["choice"]))
    assert told["n"] == len(clear) == sum(point["count"] for point in told["reliability"])
    assert told["accuracy"] == pytest.approx(credit / len(clear))
    assert 0 <= told["ci_low"] <= told["accuracy"] <= told["ci_high"] <= 1
    left_clicks = sum(row["choice"] == 0 for row in clear)
    assert told["baselines"]["always_left"] == pytest.approx(left_clicks / len(clear))
    assert math.isfinite(told["loss"])


def test_no_prompt_is_on_both_sides_of_the_split(out):
    judged = rows(artifact(out, "feedback") / "judgements.jsonl")
    unseen = {row["input_text"] for row in rows(artifact(out, "judge") / "held_out.jsonl")}
    assert len(unseen) == round(0.4 * WANT)
    kept_back = [row for row in judged if row["input_text"] in unseen]
    assert len(kept_back) == len(rows(artifact(out, "judge") / "held_out.jsonl"))


def test_rewards_are_normalised_once_and_functions_are_not(out):
    model, plain = facts(artifact(out, "tuned") / "rewards.json")
    assert (model["name"], model["weight"]) == ("judge", 1.0)
    assert model["scale"] > 0
    assert model["scale"] != 1
    assert plain == {"name": "rewards:brevity", "weight": 0.01, "offset": 0.0, "scale": 1.0}


def test_a_policy_starts_at_its_reference(out):
    told = rows(artifact(out, "tuned") / "metrics.jsonl")
    assert [row["step"] for row in told] == list(range(12))
    assert told[0]["kl"] == pytest.approx(0, abs=1e-5)
    assert any(abs(row["kl"]) > 1e-3 for row in told[1:])
    for row in told:
        assert 0 <= row["end_rate"] <= 1
        assert 1 <= row["length"] <= 12
        assert row["score"] == pytest.approx(
            row["reward/judge"] + 0.01 * row["reward/rewards:brevity"], rel=1e-4, abs=1e-5
        )


def test_comparisons_follow_from_the_answers(out):
    folder = artifact(out, "report")
    told, answers = facts(folder / "evaluation.json"), rows(folder / "answers.jsonl")
    assert len(answers) == HELD_OUT
    pairs = [(c["a"], c["b"], c["judge"]) for c in told["comparisons"]]
    assert told["judges"] == {"gold": "How good each response is, 0..1; a perfect brief has exactly 1."}
    later = [("tuned", "sft"), ("best_of_2", "sft"), ("best_of_2", "tuned")]
    assert pairs == [(a, b, judge) for judge in ("gold", "score") for a, b in later]
    for compared in told["comparisons"]:
        scores = [
            [row["answers"][compared[side]]["scores"][compared["judge"]] for side in ("a", "b")]
            for row in answers
        ]
        counts = Counter((a > b) - (a < b) for a, b in scores)
        assert [compared["wins"], compared["losses"], compared["ties"]] == [counts[1], counts[-1], counts[0]]
        assert compared["win_rate"] == pytest.approx((counts[1] + counts[0] / 2) / HELD_OUT)
        assert compared["ci_low"] <= compared["win_rate"] <= compared["ci_high"]


def test_means_follow_from_the_answers(out):
    folder = artifact(out, "report")
    told, answers = facts(folder / "evaluation.json")["policies"], rows(folder / "answers.jsonl")
    for name, means in told.items():
        given = [row["answers"][name] for row in answers]
        assert means["gold_mean"] == pytest.approx(sum(a["scores"]["gold"] for a in given) / HELD_OUT)
        assert means["score_mean"] == pytest.approx(sum(a["scores"]["score"] for a in given) / HELD_OUT)
        assert means["length_mean"] == pytest.approx(sum(a["length"] for a in given) / HELD_OUT)
        assert means["end_rate"] == pytest.approx(sum(a["ended"] for a in given) / HELD_OUT)
    assert told["sft"]["kl_per_answer"] == pytest.approx(0, abs=1e-5)
    assert told["tuned"]["kl_per_answer"] != 0
    assert told["best_of_2"]["kl_per_answer"] is None


def test_a_learned_score_is_in_deviations_of_the_first_policys_answers(out):
    answers = rows(artifact(out, "report") / "answers.jsonl")
    scores = torch.tensor([row["answers"]["sft"]["scores"]["score"] for row in answers])
    assert scores.mean().item() == pytest.approx(0, abs=1e-4)
    assert scores.std(correction=0).item() == pytest.approx(1, abs=1e-4)


def test_the_best_of_two_scores_no_lower_than_its_first_draw(out):
    """Draws are numbered, so the first of the two is what the plain policy wrote."""
    for row in rows(artifact(out, "report") / "answers.jsonl"):
        first, best = row["answers"]["sft"], row["answers"]["best_of_2"]
        assert best["scores"]["score"] >= first["scores"]["score"] - 1e-5


def test_the_summary_and_the_report(out):
    summary = facts(out / "summary.json")
    assert summary["policies"].keys() == {"sft", "tuned", "best_of_2"}
    assert len(summary["comparisons"]) == 6
    assert {"accuracy", "ci_low", "ci_high", "n"} <= summary["reward_model"].keys()
    assert summary["seconds"].keys() == states(out).keys()
    assert summary["peak_rss_mb"] > 0
    assert "<html" in (out / "report.html").read_text()


def test_a_second_run_does_nothing(copy, capfd):
    before = stems(copy / "run")
    files = sorted(path.stat().st_mtime_ns for path in (copy / "run" / "artifacts").rglob("*"))
    assert ran(copy, WHOLE, copy / "run", Options()) == 0
    said = capfd.readouterr()
    assert (said.out + said.err).count("done already") == 8
    assert stems(copy / "run") == before
    assert sorted(path.stat().st_mtime_ns for path in (copy / "run" / "artifacts").rglob("*")) == files


def test_a_policys_setting_makes_the_policy_and_the_report_anew(copy):
    before = stems(copy / "run")
    overrides = ("tuned.kl_coef=0.5", "tuned.steps=2")
    assert ran(copy, WHOLE, copy / "run", overrides=overrides) == 0
    after = stems(copy / "run")
    assert {name for name in after if after[name] != before[name]} == {"tuned", "report"}
