"""Reward models with several heads: what they say by hand, and what becomes of them on disk."""

import json

import pytest
import torch
from safetensors.torch import load_file

from assent.batch import Tokens
from assent.errors import UserError
from assent.models.heads import RewardModel, ScalarHead
from assent.models.load import load_reward, save_reward

CRITERIA = ("helpful", "clear", "rude")


@pytest.fixture
def pairs():
    return Tokens.of([[5, 6, 7], [8]], 0, side="left"), Tokens.of([[9, 10, 11], [12]], 0)


def known_head():
    head = ScalarHead(2, "zero", outputs=3)
    with torch.no_grad():
        head.linear.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
        head.linear.bias.copy_(torch.tensor([0.0, 0.5, -1.0]))
    return head


def test_heads_by_hand():
    # rows (1, 2) and (3, -1): heads x, y + .5, x + y - 1
    head = known_head()
    states = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    assert head.each(states).tolist() == [[1.0, 2.5, 2.0], [3.0, -0.5, 1.0]]
    assert head(states).tolist() == pytest.approx([5.5 / 3, 3.5 / 3])
    head.weights.copy_(torch.tensor([2.0, 1.0, -1.0]))  # sizes sum to 4
    # (2 * 1 + 2.5 - 2) / 4 and (2 * 3 - .5 - 1) / 4
    assert head(states).tolist() == pytest.approx([2.5 / 4, 4.5 / 4])
    single = head.rescaled(offset=0.5, factor=8.0)  # (2.5 / 4 - .5) * 8 = 1; (4.5 / 4 - .5) * 8 = 5
    assert single.linear.out_features == 1
    assert single(states).tolist() == pytest.approx([1.0, 5.0])
    assert single.linear.weight.requires_grad


def test_each_head_begins_at_random_for_itself(gpt2):
    body, _ = gpt2
    weight = RewardModel(body, names=[f"member {n}" for n in range(3)]).head.linear.weight
    assert weight.shape == (3, 16)
    assert min((weight[a] - weight[b]).abs().max().item() for a, b in ((0, 1), (0, 2), (1, 2))) > 0.1
    wide = ScalarHead(1023, "small", outputs=40).linear.weight  # each N(0, 1 / sqrt(d + 1)): 1/32
    assert wide.std().item() == pytest.approx(1 / 32, rel=0.05)


def test_outputs_and_scores_of_a_network(gpt2, pairs):
    body, _ = gpt2
    model = RewardModel(body, names=CRITERIA, combine="criteria", weights=[3.0, 1.0, -1.0])
    with torch.no_grad():
        outputs, scores = model.outputs(*pairs), model.scores(*pairs)
        states = body.states(*pairs)
    linear = model.head.linear  # the state after the last real token: 3 tokens, and 1
    final = torch.stack([states[0, 3], states[1, 1]])
    assert torch.allclose(outputs, final @ linear.weight.T + linear.bias, atol=1e-6)
    assert torch.allclose(scores, outputs @ torch.tensor([0.6, 0.2, -0.2]), atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": [1.0, 2.0]}, "expected a finite number each, not all 0"),
        ({"weights": [0.0, 0.0, 0.0]}, "not all 0"),
        ({"weights": [1.0, 2.0, float("inf")]}, "a finite number each"),
        ({"weights": [1.0, 2.0, 3.0], "combine": "members"}, "the members of an ensemble count alike"),
        ({"names": ["a", "a", "b"]}, "needs as many different names"),
        ({"names": ["a"], "head": ScalarHead(16, "zero", 2)}, "with 2 heads needs as many different names"),
    ],
)
def test_heads_that_do_not_fit(gpt2, settings, message):
    with pytest.raises(UserError, match=message):
        RewardModel(gpt2[0], **{"names": CRITERIA, "combine": "criteria"} | settings)


def test_names_and_weights_come_back(gpt2, pairs, tmp_path):
    body, tokenizer = gpt2
    model = RewardModel(body, names=CRITERIA, combine="criteria", weights=[3.0, 1.0, -1.0])
    save_reward(model, tokenizer, tmp_path)
    back, _ = load_reward(str(tmp_path))
    assert (back.names, back.combine, back.weights) == (CRITERIA, "criteria", [3.0, 1.0, -1.0])
    with torch.no_grad():
        assert torch.equal(back.outputs(*pairs), model.outputs(*pairs))
        assert torch.equal(back.scores(*pairs), model.scores(*pairs))
    told = json.loads((tmp_path / "assent.json").read_text())
    assert told["kind"] == "reward"
    assert told["names"] == list(CRITERIA)
    assert load_file(tmp_path / "score_head.safetensors")["linear.weight"].shape == (3, 16)


def test_a_folder_of_an_earlier_version(gpt2, pairs, tmp_path):
    """One head, and nothing said of names: as every reward model was written until there were several."""
    body, tokenizer = gpt2
    model = RewardModel(body)
    save_reward(model, tokenizer, tmp_path)
    path = tmp_path / "assent.json"
    kept = {key: value for key, value in json.loads(path.read_text()).items() if key in ("template", "kind")}
    path.write_text(json.dumps(kept))
    back, _ = load_reward(str(tmp_path))
    assert (back.names, back.combine) == (("score",), "members")
    with torch.no_grad():
        assert torch.equal(back.scores(*pairs), model.scores(*pairs))


def test_centred(gpt2, pairs):
    body, _ = gpt2
    model = RewardModel(body, names=["member 0", "member 1"])
    with torch.no_grad():
        before = model.outputs(*pairs)
        model.centre(before.mean(dim=0))
        after = model.outputs(*pairs)
    assert torch.allclose(after.mean(dim=0), torch.zeros(2), atol=1e-6)
    assert torch.allclose(after[0] - after[1], before[0] - before[1], atol=1e-6)
