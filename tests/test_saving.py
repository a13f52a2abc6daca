"""Models as files, adapters, and the heads that read a scalar."""

import pytest
import torch
from conftest import tiny

from assent.batch import Tokens
from assent.errors import UserError
from assent.functional.policy_gradient import kl_full
from assent.models.build import Architecture, build
from assent.models.heads import RewardModel, ScalarHead, SharedCritic
from assent.models.load import (
    LoRA,
    adapted,
    frozen_copy,
    load,
    load_reward,
    reference_of,
    save,
    save_reward,
    saved_settings,
    saved_size,
    weights_hash,
)
from assent.models.tokenizer import Template
from assent.records import Prompt


@pytest.fixture(params=["gpt2", "llama", "t5"])
def written(request, bpe):
    return tiny(request.param, bpe, Template(instruction="Say: ", answer_prefix=" "))


@pytest.fixture
def prompts():
    return Tokens.of([[5, 6, 7], [8]], 0, side="left")


@pytest.fixture
def responses():
    return Tokens.of([[9, 10, 0], [11]], 0)


def logits(model, prompts, responses):
    with torch.no_grad():
        return model.logits(model.states(prompts, responses))


def moved(model):
    """The model with its adapters no longer at zero."""
    with torch.no_grad():
        for parameter in model.learning():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def test_a_model_comes_back_as_it_was_saved(written, prompts, responses, tmp_path):
    model, tokenizer = written
    save(model, tokenizer, tmp_path, kind="policy")
    back, its_tokenizer = load(str(tmp_path))
    assert torch.equal(logits(model, prompts, responses), logits(back, prompts, responses))
    assert its_tokenizer.template == tokenizer.template
    assert its_tokenizer.prompt_ids(Prompt("she loved")) == tokenizer.prompt_ids(Prompt("she loved"))
    assert its_tokenizer.end_id == tokenizer.end_id
    assert weights_hash(back) == weights_hash(model)
    assert saved_settings(str(tmp_path))["kind"] == "policy"


def test_a_template_given_replaces_the_one_that_was_kept(written, tmp_path):
    save(*written, tmp_path)
    _, tokenizer = load(str(tmp_path), template=Template(prefix="new "))
    assert tokenizer.render(Prompt("x")) == "new x"


def test_the_size_is_read_off_the_files(written, tmp_path):
    model, _ = written
    save(*written, tmp_path)
    parameters, layers = saved_size(str(tmp_path))
    assert layers == (4 if model.network.config.is_encoder_decoder else 2)
    assert parameters == pytest.approx(sum(p.numel() for p in model.parameters()), rel=0.15)


def test_before_the_first_update_adapters_change_nothing(written, prompts, responses):
    model, _ = written
    bare = logits(model, prompts, responses)
    wrapped = adapted(model, LoRA(rank=2))
    assert torch.equal(logits(wrapped, prompts, responses), bare)
    with torch.no_grad():
        policy = wrapped.logprobs(prompts, responses)[0]
        reference = reference_of(wrapped).logprobs(prompts, responses)[0]
    assert torch.equal(policy, reference)


def test_adapters_off_are_the_reference_bit_for_bit(written, prompts, responses):
    model, _ = written
    reference = frozen_copy(model)
    bare = logits(reference, prompts, responses)
    with torch.no_grad():
        bare_logprobs = reference.logprobs(prompts, responses)[0]
    wrapped = moved(adapted(model, LoRA(rank=2)))
    assert kl_full(logits(wrapped, prompts, responses), bare).max() > 1e-3
    with wrapped.unadapted():
        assert torch.equal(logits(wrapped, prompts, responses), bare)
    with torch.no_grad():
        assert torch.equal(reference_of(wrapped).logprobs(prompts, responses)[0], bare_logprobs)
    assert kl_full(logits(wrapped, prompts, responses), bare).max() > 1e-3  # and on again


def test_only_adapters_learn(written):
    model, _ = written
    wrapped = adapted(model, LoRA(rank=2))
    named = [name for name, parameter in wrapped.named_parameters() if parameter.requires_grad]
    assert named
    assert all("lora_" in name for name in named)


def test_adapters_are_merged_when_saved(written, prompts, responses, tmp_path):
    model, tokenizer = written
    wrapped = moved(adapted(model, LoRA(rank=2)))
    expected = logits(wrapped, prompts, responses)
    save(wrapped, tokenizer, tmp_path)
    back, _ = load(str(tmp_path))
    assert torch.allclose(logits(back, prompts, responses), expected, atol=1e-4)
    assert not [name for name in back.network.state_dict() if "lora" in name]
    assert torch.equal(logits(wrapped, prompts, responses), expected)  # the model in memory is untouched


def test_the_reference_of_a_whole_model_is_a_frozen_copy(written, prompts, responses):
    model, _ = written
    reference = reference_of(model)
    before = reference.logprobs(prompts, responses)[0]
    moved(model)
    assert torch.equal(reference.logprobs(prompts, responses)[0], before)
    assert not torch.allclose(model.logprobs(prompts, responses)[0], before)
    assert reference.learning() == []


def test_a_reward_model_comes_back(written, prompts, responses, tmp_path):
    body, tokenizer = written
    model = RewardModel(body)
    save_reward(model, tokenizer, tmp_path)
    back, _ = load_reward(str(tmp_path))
    with torch.no_grad():  # with a gradient, attention may take another way, and round otherwise
        assert torch.equal(back.scores(prompts, responses), model.scores(prompts, responses))
    assert not back.training


def test_a_policy_is_no_reward_model(written, tmp_path):
    save(*written, tmp_path)
    with pytest.raises(UserError, match=r"no score_head.safetensors there: expected the model of a `reward`"):
        load_reward(str(tmp_path))


@torch.no_grad()
def test_the_score_is_read_at_the_last_real_token(written, prompts, responses):
    body, _ = written
    model = RewardModel(body)
    states = body.states(prompts, responses)
    expected = model.head(torch.stack([states[0, 3], states[1, 1]]))
    assert torch.equal(model.scores(prompts, responses), expected)
    alone = model.scores(
        prompts.rows(slice(1, 2)).left_trimmed(), responses.rows(slice(1, 2)).right_trimmed()
    )
    assert torch.allclose(alone, expected[1:], atol=1e-5)


def test_a_critic_begins_at_zero_and_values_the_prefix_before_each_token(written, prompts, responses):
    body, _ = written
    critic, states = SharedCritic(body.width), body.states(prompts, responses)
    assert critic.values(states, prompts, responses).abs().max() == 0
    torch.nn.init.ones_(critic.head.linear.weight)
    assert torch.allclose(critic.values(states, prompts, responses), states[:, :-1].sum(-1), atol=1e-5)


def test_a_reward_head_begins_as_published():
    head = ScalarHead(4095, "small")  # N(0, 1 / sqrt(d + 1))
    assert head.linear.weight.std().item() == pytest.approx(1 / 64, rel=0.05)
    assert head.linear.bias.item() == 0


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match="cannot be loaded"):
        load(str(tmp_path))


def test_weights_that_are_not_safetensors_are_refused(written, tmp_path):
    save(*written, tmp_path)
    weights = written[0].network.state_dict()
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="cannot be loaded"):
        load(str(tmp_path))


def test_damaged_weights(written, tmp_path):
    save(*written, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be loaded"):
        load(str(tmp_path))


def test_a_width_that_the_heads_cannot_share(bpe):
    with pytest.raises(UserError, match="width 18 is not a multiple of heads 4"):
        build(Architecture(width=18, heads=4), bpe, Template())
