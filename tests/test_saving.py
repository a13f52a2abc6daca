"""Models as files, adapters, and the heads that read a scalar."""

import pytest
import torch
from tiny_models import tiny

from assent.batch import Tokens
from assent.errors import UserError
from assent.models.build import Architecture, build
from assent.models.heads import RewardModel
from assent.models.load import (
    LoRA,
    adapted,
    load,
    load_reward,
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
