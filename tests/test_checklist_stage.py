"""The checklist of a correct implementation, at a stage's first step: lines 6, 8 and 18."""

import copy
import json

import pytest
import torch
from checklist_models import ASKED, own_reading
from stage_world import made

from assent.models.heads import RewardModel
from assent.models.load import load, load_reward, save_reward
from assent.models.sampler import Sampling, sample
from assent.records import Prompt
from assent.stages import policy as policy_stage
from assent.training.checkpoint import generator_of

JUDGED_BY = {"gpt2": "llama", "llama": "t5", "t5": "bart", "bart": "gpt2"}  # with a tokenizer of its own


@pytest.fixture(scope="module")
def staged(folders, tmp_path_factory):
    """(parties, folder) of a policy stage at its first step, by variant; each is made once."""
    known = {}

    def stage(variant):
        if variant not in known:
            known[variant] = _stage(variant, folders, tmp_path_factory.mktemp("stage"))
        return known[variant]

    return stage


def _stage(variant, folders, root):
    torch.manual_seed(4)
    body, tokenizer = load(str(folders[JUDGED_BY[variant.family]]))
    save_reward(RewardModel(body), tokenizer, root / "judge")
    config = json.loads((root / "judge" / "config.json").read_text())
    assert 0.5 in config.values()  # its dropout is not lost on the way
    (root / "prompts.jsonl").write_text("".join(json.dumps({"input_text": t}) + "\n" for t in ASKED[:4]))
    (root / "f.py").write_text(
        "def length(prompts, responses):\n    return [float(len(r)) for r in responses]\n"
    )
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy_stage, "train_policy", lambda players, *_, **__: seen.append(players))
        folder, _ = made(
            "policy",
            root / "it",
            model=str(folders[variant.family]),
            prompts=str(root / "prompts.jsonl"),
            rewards=[
                {"model": str(root / "judge"), "weight": 2.0},
                {"function": f"{root}/f.py:length"},
                {"function": f"{root}/f.py:length", "normalise": True, "name": "scaled", "weight": -1.0},
            ],
            lora=variant.lora and variant.lora.model_dump(),
            critic="shared" if variant.critic == "shared" else "policy",
            gradient_checkpointing=True,
            normalise_on=256,
            batch=128,
            sampling={"max_new_tokens": 5},
            steps=1,
        )
    return seen[0], folder


def test_06_dropout_is_off_in_policy_reference_critic_and_reward_model(variant, staged, folders):
    players, _ = staged(variant)
    tokenizer, asked = load(str(folders[variant.family]))[1], [Prompt(text) for text in ASKED]
    (prompts, _), (responses, _) = (
        tokenizer.prompts(asked),
        tokenizer.responses(["saw the ball"] * len(ASKED)),
    )
    torch.nn.init.normal_(players.critic.head.linear.weight)

    def readings():
        states = players.policy.states(prompts, responses)
        return [
            states,
            players.reference.states(prompts, responses),
            players.critic.values(states, prompts, responses),
            players.score(asked, responses)[1],
        ]

    for learns in (True, False):  # with a gradient, activations are computed again
        with torch.set_grad_enabled(learns):
            for first, second in zip(readings(), readings(), strict=True):
                assert torch.equal(first, second)
    awake = copy.deepcopy(players.policy).train().states(prompts, responses)
    assert not torch.allclose(awake, readings()[0], atol=1e-2)  # there is some to turn off


def test_08_a_reward_model_has_mean_0_and_deviation_1_on_the_references_answers(variant, staged, folders):
    players, folder = staged(variant)
    model, raw, scaled = json.loads((folder / "rewards.json").read_text())
    assert (model["weight"], raw["weight"], scaled["weight"]) == (2.0, 1.0, -1.0)
    assert (raw["offset"], raw["scale"]) == (0, 1)
    policy, tokenizer = load(str(folders[variant.family]))
    asked = [Prompt(text) for text in ASKED[:4]] * 64
    drawn = sample(
        policy,
        tokenizer.prompts(asked)[0],
        Sampling(max_new_tokens=5),
        tokenizer.end_id,
        generator_of("other"),
    )
    scores, parts = players.score(asked, drawn.responses)
    for normalised in (parts[:, 0], parts[:, 2]):
        assert abs(normalised.mean().item()) < 0.35  # four standard errors of the difference of two means
        assert normalised.std().item() == pytest.approx(1, abs=0.35)
    lengths = torch.tensor([float(len(text)) for text in tokenizer.texts(drawn.responses)])
    assert torch.equal(parts[:, 1], lengths)
    assert torch.allclose(parts[:, 2], (lengths - scaled["offset"]) / scaled["scale"], atol=1e-5)
    assert torch.allclose(scores, 2 * parts[:, 0] + parts[:, 1] - parts[:, 2], atol=1e-5)


def test_18_policy_and_reward_model_with_different_tokenizers_go_through_text(variant, staged, folders):
    players, folder = staged(variant)
    _, tokenizer = load(str(folders[variant.family]))
    judge, reader = load_reward(str(folder.parent / "judge"))
    assert reader.inner.get_vocab() != tokenizer.inner.get_vocab()
    texts = ["saw the ball", "a big, red ball.", "", "One day"]
    _, parts = players.score([Prompt(text) for text in ASKED[:4]], tokenizer.responses(texts)[0])
    facts = json.loads((folder / "rewards.json").read_text())[0]
    for row, text in enumerate(texts):
        prompt, response = (
            reader.inner.encode(ASKED[row]),
            reader.inner.encode(text, add_special_tokens=False),
        )
        states, _ = own_reading(judge.body.network, prompt, [*response, reader.inner.eos_token_id])
        raw = judge.head(states[-1]).item()
        assert parts[row, 0].item() == pytest.approx((raw - facts["offset"]) / facts["scale"], abs=1e-3)
