"""The guard at a stage: a planted hack is seen, the good weights are kept, and a kill changes nothing."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from stage_world import made, rows
from tiny_folders import tiny_folder

from assent.config import check
from assent.errors import Interrupted, UserError
from assent.evaluation.curves import guard_charts
from assent.stages import policy as policy_stage
from assent.stages.policy_config import Config

REWARDS = """
def length(prompts, responses):
    return [float(len(response)) for response in responses]

def brevity(prompts, responses):
    return [-float(len(response)) for response in responses]

def nothing(prompts, responses):
    return [0.0] * len(responses)
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Policies of two families, prompts, and rewards that contradict each other."""
    root = tmp_path_factory.mktemp("world")
    for family in ("gpt2", "t5"):
        tiny_folder(family, root / family)
    asked = [{"input_text": f"{name} has {count}"} for name in ("She", "Lily", "Tom") for count in range(20)]
    (root / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    (root / "few.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked[:12]))
    (root / "f.py").write_text(REWARDS)
    return root


@pytest.fixture
def given(world):
    return settings_of(world, "gpt2")


def settings_of(world, family):
    return {
        "model": str(world / family),
        "prompts": str(world / "prompts.jsonl"),
        "rewards": [{"function": f"{world}/f.py:length"}],
        "guard": {"judge": {"function": f"{world}/f.py:brevity"}, "every": 3, "held_out": 0.5},
        "batch": 8,
        "minibatch": 8,
        "epochs": 2,
        "steps": 12,
        "kl_coef": 0.01,
        "learning_rate": 0.02,
        "optimiser": {"schedule": "constant"},
        "until": {"stop_when_severe": False},  # what the doctor says is tested elsewhere
        "sampling": {"max_new_tokens": 8},
    }


def guarded(given, **changes):
    return {**given, "guard": {**given["guard"], **changes}}


def judge_of(world, name):
    return {"judge": {"function": f"{world}/f.py:{name}"}}


def weights_of(folder):
    return load_file(folder / "model" / "model.safetensors")


def same(left, right):
    mine, theirs = weights_of(left), weights_of(right)
    return all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_a_planted_hack_is_seen_and_the_weights_before_it_are_kept(world, tmp_path, capsys, family):
    folder, log = made("policy", tmp_path, **settings_of(world, family))
    looks = [row for row in log if "guard_alarms" in row]
    assert [row["guard_alarms"] for row in looks] == [0.0] * (len(looks) - 1) + [1.0]
    assert looks[-1]["step"] == log[-1]["step"] < 11  # it stopped there
    # what is paid for is the judge's score with its sign changed: so is its rise
    assert all(row["guard_judge/f:brevity"] == pytest.approx(-row["guard_proxy"]) for row in looks)
    assert looks[-1]["guard_proxy"] > 0.3
    said = (folder / "message.txt").read_text()
    assert "the reward is over-optimised, seen after" in said
    assert said.endswith("kept the weights it began with, which f:brevity likes best")
    assert "policy: the reward is over-optimised" in capsys.readouterr().out
    started = load_file(world / family / "model.safetensors")
    assert all(torch.equal(tensor, started[name]) for name, tensor in weights_of(folder).items())


def test_what_was_looked_at_can_be_read(given, world, tmp_path):
    folder, log = made("policy", tmp_path, **guarded(given, false_alarms=1e-200))
    shown = rows(folder / "guard.jsonl")
    asked = [row["prompt"] for row in shown if row["step"] == 0]
    assert len(asked) == len(set(asked)) == 30  # half of sixty
    assert {row["step"] for row in shown} == {0, 3, 6, 9, 12}
    for done in (3, 12):
        look = [row for row in shown if row["step"] == done]
        assert [row["prompt"] for row in look] == asked
        assert all(row["reward"] == len(row["answer"]) == -row["judges"]["f:brevity"] for row in look)
    start, last = (np.array([len(row["answer"]) for row in shown if row["step"] == done]) for done in (0, 12))
    assert log[-1]["guard_proxy"] == pytest.approx((last.mean() - start.mean()) / start.std())


def test_prompts_that_are_looked_at_are_not_learned_from(given, world, tmp_path, monkeypatch):
    learned = set()
    train = policy_stage.train_policy

    def noted(players, questions, *others, **named):
        learned.update(record.text for step in range(12) for record in questions(step).records)
        train(players, questions, *others, **named)

    monkeypatch.setattr(policy_stage, "train_policy", noted)
    folder, _ = made("policy", tmp_path, **given)
    assert learned
    assert not learned & {row["prompt"] for row in rows(folder / "guard.jsonl")}


def test_a_clean_run_ends_as_without_a_guard(given, world, tmp_path, capsys):
    clean = {**given, **{"guard": {**given["guard"], **judge_of(world, "nothing")}}}
    folder, log = made("policy", tmp_path / "guarded", **clean)
    assert len(log) == 12
    assert (folder / "message.txt").read_text().splitlines()[-1] == (
        "the guard raised no alarm: f:nothing stayed where it was (+0.00, 95% interval +0.00 to +0.00), "
        f"while the reward changed by {log[-1]['guard_proxy']:+.2f}, in deviations of the answers before "
        "training"
    )
    assert "over-optimised" not in capsys.readouterr().out
    # `until` without patience holds the same prompts out, and its last look is the highest
    free, _ = made(
        "policy",
        tmp_path / "free",
        **{**clean, "guard": None, "until": {"every": 12, "held_out": 0.5, "stop_when_severe": False}},
    )
    assert same(folder, free)


@pytest.mark.parametrize("algorithm", ["grpo", "rloo", "best_of_n"])
def test_every_algorithm_that_draws_answers_can_be_guarded(given, tmp_path, algorithm):
    settings = {**given, "algorithm": algorithm, "credit": {"group": 2}, "learning_rate": 0.03, "epochs": 4}
    folder, log = made("policy", tmp_path, **settings)
    assert log[-1]["guard_alarms"] == 1.0
    assert "kept the weights" in (folder / "message.txt").read_text()


def test_dpo_draws_no_answers(given):
    with pytest.raises(UserError, match="tuned: guard: dpo has no reward that could be over-optimised"):
        policy_stage.config_class({"algorithm": "dpo", "guard": given["guard"]}, "tuned")


def test_a_lower_rate_goes_on(given, tmp_path):
    folder, log = made("policy", tmp_path, **guarded(given, action="lower_rate", rate_factor=0.1))
    assert len(log) == 12
    alarm = next(row["step"] for row in log if row.get("guard_alarms"))
    assert {row["learning_rate"] for row in log[: alarm + 1]} == {0.02}
    assert log[alarm + 1]["learning_rate"] == pytest.approx(0.002)
    assert log[alarm + 1]["kl"] == pytest.approx(0, abs=1e-5)  # the best weights were the first
    assert "the guard lowered the learning rate to" in (folder / "message.txt").read_text()


@pytest.mark.parametrize(("action", "stops"), [("stop", 1), ("stop", 4), ("lower_rate", 7)])
def test_a_guarded_run_is_resumed_as_if_nothing_had_happened(given, tmp_path, action, stops):
    settings = guarded(given, action=action, false_alarms=0.01)
    whole, log = made("policy", tmp_path / "whole", **settings)
    asked = iter([False] * (stops - 1) + [True] + [False] * 12)
    with pytest.raises(Interrupted):
        made("policy", tmp_path / "cut", lambda: next(asked), **settings)
    torch.rand(3)
    cut, rest = made("policy", tmp_path / "cut", **settings)
    assert rest == log[stops:]
    assert same(cut, whole)
    assert (cut / "guard.jsonl").read_bytes() == (whole / "guard.jsonl").read_bytes()
    # the doctor reads metrics.jsonl, which is not written here: its lines are left out
    told, expected = (
        [line for line in (each / "message.txt").read_text().splitlines() if "f:brevity" in line]
        for each in (cut, whole)
    )
    assert len(expected) >= 2
    assert told == expected


def test_with_a_guard_its_judge_decides_what_until_keeps(given, world, tmp_path):
    settings = {
        **guarded(given, false_alarms=1e-200),
        "until": {"every": 2, "patience": 2, "held_out": 0.5, "stop_when_severe": False},
        "learning_rate": 0.01,
    }
    folder, log = made("policy", tmp_path, **settings)
    told = [row["held_out_judge"] for row in log if "held_out_judge" in row]
    assert max(told) < 0  # minus a length, in deviations
    assert not any("held_out_score" in row for row in log)
    best = [row["step"] for row in log if "held_out_judge" in row][int(np.argmax(told))]
    if best != 11:
        assert (
            f"kept the weights of step {best}, held-out score of the guard's judges"
            in (folder / "message.txt").read_text()
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"judge": {"function": "f.py:length", "name": "another"}}, "guard.judge: it is one of the rewards"),
        ({"judge": {"function": "f.py:brevity", "clip": 1.0}}, "judge.clip: it is for a reward among others"),
        ({"judge": {"function": "f.py:brevity", "normalise": True}}, "judge.normalise: it is for a reward"),
        ({"judge": {"function": "f.py:brevity", "weight": 0}}, "judge.weight: 0 leaves nothing of it"),
        ({"judge": {}}, "give one of"),
        ({"judge": []}, "guard.judge"),
        ({"judge": [{"function": "f.py:brevity"}, {"function": "f.py:length"}]}, "it is one of the rewards"),
        ({"judge": {"function": "f.py:brevity"}, "evry": 3}, "did you mean every"),
        ({"judge": {"function": "f.py:brevity"}, "action": "warn"}, "guard.action"),
    ],
)
def test_mistakes_are_named(given, changes, message):
    values = {**given, "rewards": [{"function": "f.py:length", "weight": 2.0}], "guard": changes}
    with pytest.raises(UserError, match=message):
        check(Config, values, "tuned")


def test_a_judge_below_0_is_better_when_lower(given, world, tmp_path):
    settings = guarded(given, judge={"function": f"{world}/f.py:length", "weight": -2.0})
    settings["rewards"] = [{"function": f"{world}/f.py:nothing"}]
    folder, _ = made("policy", tmp_path, **{**settings, "steps": 1})
    assert all(row["judges"]["f:length"] == -2 * len(row["answer"]) for row in rows(folder / "guard.jsonl"))


def test_several_judges_are_followed_side_by_side(given, world, tmp_path):
    judges = [{"function": f"{world}/f.py:{name}"} for name in ("nothing", "brevity")]
    folder, log = made("policy", tmp_path, **guarded(given, judge=judges))
    assert "f:brevity fell by" in (folder / "message.txt").read_text()
    assert rows(folder / "guard.jsonl")[0]["judges"].keys() == {"f:nothing", "f:brevity"}
    [chart] = guard_charts(log)
    assert [series["label"] for series in chart["series"]] == ["reward", "f:nothing", "f:brevity"]
    with pytest.raises(UserError, match=r"guard.judge: two are called f:brevity: give one a `name`"):
        made("policy", tmp_path / "twice", **guarded(given, judge=[judges[1], judges[1]]))


def test_too_few_prompts_are_refused(given, world, tmp_path):
    with pytest.raises(UserError, match="guard: 6 of 12 prompts are held out, too few to tell a fall"):
        made("policy", tmp_path, **{**given, "prompts": str(world / "few.jsonl")})


def test_the_chart_shows_both_against_the_root_of_the_kl(given, tmp_path):
    _, log = made("policy", tmp_path, **guarded(given, false_alarms=1e-200))
    [chart] = guard_charts(log)
    assert (chart["across"], chart["band"]) == ("sqrt(KL)", "95% interval")
    assert [series["label"] for series in chart["series"]] == ["reward", "f:brevity"]
    looks = [row for row in log if "guard_proxy" in row]
    ends = sorted((row["guard_sqrt_kl"], row["guard_judge/f:brevity"]) for row in looks)
    assert chart["series"][1]["steps"] == pytest.approx([0.0, *(x for x, _ in ends)])
    assert chart["series"][1]["bold"] == pytest.approx([0.0, *(y for _, y in ends)], rel=1e-5)
    assert all(
        low <= value <= high
        for low, value, high in zip(
            chart["bands"][1]["low"], chart["series"][1]["bold"], chart["bands"][1]["high"], strict=True
        )
    )
    assert guard_charts([{"step": 0, "score": 1.0}]) == []
    unmeasured = [{key: value for key, value in row.items() if key != "guard_sqrt_kl"} for row in looks]
    assert guard_charts(unmeasured)[0]["across"] == "step"
    assert guard_charts(unmeasured)[0]["series"][0]["steps"] == [0, 3, 6, 9, 12]
