"""Credit by comparison with other answers to the same prompt: GRPO, RLOO and best-of-n need no critic."""

from collections.abc import Callable, Mapping

from torch import Tensor

from assent.batch import Experience, Rollout
from assent.functional.group import best_of_n_advantages, grpo_advantages, rloo_advantages
from assent.functional.masked import standardise
from assent.functional.policy_gradient import token_rewards
from assent.training import parallel
from assent.training.policy_settings import PPOConfig
from assent.training.ppo import Accounting

Advantages = Callable[[Tensor, int], Tensor]  # (returns: Float[batch], answers a prompt) -> Float[batch]


def group_credit(advantages_of: Advantages) -> Accounting:
    """Every token of an answer gets the answer's advantage; rows of one prompt lie side by side."""

    def credit(rollout: Rollout, scores: Tensor, config: PPOConfig, kl_coef: float) -> Experience:
        mask = rollout.responses.mask
        rewards = token_rewards(scores, rollout.kl, mask, kl_coef)
        if config.shaping.whiten:
            rewards = standardise(rewards, mask, centre=False, total=parallel.summed)
        advantages = advantages_of(rewards.sum(dim=1), config.credit.group)[:, None].expand_as(rewards)
        to_go = rewards.flip(1).cumsum(dim=1).flip(1)
        return Experience(rollout, advantages.where(mask, 0.0), to_go.where(mask, 0.0))

    return credit


CREDITS: Mapping[str, Accounting] = {
    "grpo": group_credit(grpo_advantages),
    "rloo": group_credit(rloo_advantages),
    "best_of_n": group_credit(best_of_n_advantages),
}
