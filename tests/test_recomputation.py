"""Gradient checkpointing: the same gradients, the same sampling, and still no dropout, in every family."""

import pytest
import torch
from checklist_models import ASKED, folder_with_dropout
from tiny_folders import FAMILIES
from transformers.modeling_layers import GradientCheckpointingLayer

from assent.errors import UserError
from assent.models.load import LoRA, load
from assent.models.sampler import Sampling, sample
from assent.records import Prompt
from assent.training.checkpoint import generator_of


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("folders")
    return {family: str(folder_with_dropout(family, root / family)) for family in FAMILIES}


def loaded(folder, lora):
    torch.manual_seed(6)
    model, tokenizer = load(folder, lora)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval(), tokenizer


def layers_of(model):
    return [module for module in model.network.modules() if isinstance(module, GradientCheckpointingLayer)]


def first_leaf(layer):
    """A hook of the layer itself would not see it run again."""
    return next(module for module in layer.modules() if not any(module.children()))


def learned_from(model, prompts, responses):
    """(states, gradients, how often each layer ran) of one forward and backward."""
    runs, layers = [0] * len(layers_of(model)), layers_of(model)
    hooks = [
        first_leaf(layer).register_forward_hook(lambda *_, n=n: runs.__setitem__(n, runs[n] + 1))
        for n, layer in enumerate(layers)
    ]
    states = model.states(prompts, responses)
    logprobs, entropy = model.token_logprobs(states, responses)
    (logprobs.sum() + entropy.sum()).backward()
    for hook in hooks:
        hook.remove()
    named = model.named_parameters()
    return states.detach(), {name: p.grad.clone() for name, p in named if p.grad is not None}, runs


@pytest.mark.parametrize("lora", [None, LoRA(rank=2, dropout=0.5)], ids=["full", "lora"])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_computed_again_is_the_same(folders, family, lora):
    (plain, tokenizer), (model, _) = (loaded(folders[family], lora) for _ in range(2))
    prompts, _ = tokenizer.prompts([Prompt(text) for text in ASKED])
    responses, _ = tokenizer.responses(["saw the ball", "", "park", "a", "One day", "She"])
    model.recompute()
    before = [(layer.training, getattr(layer, "dropout", None)) for layer in layers_of(model)]
    expected_states, expected, once = learned_from(plain, prompts, responses)
    states, found, runs = learned_from(model, prompts, responses)
    assert set(once) == {1}
    assert set(runs) == {2}
    assert torch.equal(states, expected_states)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        bound = 1e-6 * max(1.0, gradient.abs().max().item())
        assert torch.allclose(found[name], gradient, rtol=0, atol=bound), name
    assert [(layer.training, getattr(layer, "dropout", None)) for layer in layers_of(model)] == before

    settings = (Sampling(max_new_tokens=6), tokenizer.end_id)
    drawn, as_drawn = (sample(each, prompts, *settings, generator_of(0)) for each in (model, plain))
    assert torch.equal(drawn.responses.ids, as_drawn.responses.ids)  # the key-value cache is there as before
    assert torch.equal(drawn.logprobs, as_drawn.logprobs)


def test_a_family_that_cannot_is_refused(folders):
    model, _ = load(folders["gpt2"])
    model.network.supports_gradient_checkpointing = False
    with pytest.raises(UserError, match="gradient_checkpointing: the family gpt2 has none: leave it out"):
        model.recompute()
