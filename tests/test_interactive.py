"""`from assent import PPO`: a reward that only exists at run time."""

import re
from pathlib import Path

import pytest
import torch
from tiny_models import tiny
from transformers import AutoModelForCausalLM, AutoTokenizer

import assent
from assent import PPO, LoRA, PPOConfig
from assent.errors import RewardError, UserError
from assent.models.load import save

PROMPTS = ["Once upon a time", "One day", "She"] * 8


@pytest.fixture
def folder(bpe, tmp_path):
    model, tokenizer = tiny("gpt2", bpe)
    with torch.no_grad():  # so far from flat that adapters, which leave the head alone, can sharpen it
        model.network.get_output_embeddings().weight.mul_(4)
    save(model, tokenizer, tmp_path / "start", kind="policy")
    return tmp_path / "start"


def config_of(**changes):
    return PPOConfig(**{"learning_rate": 1e-2, "kl_coef": 0.01, "epochs": 2, "minibatch": 8, **changes})


def test_one_update(folder, tmp_path):
    ppo = PPO.load(folder, config_of(), seed=0)
    before = {name: tensor.clone() for name, tensor in ppo.model.state_dict().items()}
    answers = ppo.generate(PROMPTS, max_new_tokens=5)
    assert len(answers.texts) == len(PROMPTS)
    assert all(isinstance(text, str) for text in answers.texts)
    assert answers.answered.responses.lengths.max() <= 5
    stats = ppo.step(answers, scores=[float(len(text)) for text in answers.texts])
    assert {type(value) for value in stats.values()} == {float}
    assert stats["kl"] == 0.0  # before the first update the policy is its reference
    assert stats["first_ratio_off"] < 1e-5
    assert stats["score"] == pytest.approx(sum(map(len, answers.texts)) / len(PROMPTS))
    assert any(not torch.equal(tensor, before[name]) for name, tensor in ppo.model.state_dict().items())

    ppo.save(tmp_path / "out")
    network = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    ids = AutoTokenizer.from_pretrained(tmp_path / "out")("One day", return_tensors="pt")["input_ids"]
    assert torch.allclose(network(ids).logits, ppo.model.network(ids).logits, atol=1e-5)


@pytest.mark.parametrize("lora", [None, LoRA(rank=4)])
def test_a_reward_at_run_time_is_learned(folder, lora):
    ppo = PPO.load(folder, config_of(kl_coef=0.0, epochs=4), seed=1, lora=lora)
    means = []
    for _ in range(12):
        answers = ppo.generate(PROMPTS, max_new_tokens=6)
        scores = [sum(letter < "n" for letter in text) / max(1, len(text)) for text in answers.texts]
        means.append(ppo.step(answers, scores)["score"])
    assert sum(means[-3:]) / 3 > means[0] + 0.15


def test_a_resumed_loop_goes_on_as_if_nothing_had_happened(folder, tmp_path):
    def steps(ppo, count):
        for _ in range(count):
            answers = ppo.generate(PROMPTS, max_new_tokens=5)
            stats = ppo.step(answers, [float(len(text)) for text in answers.texts])
        return stats

    whole = PPO.load(folder, config_of(), seed=0)
    expected = steps(whole, 4)
    first = PPO.load(folder, config_of(), seed=0)
    steps(first, 2)
    first.save_checkpoint(tmp_path / "state")
    second = PPO.load(folder, config_of(), seed=0)
    assert second.resume(tmp_path / "state") == 2
    assert steps(second, 2) == expected
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name


def test_the_rate_is_constant_unless_an_end_is_planned(folder):
    def rates(config):
        ppo = PPO.load(folder, config)
        found = []
        for _ in range(2):
            answers = ppo.generate(PROMPTS, max_new_tokens=3)
            found.append(ppo.step(answers, [float(len(text)) for text in answers.texts])["learning_rate"])
        return found

    assert rates(config_of()) == [1e-2, 1e-2]
    # 2 steps of 2 epochs of 3 minibatches: the rate of update n is (12 - n) / 12 of its peak
    assert rates(config_of(steps=2, batch=24)) == pytest.approx([1e-2 * 9.5 / 12, 1e-2 * 3.5 / 12])


def test_the_page_on_policies_shows_what_runs(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "policy.md").read_text("utf-8")
    [shown] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(shown.replace("path-or-hub-id", str(folder)).replace("max_new_tokens=64", "max_new_tokens=8"))
    assert (tmp_path / "out" / "model.safetensors").is_file()


@pytest.mark.parametrize("scores", [[1.0], [float("nan")] * 24, ["good"] * 24])
def test_scores_that_are_none(folder, scores):
    ppo = PPO.load(folder, config_of())
    answers = ppo.generate(PROMPTS, max_new_tokens=3)
    with pytest.raises(RewardError, match="step"):
        ppo.step(answers, scores)
    assert ppo.steps == 0


def test_mistakes_are_named(folder, tmp_path):
    ppo = PPO.load(folder, config_of(steps=2, batch=64))
    with pytest.raises(UserError, match="generate: expected a list of prompts"):
        ppo.generate([])
    with pytest.raises(UserError, match="generate: expected a list of prompts"):
        ppo.generate("One day")
    with pytest.raises(UserError, match="generate: max_new_tokens"):
        ppo.generate(["One day"], max_new_tokens=0)
    with pytest.raises(UserError, match="the model can read 64: lower max_new_tokens"):
        ppo.generate(["One day"], max_new_tokens=64)
    with pytest.raises(UserError, match=r"give PPOConfig\(batch=24\)"):
        ppo.step(ppo.generate(PROMPTS, max_new_tokens=3), [0.0] * 24)
    with pytest.raises(UserError, match="holds no checkpoint"):
        ppo.resume(tmp_path / "nothing")
    with pytest.raises(ValueError, match="truncated distribution"):
        config_of(sampling={"top_k": 3})
    with pytest.raises(AttributeError, match="no attribute 'DPO'"):
        _ = assent.DPO
