"""Credit by comparison with other answers to the same prompt: GRPO, RLOO and best-of-n need no critic."""

from collections.abc import Callable, Mapping

from torch import Tensor

from assent.batch import Experience, Rollout
from assent.functional.group import best_of_n_advantages, grpo_advantages, rloo_advantages
from assent.training.policy_settings import PPOConfig
from assent.training.ppo import Accounting

Advantages = Callable[[Tensor, int], Tensor]  # (returns: Float[batch], answers a prompt) -> Float[batch]


def group_credit(advantages_of: Advantages) -> Accounting:
    """Every token of an answer gets the answer's advantage; rows of one prompt lie side by side.

    What an answer returns is its score less what its KL costs, so that a nat costs the same score under
    every algorithm. The paper of GRPO has the KL beside scores that are measured in deviations of their
    group: then the price falls where scores differ little (benchmarks/RESULTS.md has a run of each).
    """

    def credit(rollout: Rollout, scores: Tensor, config: PPOConfig, kl_coef: float) -> Experience:
        mask = rollout.responses.mask
        returns = scores - kl_coef * rollout.kl.where(mask, 0.0).sum(dim=1)
        advantages = advantages_of(returns, config.credit.group)[:, None].expand_as(rollout.kl)
        every = returns[:, None].expand_as(rollout.kl)  # no critic learns from them
        return Experience(rollout, advantages.where(mask, 0.0), every.where(mask, 0.0))

    return credit


CREDITS: Mapping[str, Accounting] = {
    "grpo": group_credit(grpo_advantages),
    "rloo": group_credit(rloo_advantages),
    "best_of_n": group_credit(best_of_n_advantages),
}
