"""Several judgements of one answer: taken together by hand, read from disk, and told of in a policy's log."""

import copy
import json

import numpy as np
import pytest
import torch
from tiny_encoders import tiny_encoder

from assent.errors import RewardError, UserError
from assent.models.heads import RewardModel
from assent.models.load import (
    load_members,
    load_reward,
    load_trunk,
    save,
    save_members,
    save_reward,
    saved_size,
)
from assent.records import Prompt
from assent.rewards.learned import LearnedEnsemble, LearnedReward
from assent.rewards.reward import Ensemble, Uncertain
from assent.rewards.saved import saved_reward

ASKED = ["she", "a much longer question", ""]
ANSWERED = ["loved", "", "the ball was red"]
NAMES = ["member 0", "member 1", "member 2"]


def test_taken_together_by_hand():
    members = np.array([[1.0, 2.0, 6.0], [-1.0, -1.0, -1.0]])
    # mean 3, deviations -2, -1, 3: variance 14 / 3; the second row agrees
    spread = (14 / 3) ** 0.5
    assert Ensemble().combined(members).tolist() == [3.0, -1.0]
    assert Ensemble(combine="lower").combined(members).tolist() == pytest.approx([3.0 - spread, -1.0])
    assert Ensemble(combine="lower", spread_coef=0.5).combined(members)[0] == pytest.approx(3.0 - spread / 2)
    assert Ensemble(combine="minimum").combined(members).tolist() == [1.0, -1.0]


@pytest.fixture
def heads(gpt2, tmp_path):
    """The folder of three heads on one trunk."""
    body, tokenizer = gpt2
    save_reward(RewardModel(body, names=NAMES), tokenizer, tmp_path / "heads")
    return str(tmp_path / "heads")


@pytest.fixture
def seeds(gpt2, tmp_path):
    """The folder of two networks."""
    body, tokenizer = gpt2

    def members():
        for seed in (1, 2):
            torch.manual_seed(seed)
            trunk = copy.deepcopy(body)
            with torch.no_grad():
                for parameter in trunk.parameters():
                    parameter.add_(0.05 * torch.randn_like(parameter))
            yield RewardModel(trunk), tokenizer

    save_members(members(), tmp_path / "seeds")
    return str(tmp_path / "seeds")


def column(model, tokenizer, head=0):
    """One head's word on each answer, read alone and unpadded."""
    reward = LearnedReward(model, tokenizer, rows=1)
    return [reward.outputs([p], [r])[0, head] for p, r in zip(ASKED, ANSWERED, strict=True)]


def test_heads_of_one_network(heads):
    reward = saved_reward(heads, Ensemble(combine="minimum"))
    assert isinstance(reward, LearnedReward)
    assert isinstance(reward, Uncertain)
    expected = np.array([column(*load_reward(heads), head) for head in range(3)]).T
    assert reward.members(ASKED, ANSWERED) == pytest.approx(expected, abs=1e-5)
    assert reward(ASKED, ANSWERED) == pytest.approx(expected.min(axis=1), abs=1e-5)
    assert reward.spread(ASKED, ANSWERED) == pytest.approx(expected.std(axis=1, ddof=0), abs=1e-5)
    assert min(reward.spread(ASKED, ANSWERED)) > 0.01


def test_networks_of_one_folder(seeds, tmp_path):
    reward = saved_reward(seeds)
    each = load_members(seeds)
    assert len(each) == 2
    expected = np.array([column(*member) for member in each]).T
    assert reward.members(ASKED, ANSWERED) == pytest.approx(expected, abs=1e-5)
    assert reward(ASKED, ANSWERED) == pytest.approx(expected.mean(axis=1), abs=1e-5)
    assert np.abs(expected[:, 0] - expected[:, 1]).max() > 0.01
    assert saved_size(seeds) == saved_size(f"{seeds}/members/0")
    told = json.loads((tmp_path / "seeds" / "assent.json").read_text())
    assert told == {"kind": "reward", "members": 2}
    with pytest.raises(UserError, match="expected one network, and it is an ensemble of 2"):
        load_reward(seeds)


def test_scores_then_spread_cost_one_reading(heads, monkeypatch):
    reward, read = saved_reward(heads), []
    outputs = RewardModel.outputs
    monkeypatch.setattr(
        RewardModel, "outputs", lambda self, *tokens: read.append(1) or outputs(self, *tokens)
    )
    first = reward(ASKED, ANSWERED)
    reward.spread(tuple(ASKED), tuple(ANSWERED))
    reward.members(ASKED, ANSWERED)
    assert len(read) == 1
    assert reward(ASKED[::-1], ANSWERED[::-1]) == pytest.approx(first[::-1], abs=1e-5)
    assert len(read) == 2


def test_criteria_are_one_judgement(gpt2, tmp_path):
    body, tokenizer = gpt2
    model = RewardModel(body, names=["helpful", "clear"], combine="criteria", weights=[3.0, 1.0])
    save_reward(model, tokenizer, tmp_path)
    reward = saved_reward(str(tmp_path))
    assert not isinstance(reward, Uncertain)
    outputs = reward.outputs(ASKED, ANSWERED)
    assert outputs.shape == (3, 2)
    assert reward(ASKED, ANSWERED) == pytest.approx(outputs @ [0.75, 0.25], abs=1e-6)
    both = LearnedEnsemble([reward, reward], Ensemble())  # two networks, each with two criteria: two members
    assert both.members(ASKED, ANSWERED).shape == (3, 2)
    assert both(ASKED, ANSWERED) == pytest.approx(reward(ASKED, ANSWERED))


def test_one_judgement_has_no_spread(gpt2, tmp_path):
    body, tokenizer = gpt2
    save_reward(RewardModel(body), tokenizer, tmp_path)
    assert not isinstance(saved_reward(str(tmp_path)), Uncertain)
    with pytest.raises(UserError, match="ensemble: lower needs several members, and the model has one"):
        saved_reward(str(tmp_path), Ensemble(combine="lower"))


def test_what_is_no_reward(gpt2, tmp_path):
    save(*gpt2, tmp_path / "policy", kind="policy")
    with pytest.raises(UserError, match="expected the model of a `reward` stage"):
        saved_reward(str(tmp_path / "policy"))
    save(*gpt2, tmp_path / "classes", kind="classes")
    with pytest.raises(UserError, match="name it with `classifier:`"):
        saved_reward(str(tmp_path / "classes"))


@pytest.mark.parametrize("folder", ["heads", "seeds"])
def test_centred_members_agree_on_the_mean(request, folder):
    reward = saved_reward(request.getfixturevalue(folder))
    before = reward.members(ASKED, ANSWERED)
    reward.centre(ASKED, ANSWERED)
    after = reward.members(ASKED, ANSWERED)
    assert after.mean(axis=0) == pytest.approx(np.zeros(before.shape[1]), abs=1e-5)
    assert after - after[0] == pytest.approx(before - before[0], abs=1e-5)


@pytest.fixture(params=["gpt2", "roberta"])
def limited(request, tmp_path):
    """A reward that reads 64 tokens, and its tokenizer."""
    if request.param == "gpt2":
        body, tokenizer = request.getfixturevalue("gpt2")
    else:
        body, tokenizer = load_trunk(str(tiny_encoder("roberta", tmp_path)))
    assert body.context == 64
    return RewardModel(body).eval(), tokenizer


def test_an_answer_that_is_too_long_is_refused(limited):
    reward = LearnedReward(*limited, name="judge")
    message = (
        r"reward judge: a prompt of \d+ tokens .* longer than the 64 tokens that the model can read: lower"
    )
    with pytest.raises(RewardError, match=message):
        reward(["she"], ["x" * 80])
    assert reward.shortened(["she", "she"], ["x" * 80, "x"]) == 0.5


def test_an_answer_that_fits_to_the_last_token_is_read(limited):
    model, tokenizer = limited
    room = 64 - len(tokenizer.prompt_ids(Prompt("she"))[0]) - 1  # the end token; "x" was never merged
    assert len(tokenizer.response_ids("x" * room)[0]) == room + 1
    LearnedReward(model, tokenizer)(["she"], ["x" * room])
    with pytest.raises(RewardError):
        LearnedReward(model, tokenizer)(["she"], ["x" * (room + 1)])


def test_a_long_answer_may_lose_its_middle(limited):
    model, tokenizer = limited
    reward = LearnedReward(model, tokenizer, longer="cut")
    prompt = len(tokenizer.prompt_ids(Prompt("she"))[0])
    room = 64 - prompt
    begin, end = room - room // 2, room // 2 - 1  # and the end token
    kept = "x" * begin + "z" * end
    assert reward(["she"], ["x" * 100 + "z" * 100]) == pytest.approx(reward(["she"], [kept]), abs=1e-5)
    assert reward(["she"], [kept]) == pytest.approx(LearnedReward(model, tokenizer)(["she"], [kept]))


def test_a_prompt_that_leaves_no_room(limited):
    with pytest.raises(RewardError, match="shorten the prompts"):
        LearnedReward(*limited, longer="cut")(["x" * 63], ["an answer"])
