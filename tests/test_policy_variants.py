"""The options of the `policy` stage, a tiny stage each, causal and encoder-decoder."""

import json

import pytest
import torch
from safetensors.torch import load_file
from stage_world import made
from tiny_folders import SENTENCES, tiny_folder

from assent.config import check
from assent.errors import Interrupted, Stopped, UserError
from assent.models.heads import RewardModel
from assent.models.load import load, save_reward, weights_hash
from assent.models.tokenizer import Template
from assent.records import Prompt
from assent.stages import policy as policy_stage
from assent.stages.policy_config import Config

ASKED = ["She", "One day, she saw", "The ball", "Once upon a time", "a big, red ball", "her friend"]
REWARDS = """
def length(prompts, responses):
    return [float(len(response)) for response in responses]

def nothing(prompts, responses):
    return [0.0] * len(responses)
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Policies and judges of two families, prompts, rewards, and text."""
    root = tmp_path_factory.mktemp("world")
    for family in ("gpt2", "t5"):
        body, tokenizer = load(str(tiny_folder(family, root / family)))
        torch.manual_seed(2)
        save_reward(RewardModel(body), tokenizer, root / f"{family}-judge")
    (root / "prompts.jsonl").write_text("".join(json.dumps({"input_text": text}) + "\n" for text in ASKED))
    (root / "f.py").write_text(REWARDS)
    (root / "text.txt").write_text("\n".join(SENTENCES * 4))
    return root


@pytest.fixture(params=["gpt2", "t5"])
def given(request, world):
    """What a stage asks for, and what keeps it small."""
    return settings_of(world, request.param)


def settings_of(world, family):
    return {
        "model": str(world / family),
        "prompts": str(world / "prompts.jsonl"),
        "rewards": [{"function": f"{world}/f.py:length"}],
        "batch": 4,
        "minibatch": 4,
        "epochs": 2,
        "steps": 3,
        "learning_rate": 0.01,
        "sampling": {"max_new_tokens": 5},
    }


@pytest.fixture
def parties(monkeypatch):
    """The parties of the next stage, which then trains nothing."""
    seen = []
    monkeypatch.setattr(policy_stage, "train_policy", lambda players, *_, **__: seen.append(players))
    return seen


def test_a_price_of_0_loads_no_reference(given, tmp_path, parties, monkeypatch):
    made("policy", tmp_path / "priced", **given)
    monkeypatch.setattr("assent.models.load.frozen_copy", None)  # so a copy would be an error
    made("policy", tmp_path / "free", **given, kl_coef=0)
    assert [players.reference is None for players in parties] == [False, True]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kl": {"target": 1.0}}, "kl.target: kl_coef 0 loads no reference to measure the KL from"),
        ({"until": {"every": 1, "max_kl": 1.0}}, "until.max_kl: kl_coef 0 loads no reference"),
    ],
)
def test_without_a_reference_nothing_can_rest_on_its_kl(given, settings, message):
    with pytest.raises(UserError, match=message):
        check(Config, {**given, "kl_coef": 0, **settings}, "tuned")


@pytest.mark.parametrize("lora", [None, {"rank": 2}])
def test_a_critic_of_its_own_begins_as_a_copy_of_the_policy(given, tmp_path, parties, lora):
    folder, _ = made("policy", tmp_path, **given, critic="policy", lora=lora)
    [players], (model, tokenizer) = parties, load(given["model"])
    prompts, (responses, _) = tokenizer.prompts([Prompt("She")])[0], tokenizer.responses(["saw"])
    with torch.no_grad():
        expected = model.states(prompts, responses)
        assert torch.equal(players.critic.body.states(prompts, responses), expected)
        for parameter in players.policy.learning():
            parameter.add_(1.0)
        assert torch.equal(players.critic.body.states(prompts, responses), expected)  # nothing is shared
    assert load_file(folder / "critic" / "score_head.safetensors")["linear.weight"].abs().max() == 0


def test_a_critic_begun_from_the_reward_model_says_what_that_pays(given, world, tmp_path, parties):
    judge = f"{given['model']}-judge"
    rewards = [{"function": f"{world}/f.py:length"}, {"model": judge, "weight": -2.0}]
    folder, _ = made("policy", tmp_path, **{**given, "rewards": rewards}, critic="reward", normalise_on=16)
    [players] = parties
    tokenizer = load(given["model"])[1]
    asked = [Prompt(text) for text in ASKED[:3]]
    (prompts, _), (responses, _) = (
        tokenizer.prompts(asked),
        tokenizer.responses(["saw", "the ball", "a park."]),
    )
    _, parts = players.score(asked, responses)
    paid = -2.0 * parts[:, 1]  # normalised: weight * (score - offset) / scale
    longer = [torch.cat([x, x[:, -1:]], dim=1) for x in (responses.ids, responses.mask)]
    for row, length in enumerate(responses.lengths.tolist()):
        ids, mask = (x[row : row + 1, : length + 1].clone() for x in longer)
        mask[:] = True  # one token more: the value before it is that of the finished answer
        one = prompts.rows(slice(row, row + 1)).left_trimmed()
        with torch.no_grad():
            value = players.critic.values(torch.zeros(1, 1, 16), one, type(one)(ids, mask))[0, length]
        assert value.item() == pytest.approx(paid[row].item(), abs=1e-3)
    assert json.loads((folder / "rewards.json").read_text())[1]["weight"] == -2.0


@pytest.mark.parametrize("critic", ["shared", "policy", "reward"])
def test_a_critic_learns(given, tmp_path, critic):
    judge = f"{given['model']}-judge"
    changes = {"rewards": [{"model": judge}], "normalise_on": 4, "kl_coef": 0}
    folder, log = made("policy", tmp_path, **{**given, **changes}, critic=critic)
    assert all(row["value_loss"] > 0 for row in log)
    head = "model/value_head.safetensors" if critic == "shared" else "critic/score_head.safetensors"
    learned = load_file(folder / head)["linear.weight"]
    facts = json.loads((folder / "rewards.json").read_text())[0]
    start = load_file(f"{judge}/score_head.safetensors")["linear.weight"] / facts["scale"]
    moved = learned - start if critic == "reward" else learned
    assert moved.abs().max() > 1e-3


def test_a_reward_model_that_reads_other_tokens_is_no_critic(world, tmp_path):
    settings = settings_of(world, "gpt2") | {
        "rewards": [{"model": str(world / "t5-judge")}],
        "normalise_on": 4,
    }
    with pytest.raises(
        UserError, match="the tokenizer or the template of t5-judge is another; use critic: policy"
    ):
        made("policy", tmp_path / "vocabulary", **settings, critic="reward")
    body, tokenizer = load(str(world / "gpt2"), template=Template(prefix="Say: "))
    save_reward(RewardModel(body), tokenizer, tmp_path / "templated")
    settings["rewards"] = [{"model": str(tmp_path / "templated")}]
    with pytest.raises(UserError, match="the tokenizer or the template of templated is another"):
        made("policy", tmp_path / "template", **settings, critic="reward")


def test_a_critic_from_a_reward_needs_one_with_a_model(given, tmp_path):
    with pytest.raises(UserError, match="critic: reward needs a reward with a model; use critic: policy"):
        made("policy", tmp_path, **given, critic="reward")


@pytest.mark.parametrize("critic", ["shared", "policy"])
def test_gradient_checkpointing_gives_the_same_weights(given, tmp_path, critic):
    runs = [
        made("policy", tmp_path / str(on), **given, critic=critic, gradient_checkpointing=on)
        for on in (False, True)
    ]
    (plain, log), (again, its_log) = runs
    weights, others = (load_file(folder / "model" / "model.safetensors") for folder in (plain, again))
    for name, tensor in weights.items():
        assert torch.allclose(others[name], tensor, atol=1e-5), name
    assert [row["score"] for row in its_log] == [row["score"] for row in log]


@pytest.mark.parametrize("algorithm", ["grpo", "rloo", "best_of_n"])
def test_answers_to_one_prompt_compared(given, tmp_path, monkeypatch, algorithm):
    asked, train = [], policy_stage.train_policy

    def noted(players, questions, *others, **named):
        asked.extend(record.text for record in questions(0).records)
        train(players, questions, *others, **named)

    monkeypatch.setattr(policy_stage, "train_policy", noted)
    group = {"algorithm": algorithm, "credit": {"group": 2}}
    folder, log = made("policy", tmp_path, **given, **group)
    assert len(log) == 3
    assert {"score", "kl", "entropy", "length", "policy_loss", "grad_norm", "kl_coef"} <= log[0].keys()
    assert not {"value_loss", "explained_variance"} & log[0].keys()
    assert not (folder / "model" / "value_head.safetensors").exists()
    assert asked[0] == asked[1] != asked[2] == asked[3]  # side by side
    assert weights_hash(load(str(folder / "model"))[0]) != weights_hash(load(given["model"])[0])
    # without `steps`, one pass over 6 prompts, 2 a step
    assert check(Config, {**given, **group, "steps": None}, "").updates_of(6) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 6, "minibatch": 6}, r"6 answers are no whole number of groups of 4 \(credit.group\)"),
        ({"critic": "policy"}, "critic: grpo has none: leave it out"),
    ],
)
def test_settings_that_a_group_cannot_have(given, settings, message):
    with pytest.raises(UserError, match=message):
        check(Config, {**given, "algorithm": "grpo", **settings}, "tuned")


@pytest.mark.parametrize("normalise", [True, False])
def test_text_is_learned_from_beside(given, world, tmp_path, normalise):
    mix = {"data": str(world / "text.txt"), "batch": 2, "coef": 2.0, "normalise": normalise, "context": 24}
    _, log = made("policy", tmp_path, **{**given, "steps": 12}, mix=mix)
    assert all(row["mix_grad_norm"] > 0 and row["policy_grad_norm"] > 0 for row in log)
    first, last = (sum(row["mix_loss"] for row in rows) / 3 for rows in (log[:3], log[-3:]))
    assert last < first - 0.05


UNTIL = {"every": 1, "patience": 2, "held_out": 0.34}


def flat(given, world, **changes):
    """Nothing ever rises, but text moves the weights; and the rate knows not how many steps are planned."""
    mix = {"data": str(world / "text.txt"), "batch": 2, "normalise": False, "context": 24}
    rewards = [{"function": f"{world}/f.py:nothing"}]
    fixed = {"rewards": rewards, "mix": mix, "optimiser": {"schedule": "constant"}, "until": UNTIL}
    return {**given, **fixed, **changes}


def test_training_ends_when_nothing_rises_and_the_best_weights_are_kept(given, world, tmp_path):
    folder, log = made("policy", tmp_path / "long", **flat(given, world, steps=9))
    assert [row["held_out_score"] for row in log] == [0.0] * 3
    assert (folder / "message.txt").read_text() == (
        "kept the weights of step 0, held-out score 0: no rise in 2 evaluations"
    )
    short, _ = made("policy", tmp_path / "short", **flat(given, world, steps=1))
    for name in ("model.safetensors", "value_head.safetensors"):
        mine, theirs = (load_file(each / "model" / name) for each in (folder, short))
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in mine.items())
    assert not (short / "message.txt").exists()  # its last step is its best


def test_a_run_with_a_watch_is_resumed_as_if_nothing_had_happened(given, world, tmp_path):
    settings = flat(given, world, steps=9, shaping={"running": True}, kl={"target": 0.1, "horizon": 20})
    whole, log = made("policy", tmp_path / "whole", **settings)
    stops = iter([False, True])
    with pytest.raises(Interrupted, match="stopped after step 2 of 9"):
        made("policy", tmp_path / "cut", lambda: next(stops), **settings)
    torch.rand(3)
    cut, rest = made("policy", tmp_path / "cut", **settings)
    assert rest == log[2:]
    for name in ("model.safetensors", "value_head.safetensors"):
        mine, theirs = (load_file(each / "model" / name) for each in (cut, whole))
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in mine.items())
    assert (cut / "message.txt").read_text() == (whole / "message.txt").read_text()


def test_weights_too_far_from_the_reference_are_never_the_best(given, tmp_path):
    until = {"every": 1, "held_out": 0.34, "max_kl": 1e-9}
    with pytest.raises(Stopped, match="no evaluation was within until"):
        made("policy", tmp_path, **given, until=until, kl={"estimator": "full"})
    assert not (tmp_path / "checkpoints" / "best.safetensors").exists()
