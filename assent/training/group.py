"""Credit by comparison with other answers to the same prompt: GRPO, RLOO and best-of-n need no critic."""

from collections.abc import Callable, Mapping

from torch import Tensor

from assent.batch import Experience, Rollout
from assent.functional.group import best_of_n_advantages, grpo_advantages, rloo_advantages
from assent.training.policy_settings import PPOConfig
from assent.training.ppo import Accounting

Advantages = Callable[[Tensor, Tensor, int], Tensor]  # (scores, charges, answers a prompt) -> Float[batch]


def group_credit(advantages_of: Advantages) -> Accounting:
    """Every token of an answer gets the answer's advantage; rows of one prompt lie side by side."""

    def credit(rollout: Rollout, scores: Tensor, config: PPOConfig, kl_coef: float) -> Experience:
        mask = rollout.responses.mask
        charges = -kl_coef * rollout.kl.where(mask, 0.0).sum(dim=1)
        advantages = advantages_of(scores, charges, config.credit.group)[:, None].expand_as(rollout.kl)
        returns = (scores + charges)[:, None].expand_as(rollout.kl)  # no critic learns from them
        return Experience(rollout, advantages.where(mask, 0.0), returns.where(mask, 0.0))

    return credit


def grpo(scores: Tensor, charges: Tensor, group: int) -> Tensor:
    """Only scores are measured in their group's deviations, as in the paper, which has the KL in the loss.

    Measured with them, the price of drift would count in units of itself where all scores are equal.
    """
    return grpo_advantages(scores, group) + rloo_advantages(charges, group)


def rloo(scores: Tensor, charges: Tensor, group: int) -> Tensor:
    return rloo_advantages(scores + charges, group)


def best_of_n(scores: Tensor, charges: Tensor, group: int) -> Tensor:
    return best_of_n_advantages(scores + charges, group)


CREDITS: Mapping[str, Accounting] = {
    "grpo": group_credit(grpo),
    "rloo": group_credit(rloo),
    "best_of_n": group_credit(best_of_n),
}
