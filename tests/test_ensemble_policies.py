"""Rewards with several members, and encoders, in the `policy` stage: the log, the critic, what is refused."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from stage_world import made
from test_policy_variants import ASKED
from tiny_encoders import tiny_encoder
from tiny_folders import tiny_folder

from assent.config import check
from assent.errors import RewardError, UserError
from assent.models.heads import RewardModel
from assent.models.load import load, load_reward, load_trunk, save_members, save_reward
from assent.models.tokenizer import Template
from assent.records import Prompt
from assent.rewards.composite import Part
from assent.rewards.reward import Ensemble
from assent.stages import policy as policy_stage
from assent.stages.policy_log import part_stats
from assent.stages.reward_parts import RewardPart

PLACES = ("model", "prompts")
NAMES = [f"member {n}" for n in range(3)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A policy, and rewards: three heads, two networks, an encoder."""
    root = tmp_path_factory.mktemp("world")
    body, tokenizer = load(str(tiny_folder("gpt2", root / "gpt2")))
    torch.manual_seed(2)
    save_reward(RewardModel(body, names=NAMES), tokenizer, root / "heads")
    save_members(((RewardModel(body), tokenizer) for _ in range(2)), root / "seeds")
    body, tokenizer = load_trunk(str(tiny_encoder("bert", root / "bert")))
    save_reward(RewardModel(body), tokenizer, root / "encoder")
    (root / "prompts.jsonl").write_text("".join(json.dumps({"input_text": text}) + "\n" for text in ASKED))
    return root


def given(world, reward, **settings):
    return {
        "model": str(world / "gpt2"),
        "prompts": str(world / "prompts.jsonl"),
        "rewards": [{"model": str(world / reward), **settings}],
        "batch": 4,
        "minibatch": 4,
        "epochs": 1,
        "steps": 2,
        "normalise_on": 4,
        "sampling": {"max_new_tokens": 5},
    }


class Disagreeing:
    def __call__(self, prompts, responses):
        return self.members(prompts, responses).mean(axis=1).tolist()

    def members(self, prompts, responses):
        assert (prompts, responses) == (["a", "b"], ["c", "d"])
        return np.array([[1.0, 3.0], [2.0, 2.0]])

    def spread(self, prompts, responses):
        return self.members(prompts, responses).std(axis=1).tolist()


class Drawn:
    parts = torch.tensor([[0.5], [1.5]])


def test_how_far_members_disagree_is_told_in_the_units_of_the_part():
    part = Part("judge", 1.0, Disagreeing(), offset=1.0, scale=2.0)
    stats = part_stats([part], Drawn(), [Prompt("a"), Prompt("b")], ["c", "d"])
    assert stats == {"reward/judge": 1.0, "spread/judge": 0.25}  # (1 + 0) / 2, over a scale of 2


@pytest.mark.parametrize("reward", ["heads", "seeds"])
@pytest.mark.parametrize("combine", ["mean", "lower", "minimum"])
def test_a_policy_learns_from_an_ensemble(world, tmp_path, reward, combine):
    _, log = made("policy", tmp_path, **given(world, reward, ensemble={"combine": combine}))
    assert len(log) == 2
    assert all(row[f"spread/{reward}"] > 0.01 for row in log)
    assert all(row[f"unread/{reward}"] == 0 for row in log)


def test_a_policy_learns_from_an_encoder(world, tmp_path):
    _, log = made("policy", tmp_path, **given(world, "encoder"))
    assert len(log) == 2
    assert "spread/encoder" not in log[0]
    assert "cut/encoder" not in log[0]


def test_answers_that_lost_their_middle_are_counted(world, tmp_path):
    body, tokenizer = load_trunk(str(world / "bert"), template=Template(prefix="one day " * 27))
    longest = max(len(tokenizer.prompt_ids(Prompt(text))[0]) for text in ASKED)
    assert 60 <= longest <= 62  # of 64: an answer of more than a word or two does not fit
    save_reward(RewardModel(body), tokenizer, tmp_path / "wordy")
    settings = given(tmp_path, "wordy", longer="cut") | {key: given(world, "")[key] for key in PLACES}
    _, log = made("policy", tmp_path / "cut", **settings)
    assert any(row["cut/wordy"] > 0 for row in log)
    del settings["rewards"][0]["longer"]
    with pytest.raises(RewardError, match=r"reward wordy: a prompt of \d+ tokens and its answer of"):
        made("policy", tmp_path / "refused", **settings)


def test_a_critic_begun_from_heads_says_what_their_mean_pays(world, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(policy_stage, "train_policy", lambda players, *_, **__: seen.append(players))
    folder, _ = made("policy", tmp_path, **given(world, "heads", weight=-2.0), critic="reward")
    [players], facts = seen, json.loads((folder / "rewards.json").read_text())[0]
    model, tokenizer = load_reward(str(world / "heads"))
    prompts, _ = tokenizer.prompts([Prompt("She")])
    answer, _ = tokenizer.responses(["saw the ball"])
    with torch.no_grad():  # the value before the end token is the score of what stands before it
        states = model.body.states(prompts, answer)[:, :-1]
        values = players.critic.values(states, prompts, answer)
        head = load_file(world / "heads" / "score_head.safetensors")
        means = states @ head["linear.weight"].mean(dim=0) + head["linear.bias"].mean()
    assert torch.allclose(values, -2.0 * (means - facts["offset"]) / facts["scale"], atol=1e-3)


@pytest.mark.parametrize(
    ("reward", "settings", "message"),
    [
        ("heads", {"ensemble": {"combine": "lower"}}, "combined by lower, and a critic's head is linear"),
        ("heads", {"ensemble": {"combine": "minimum"}}, "combined by minimum"),
        ("seeds", {}, "an ensemble of 2 networks, and a critic is one"),
        ("encoder", {}, "an encoder, which reads whole answers only; use critic: policy"),
    ],
)
def test_rewards_that_no_critic_can_begin_from(world, tmp_path, reward, settings, message):
    with pytest.raises(UserError, match=f"critic: reward: {reward} is .*{message}"):
        made("policy", tmp_path, **given(world, reward, **settings), critic="reward")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ensemble": {"combine": "lower"}}, "ensemble: only a reward with `model` has it"),
        ({"longer": "cut"}, "longer: only a reward with `model` has it"),
        ({"ensemble": {"combine": "least"}}, "ensemble.combine: "),
    ],
)
def test_settings_that_only_a_model_has(settings, message):
    with pytest.raises(UserError, match=message):
        check(RewardPart, {"function": "f.py:length", **settings}, "rewards")
    assert RewardPart(function="f.py:length").ensemble == Ensemble()
