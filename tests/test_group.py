"""Advantages within a group, against numbers worked by hand and against what the papers prove of them."""

import pytest
import torch

from assent.functional.group import best_of_n_advantages, grpo_advantages, rloo_advantages
from assent.functional.policy_gradient import clipped_policy_loss

ALL = [grpo_advantages, rloo_advantages, best_of_n_advantages]
TWO_PROMPTS = torch.tensor([1.0, 2.0, 3.0, 0.0, 0.0, 6.0])  # three answers to each; both means are 2


def test_grpo_by_hand():
    # deviations of the sample: sqrt((1 + 0 + 1) / 2) = 1 and sqrt((4 + 4 + 16) / 2) = 3.464102
    found = grpo_advantages(TWO_PROMPTS, 3, epsilon=0.0)
    assert found.tolist() == pytest.approx([-1, 0, 1, -0.577350, -0.577350, 1.154701], abs=1e-6)


def test_grpo_of_two_answers():
    # 3 and 7: mean 5, deviation sqrt((4 + 4) / 1) = 2.828427
    assert grpo_advantages(torch.tensor([3.0, 7.0]), 2, 0.0).tolist() == pytest.approx(
        [-0.707107, 0.707107], abs=1e-6
    )


def test_grpos_epsilon_is_added_to_the_deviation():
    assert grpo_advantages(TWO_PROMPTS[:3], 3, epsilon=1.0).tolist() == pytest.approx([-0.5, 0, 0.5])


def test_rloo_by_hand():
    # 1 - (2 + 3) / 2, 2 - (1 + 3) / 2, 3 - (1 + 2) / 2; 0 - (0 + 6) / 2 twice, 6 - 0
    assert rloo_advantages(TWO_PROMPTS, 3).tolist() == pytest.approx([-1.5, 0, 1.5, -3, -3, 6])


def test_best_of_n_by_hand():
    assert best_of_n_advantages(TWO_PROMPTS, 3).tolist() == [0, 0, 1, 0, 0, 1]
    assert best_of_n_advantages(TWO_PROMPTS, 2).tolist() == [0, 1, 1, 0, 0, 1]


def test_the_best_of_n_share_a_tie():
    found = best_of_n_advantages(torch.tensor([2.0, 1.0, 2.0, -1.0, -1.0, -1.0]), 3)
    assert found.tolist() == pytest.approx([1 / 2, 0, 1 / 2, 1 / 3, 1 / 3, 1 / 3])


@pytest.mark.parametrize("advantages", [grpo_advantages, rloo_advantages])
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1000.3])  # 0.1 and the last have means that round
def test_equal_returns_teach_nothing(advantages, value):
    assert advantages(torch.full((6,), value), 3).tolist() == [0.0] * 6


@pytest.mark.parametrize("advantages", ALL)
def test_a_constant_changes_nothing_and_groups_do_not_mix(advantages):
    shifted = TWO_PROMPTS + torch.tensor([8.0] * 3 + [-16.0] * 3)
    alone = torch.cat([advantages(group, 3) for group in TWO_PROMPTS.split(3)])
    assert torch.equal(advantages(shifted, 3), advantages(TWO_PROMPTS, 3))
    assert torch.equal(alone, advantages(TWO_PROMPTS, 3))


@pytest.mark.parametrize("advantages", ALL)
def test_what_is_no_whole_number_of_groups_is_refused(advantages):
    with pytest.raises(ValueError, match="6 returns are no whole number of groups of 4 answers"):
        advantages(TWO_PROMPTS, 4)
    with pytest.raises(ValueError, match="a group has 1 answers: expected 2 or more"):
        advantages(TWO_PROMPTS, 1)


def test_rloo_is_unbiased():
    """Over all pairs of answers, each weighted by its probability, its gradient is that of the mean."""
    logits = torch.tensor([0.3, -0.5, 1.1], dtype=torch.float64, requires_grad=True)
    rewards = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    logprobs = logits.log_softmax(0)
    [exact] = torch.autograd.grad(logprobs.exp() @ rewards, logits, retain_graph=True)
    pairs = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    chance = logprobs.detach().exp()[pairs].prod(dim=1)
    advantages = rloo_advantages(rewards[pairs].flatten(), 2).view(pairs.shape)
    estimate = (chance * (advantages * logprobs[pairs]).mean(dim=1)).sum()
    [found] = torch.autograd.grad(estimate, logits)
    assert torch.allclose(found, exact)


def test_a_step_on_the_best_of_n_is_supervised_learning_on_them():
    logits = torch.randn(4, 3, 5, requires_grad=True)  # four answers of three tokens, two to a prompt
    ids = torch.randint(5, (4, 3))
    logprobs = logits.log_softmax(-1).gather(-1, ids[..., None]).squeeze(-1)
    advantages = best_of_n_advantages(torch.tensor([0.1, 0.9, 5.0, -5.0]), 2)
    loss = clipped_policy_loss(logprobs, logprobs.detach(), advantages[:, None].expand(4, 3), clip=0.2)
    [found] = torch.autograd.grad(loss.sum(), logits, retain_graph=True)
    [imitation] = torch.autograd.grad(-logprobs[[1, 2]].sum(), logits)
    assert torch.allclose(found, imitation, atol=1e-6)
